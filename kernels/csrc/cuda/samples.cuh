// Samples of one query and head, prepared once by the lanes that will read them and shared
// through shared memory. The original recomputes them in every lane for every channel.
#pragma once
#include "problem.h"
#include "vectors.cuh"

namespace deformviz {
namespace cuda {

constexpr int THREADS = 128;
constexpr int BLOCK = 16;  // samples prepared at a time
constexpr unsigned ALL_LANES = 0xffffffffu;

// A team of LANES * SPLIT lanes works on one query and head: LANES of them hold its channels, VEC
// each, and with SPLIT > 1 several sets of lanes take turns at the samples.
template <class T_, int VEC_, int LANES_, int SPLIT_>
struct Team {
  using T = T_;
  static constexpr int VEC = VEC_, LANES = LANES_, SPLIT = SPLIT_;
  static constexpr int SIZE = LANES * SPLIT, COUNT = THREADS / SIZE;
};

// Corners outside the level weigh nothing and point at one inside. A sample that touches nothing
// has pixel[0] < 0 and is not read at all, so a NaN elsewhere in `value` cannot leak into it.
struct alignas(16) Sample {
  float weight[CORNERS];
  int pixel[CORNERS];
};

struct Cell {
  float dx, dy;
  bool touches, inside[CORNERS];
};

// x and y in pixels of the level.
__device__ __forceinline__ Cell prepare_sample(const Levels& levels, int level, float x, float y,
                                               float attention, Sample& sample) {
  const int height = levels.height[level], width = levels.width[level];
  Cell cell;
  cell.touches = touches_level(x, y, float(height), float(width));
  x = cell.touches ? x : 0.f;
  y = cell.touches ? y : 0.f;
  const float left = floorf(x), top = floorf(y);
  cell.dx = x - left;
  cell.dy = y - top;
  corner_weights(cell.dx, cell.dy, attention, sample.weight);

  const int column = int(left), row = int(top);
  const bool on_left = column >= 0, on_right = column + 1 < width;
  const bool on_top = row >= 0, on_bottom = row + 1 < height;
  cell.inside[0] = on_top && on_left;
  cell.inside[1] = on_top && on_right;
  cell.inside[2] = on_bottom && on_left;
  cell.inside[3] = on_bottom && on_right;
  const int first = on_left ? column : column + 1, last = on_right ? column + 1 : column;
  const int upper = levels.start[level] + (on_top ? row : row + 1) * width;
  const int lower = levels.start[level] + (on_bottom ? row + 1 : row) * width;
  sample.pixel[0] = cell.touches ? upper + first : -1;
  sample.pixel[1] = upper + last;
  sample.pixel[2] = lower + first;
  sample.pixel[3] = lower + last;
#pragma unroll
  for (int corner = 0; corner < CORNERS; ++corner)
    sample.weight[corner] = cell.inside[corner] ? sample.weight[corner] : 0.f;
  return cell;
}

// The query and head a team works on.
struct Place {
  bool active;
  int batch, query, head;
  long long row;  // batch, query and head, flattened

  __device__ __forceinline__ Place(const Problem& problem, int batch, int query, int head)
      : active(query < problem.queries),
        batch(batch),
        query(active ? query : problem.queries - 1),
        head(head),
        row((static_cast<long long>(batch) * problem.queries + this->query) * problem.heads +
            head) {}
};

// Reading locations and weights as they are given.
template <class T>
struct GivenSamples {
  const float* locations;
  const T* weights;

  __device__ __forceinline__ GivenSamples(const Problem& problem, const Place& place, int samples)
      : locations(problem.locations + place.row * samples * 2),
        weights(static_cast<const T*>(problem.weights) + place.row * samples) {}

  template <class TeamOf>
  __device__ __forceinline__ void begin(int, int) {}

  __device__ __forceinline__ float attention(int sample) const {
    return as_float(weights[sample]);
  }

  __device__ __forceinline__ float2 pixel(const Problem& problem, int sample, int level) const {
    const float2 xy = reinterpret_cast<const float2*>(locations)[sample];
    return make_float2(to_pixel(xy.x, float(problem.levels.width[level])),
                       to_pixel(xy.y, float(problem.levels.height[level])));
  }
};

// Computing them from a layer's offsets and logits; neither is written anywhere.
template <class T>
struct LayerSamples {
  GivenSamples<T> given;
  const float* references;
  float largest = 0.f, share = 0.f;

  __device__ __forceinline__ LayerSamples(const Problem& problem, const Place& place, int samples)
      : given(problem, place, samples) {
    const int size = problem.given == Given::BOXES ? 4 : 2;
    const long long query = static_cast<long long>(place.batch) * problem.queries + place.query;
    references = problem.references + query * problem.levels.count * size;
  }

  // The softmax over all samples; its lanes all call this together.
  template <class TeamOf>
  __device__ __forceinline__ void begin(int lane, int samples) {
    largest = given.attention(0);
    for (int sample = lane; sample < samples; sample += TeamOf::SIZE)
      largest = fmaxf(largest, given.attention(sample));
#pragma unroll
    for (int step = TeamOf::SIZE / 2; step; step /= 2)
      largest = fmaxf(largest, __shfl_xor_sync(ALL_LANES, largest, step));
    float sum = 0.f;
    for (int sample = lane; sample < samples; sample += TeamOf::SIZE)
      sum += expf(given.attention(sample) - largest);
#pragma unroll
    for (int step = TeamOf::SIZE / 2; step; step /= 2)
      sum += __shfl_xor_sync(ALL_LANES, sum, step);
    share = 1.f / sum;
  }

  __device__ __forceinline__ float attention(int sample) const {
    return expf(given.attention(sample) - largest) * share;
  }

  __device__ __forceinline__ float2 pixel(const Problem& problem, int sample, int level) const {
    const float2 offset = reinterpret_cast<const float2*>(given.locations)[sample];
    const float width = problem.levels.width[level], height = problem.levels.height[level];
    if (problem.given == Given::POINTS) {
      const float* center = references + 2 * level;
      return make_float2(to_pixel(center[0], width) + offset.x,
                         to_pixel(center[1], height) + offset.y);
    }
    const float* box = references + 4 * level;
    const float half = 0.5f / problem.points;
    return make_float2(to_pixel(box[0] + offset.x * half * box[2], width),
                       to_pixel(box[1] + offset.y * half * box[3], height));
  }
};

}  // namespace cuda
}  // namespace deformviz

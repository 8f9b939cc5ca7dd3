// What every rung of the ladder is given: the sizes of the published models, fixed, so that the
// loops unroll and what is left to see is the idea.
#pragma once
#include <cuda_fp16.h>

#include "../csrc/sample.h"

namespace deformviz {
namespace ladder {

constexpr int CHANNELS = 32, LEVELS = 4, POINTS = 4, SAMPLES = LEVELS * POINTS;

struct Levels {
  int height[LEVELS], width[LEVELS], start[LEVELS];
};

// value [batch pixel head channel] (float, on the last rung __half), locations
// [batch query head sample xy], weights [batch query head sample], output
// [batch query head channel].
struct Problem {
  const void* value;
  const float *locations, *weights;
  float* output;
  int batches, pixels, heads, queries;
  Levels levels;
  const Levels* levels_in_memory;  // the same, as the original kernel is given them
};

// Four pixels and what they weigh. Corners outside the level weigh nothing; a sample that touches
// no pixel has pixel[0] < 0.
struct alignas(16) Sample {
  float weight[CORNERS];
  int pixel[CORNERS];
};

__device__ __forceinline__ Sample make_sample(int height, int width, int start, float location_x,
                                              float location_y, float attention) {
  float x = to_pixel(location_x, float(width)), y = to_pixel(location_y, float(height));
  const bool touches = touches_level(x, y, float(height), float(width));
  x = touches ? x : 0.f;
  y = touches ? y : 0.f;
  const int left = int(floorf(x)), top = int(floorf(y));
  Sample sample;
  corner_weights(x - left, y - top, attention, sample.weight);
#pragma unroll
  for (int corner = 0; corner < CORNERS; ++corner) {
    const int column = left + (corner & 1), row = top + (corner >> 1);
    const bool inside = column >= 0 && row >= 0 && column < width && row < height;
    sample.weight[corner] = inside ? sample.weight[corner] : 0.f;
    sample.pixel[corner] = start + min(max(row, 0), height - 1) * width +
                           min(max(column, 0), width - 1);
  }
  sample.pixel[0] = touches ? sample.pixel[0] : -1;
  return sample;
}

// The first number of a query and head's samples; times two, its locations.
__device__ __forceinline__ long long samples_of(const Problem& problem, int batch, int query,
                                                int head) {
  return ((1LL * batch * problem.queries + query) * problem.heads + head) * SAMPLES;
}

}  // namespace ladder
}  // namespace deformviz

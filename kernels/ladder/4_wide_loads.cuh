// Rung 4: eight lanes per query and head, four channels each. A lane loads 16 bytes at once, so a
// quarter of the instructions moves the same rows, and a warp works on four queries.
#pragma once
#include "problem.cuh"

namespace deformviz {
namespace ladder {
namespace wide_loads {

constexpr int THREADS = 256, LANES = CHANNELS / 4, TEAMS = THREADS / LANES;

// Two samples per lane, for the lanes of one query and head.
__device__ __forceinline__ void prepare(const Problem& problem, long long first, int lane,
                                        Sample* shared) {
#pragma unroll
  for (int i = lane; i < SAMPLES; i += LANES) {
    const int level = i / POINTS;
    const float2 xy = reinterpret_cast<const float2*>(problem.locations)[first + i];
    shared[i] = make_sample(problem.levels.height[level], problem.levels.width[level],
                            problem.levels.start[level], xy.x, xy.y, problem.weights[first + i]);
  }
}

__device__ __forceinline__ float4 gather(const Sample* shared, const float* value,
                                         int pixel_numbers) {
  float4 sum = make_float4(0.f, 0.f, 0.f, 0.f);
#pragma unroll
  for (int i = 0; i < SAMPLES; ++i) {
    const Sample sample = shared[i];
    if (sample.pixel[0] < 0) continue;
#pragma unroll
    for (int corner = 0; corner < CORNERS; ++corner) {
      const float weight = sample.weight[corner];
      const float4 row = *reinterpret_cast<const float4*>(
          value + 1LL * sample.pixel[corner] * pixel_numbers);
      sum.x += weight * row.x;
      sum.y += weight * row.y;
      sum.z += weight * row.z;
      sum.w += weight * row.w;
    }
  }
  return sum;
}

inline long long blocks(const Problem& problem) {
  const long long all = 1LL * problem.batches * problem.queries * problem.heads;
  return (all + TEAMS - 1) / TEAMS;
}

__global__ void __launch_bounds__(THREADS) kernel(const __grid_constant__ Problem problem) {
  __shared__ Sample shared[TEAMS][SAMPLES + 1];
  const int team = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  const unsigned row = blockIdx.x * TEAMS + team;
  const bool active = row < unsigned(problem.batches * problem.queries * problem.heads);
  if (active) prepare(problem, 1LL * row * SAMPLES, lane, shared[team]);
  __syncwarp();
  if (!active) return;
  const int head = row % unsigned(problem.heads);
  const int batch = row / unsigned(problem.heads * problem.queries);
  const float* value = static_cast<const float*>(problem.value) +
                       (1LL * batch * problem.pixels * problem.heads + head) * CHANNELS + 4 * lane;
  reinterpret_cast<float4*>(problem.output)[1LL * row * LANES + lane] =
      gather(shared[team], value, problem.heads * CHANNELS);
}

}  // namespace wide_loads
}  // namespace ladder
}  // namespace deformviz

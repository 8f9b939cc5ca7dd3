// Rung 3: a warp per query and head. Sixteen of its lanes prepare one sample each and share them;
// coordinates and weights are computed once instead of 32 times.
#pragma once
#include "problem.cuh"

namespace deformviz {
namespace ladder {
namespace shared_samples {

constexpr int THREADS = 256, WARPS = THREADS / 32;

inline long long blocks(const Problem& problem) {
  const long long all = 1LL * problem.batches * problem.queries * problem.heads;
  return (all + WARPS - 1) / WARPS;
}

__global__ void __launch_bounds__(THREADS) kernel(const __grid_constant__ Problem problem) {
  __shared__ Sample shared[WARPS][SAMPLES + 1];  // one more against bank conflicts
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const unsigned row = blockIdx.x * WARPS + warp;
  const bool active = row < unsigned(problem.batches * problem.queries * problem.heads);
  if (active && lane < SAMPLES) {
    const Levels& levels = problem.levels;
    const int level = lane / POINTS;
    const float2 xy = reinterpret_cast<const float2*>(problem.locations)[1LL * row * SAMPLES + lane];
    shared[warp][lane] = make_sample(levels.height[level], levels.width[level],
                                     levels.start[level], xy.x, xy.y,
                                     problem.weights[1LL * row * SAMPLES + lane]);
  }
  __syncwarp();
  if (!active) return;
  const int head = row % unsigned(problem.heads);
  const int batch = row / unsigned(problem.heads * problem.queries);
  const float* value = static_cast<const float*>(problem.value) +
                       1LL * batch * problem.pixels * problem.heads * CHANNELS +
                       head * CHANNELS + lane;
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < SAMPLES; ++i) {
    const Sample sample = shared[warp][i];
    if (sample.pixel[0] < 0) continue;
#pragma unroll
    for (int corner = 0; corner < CORNERS; ++corner)
      sum += sample.weight[corner] *
             value[1LL * sample.pixel[corner] * problem.heads * CHANNELS];
  }
  problem.output[1LL * row * CHANNELS + lane] = sum;
}

}  // namespace shared_samples
}  // namespace ladder
}  // namespace deformviz

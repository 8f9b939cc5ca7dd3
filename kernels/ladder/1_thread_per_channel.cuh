// Rung 1: one thread per channel of the output, as in the original kernel. All 32 threads of a
// query and head compute the same coordinates and weights, and load four bytes at a time.
#pragma once
#include "problem.cuh"

namespace deformviz {
namespace ladder {
namespace thread_per_channel {

constexpr int THREADS = 256;

inline long long blocks(const Problem& problem) {
  const long long all = 1LL * problem.batches * problem.queries * problem.heads * CHANNELS;
  return (all + THREADS - 1) / THREADS;
}

__global__ void __launch_bounds__(THREADS) kernel(const __grid_constant__ Problem problem) {
  const unsigned thread = blockIdx.x * THREADS + threadIdx.x, row = thread / CHANNELS;
  if (row >= unsigned(problem.batches * problem.queries * problem.heads)) return;
  const int channel = thread % CHANNELS, head = row % unsigned(problem.heads);
  const int batch = row / unsigned(problem.heads * problem.queries);
  const float* value = static_cast<const float*>(problem.value) +
                       1LL * batch * problem.pixels * problem.heads * CHANNELS +
                       head * CHANNELS + channel;
  float sum = 0.f;
#pragma unroll
  for (int i = 0; i < SAMPLES; ++i) {
    const Levels& levels = *problem.levels_in_memory;
    const int level = i / POINTS;
    const float* xy = problem.locations + (1LL * row * SAMPLES + i) * 2;
    const Sample sample = make_sample(levels.height[level], levels.width[level],
                                      levels.start[level], xy[0], xy[1],
                                      problem.weights[1LL * row * SAMPLES + i]);
    if (sample.pixel[0] < 0) continue;
#pragma unroll
    for (int corner = 0; corner < CORNERS; ++corner)
      sum += sample.weight[corner] *
             value[1LL * sample.pixel[corner] * problem.heads * CHANNELS];
  }
  problem.output[thread] = sum;
}

}  // namespace thread_per_channel
}  // namespace ladder
}  // namespace deformviz

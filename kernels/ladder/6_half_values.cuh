// Rung 6: values of 16 bits, sums of 32. Four lanes hold eight channels each, so the same 16-byte
// loads move half the bytes; unpacking costs some of the instructions that this saves.
#pragma once
#include "4_wide_loads.cuh"

namespace deformviz {
namespace ladder {
namespace half_values {

constexpr int THREADS = 256, WIDTH = 8, LANES = CHANNELS / WIDTH, TEAMS = THREADS / LANES;

inline long long blocks(const Problem& problem) {
  const long long all = 1LL * problem.batches * problem.queries * problem.heads;
  return (all + TEAMS - 1) / TEAMS;
}

struct alignas(16) Row {
  __half channel[WIDTH];
};

__global__ void __launch_bounds__(THREADS) kernel(const __grid_constant__ Problem problem) {
  __shared__ Sample shared[TEAMS][SAMPLES + 1];
  const int team = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  const unsigned row = blockIdx.x * TEAMS + team;
  const bool active = row < unsigned(problem.batches * problem.queries * problem.heads);
  if (active)
#pragma unroll
    for (int half = 0; half < 2; ++half)  // rung 4 prepares for eight lanes: do the work of two
      wide_loads::prepare(problem, 1LL * row * SAMPLES, lane + half * LANES, shared[team]);
  __syncwarp();
  if (!active) return;
  const int head = row % unsigned(problem.heads);
  const int batch = row / unsigned(problem.heads * problem.queries);
  const __half* value = static_cast<const __half*>(problem.value) +
                        (1LL * batch * problem.pixels * problem.heads + head) * CHANNELS +
                        WIDTH * lane;
  float sum[WIDTH] = {};
#pragma unroll
  for (int i = 0; i < SAMPLES; ++i) {
    const Sample sample = shared[team][i];
    if (sample.pixel[0] < 0) continue;
#pragma unroll
    for (int corner = 0; corner < CORNERS; ++corner) {
      const Row values = *reinterpret_cast<const Row*>(
          value + 1LL * sample.pixel[corner] * problem.heads * CHANNELS);
#pragma unroll
      for (int c = 0; c < WIDTH; ++c)
        sum[c] += sample.weight[corner] * __half2float(values.channel[c]);
    }
  }
  float* output = problem.output + 1LL * row * CHANNELS + WIDTH * lane;
#pragma unroll
  for (int c = 0; c < WIDTH; c += 4)
    *reinterpret_cast<float4*>(output + c) = make_float4(sum[c], sum[c + 1], sum[c + 2],
                                                         sum[c + 3]);
}

}  // namespace half_values
}  // namespace ladder
}  // namespace deformviz

// Forward pass on the GPU.
#pragma once
#include "places.cuh"

namespace deformviz {
namespace cuda {

// Adds BLOCK prepared samples, whose rows start at `value`.
template <class TeamOf, class T>
__device__ __forceinline__ void add_samples(const Sample* samples, int count, int turn,
                                            const T* value, int pixel_numbers,
                                            Row<T, TeamOf::VEC>& sum) {
#pragma unroll 4
  for (int sample = turn; sample < count; sample += TeamOf::SPLIT) {
    const float4 weight = *reinterpret_cast<const float4*>(samples[sample].weight);
    const int4 pixel = *reinterpret_cast<const int4*>(samples[sample].pixel);
    if (pixel.x < 0) continue;
    const auto row = [&](int at) {
      return Row<T, TeamOf::VEC>::read(value + static_cast<long long>(at) * pixel_numbers);
    };
    const auto a = row(pixel.x), b = row(pixel.y), c = row(pixel.z), d = row(pixel.w);
    sum.add(weight.x, a);
    sum.add(weight.y, b);
    sum.add(weight.z, c);
    sum.add(weight.w, d);
  }
}

template <class TeamOf, class Source, template <class> class Order>
__global__ void __launch_bounds__(THREADS, 1) forward_kernel(const __grid_constant__ Problem problem) {
  using T = typename TeamOf::T;
  constexpr int VEC = TeamOf::VEC, LANES = TeamOf::LANES;
  __shared__ Sample shared[TeamOf::COUNT][BLOCK + 1];  // one more against bank conflicts
  const int team = threadIdx.x / TeamOf::SIZE, lane = threadIdx.x % TeamOf::SIZE;
  const int turn = lane / LANES, first_channel = lane % LANES * VEC;
  const int all = problem.levels.count * problem.points;
  const int pixel_numbers = problem.heads * problem.channels;

  for (int round = 0; round < Order<TeamOf>::ROUNDS; ++round) {
    const Place place = Order<TeamOf>::place(problem, team, round);
    Source source(problem, place, all);
    source.template begin<TeamOf>(lane, all);
    const T* value = static_cast<const T*>(problem.value) +
                     static_cast<long long>(place.batch) * problem.pixels * pixel_numbers +
                     place.head * problem.channels;
    for (int channel = first_channel; channel - first_channel < problem.channels;
         channel += LANES * VEC) {
      Row<T, VEC> sum = {};
      for (int first = 0; first < all; first += BLOCK) {
        const int count = min(all - first, BLOCK);
        __syncwarp();
        for (int i = lane; i < count; i += TeamOf::SIZE) {
          const int level = (first + i) / problem.points;
          const float2 xy = source.pixel(problem, first + i, level);
          Sample sample;
          prepare_sample(problem.levels, level, xy.x, xy.y, source.attention(first + i), sample);
          shared[team][i] = sample;
        }
        __syncwarp();
        if (place.active && channel < problem.channels)
          add_samples<TeamOf>(shared[team], count, turn, value + channel, pixel_numbers, sum);
      }
#pragma unroll
      for (int step = LANES; step < TeamOf::SIZE; step *= 2)
#pragma unroll
        for (int c = 0; c < VEC; ++c)
          sum.channel[c] += __shfl_xor_sync(ALL_LANES, sum.channel[c], step);
      if (place.active && channel < problem.channels && turn == 0)
        sum.write(static_cast<T*>(problem.output) + place.row * problem.channels + channel);
    }
  }
}

}  // namespace cuda
}  // namespace deformviz

// Backward pass on the GPU. Each lane holds some channels, so the dot products that make the
// gradients of a sample are summed over lanes: several samples at once, so that every exchange
// halves the number of sums a lane still holds.
#pragma once
#include "places.cuh"

namespace deformviz {
namespace cuda {

// Sums over LANES neighbouring lanes. Before: dot[i] of every lane. After: dot[0] of lane i is the
// whole sum i, for i < TOGETHER; higher lanes hold copies.
template <int LANES, int TOGETHER>
__device__ __forceinline__ void sum_over_lanes(float (&dot)[TOGETHER][CORNERS], int lane) {
#pragma unroll
  for (int step = TOGETHER / 2; step; step /= 2) {
    const bool upper = lane & step;
#pragma unroll
    for (int i = 0; i < step; ++i)
#pragma unroll
      for (int corner = 0; corner < CORNERS; ++corner) {
        const float low = dot[i][corner], high = dot[i + step][corner];
        const float other = __shfl_xor_sync(ALL_LANES, upper ? low : high, step);
        dot[i][corner] = (upper ? high : low) + other;
      }
  }
#pragma unroll
  for (int step = TOGETHER; step < LANES; step *= 2)
#pragma unroll
    for (int corner = 0; corner < CORNERS; ++corner)
      dot[0][corner] += __shfl_xor_sync(ALL_LANES, dot[0][corner], step);
}

// Adds to the gradients of samples `first` .. of one slice of channels.
__device__ __forceinline__ void write_sample_gradient(const Problem& problem, long long at,
                                                      int level, const Cell& cell,
                                                      float attention,
                                                      const float (&partial)[CORNERS],
                                                      bool accumulate) {
  float dot[CORNERS];
#pragma unroll
  for (int corner = 0; corner < CORNERS; ++corner)
    dot[corner] = cell.inside[corner] ? partial[corner] : 0.f;
  SampleGradient<float> gradient =
      sample_gradient(cell.dx, cell.dy, attention, float(problem.levels.height[level]),
                      float(problem.levels.width[level]), dot);
  if (!cell.touches) gradient = {0.f, 0.f, 0.f};
  if (problem.grad_weights) {
    float* to = problem.grad_weights + at;
    *to = gradient.attention + (accumulate ? *to : 0.f);
  }
  if (problem.grad_locations) {
    float2* to = reinterpret_cast<float2*>(problem.grad_locations) + at;
    const float2 before = accumulate ? *to : make_float2(0.f, 0.f);
    *to = make_float2(gradient.x + before.x, gradient.y + before.y);
  }
}

template <class TeamOf, class Sum, template <class> class Order>
__device__ __forceinline__ void backward_place(const Problem& problem, const Place& place,
                                               const Sum& sum, Sample* shared, int lane) {
  using T = typename TeamOf::T;
  constexpr int VEC = TeamOf::VEC, LANES = TeamOf::LANES;
  constexpr int TOGETHER = LANES < 8 ? LANES : 8;
  const int all = problem.levels.count * problem.points;
  const int pixel_numbers = problem.heads * problem.channels;
  const long long base = static_cast<long long>(place.batch) * problem.pixels * pixel_numbers +
                         place.head * problem.channels;
  const GivenSamples<T> source(problem, place, all);

  for (int slice = 0; slice < problem.channels; slice += LANES * VEC) {
    const int channel = slice + lane * VEC;
    const bool reads = place.active && channel < problem.channels;
    Row<T, VEC> grad = {};
    if (reads)
      grad = Row<T, VEC>::read(static_cast<const T*>(problem.grad_output) +
                               place.row * problem.channels + channel);
    for (int first = 0; first < all; first += TOGETHER) {
      // Each of the first TOGETHER lanes prepares one sample and will write its gradients.
      const int own = min(first + lane % TOGETHER, all - 1), level = own / problem.points;
      const float2 xy = source.pixel(problem, own, level);
      const float attention = source.attention(own);
      Sample sample;
      const Cell cell = prepare_sample(problem.levels, level, xy.x, xy.y, attention, sample);
      __syncwarp();
      if (lane < TOGETHER) shared[lane] = sample;
      __syncwarp();

      float dot[TOGETHER][CORNERS] = {};
#pragma unroll
      for (int i = 0; i < TOGETHER; ++i) {
        if (!reads || first + i >= all || shared[i].pixel[0] < 0) continue;
        const float4 weights = *reinterpret_cast<const float4*>(shared[i].weight);
        const int4 pixels = *reinterpret_cast<const int4*>(shared[i].pixel);
        const float weight[CORNERS] = {weights.x, weights.y, weights.z, weights.w};
        const int pixel[CORNERS] = {pixels.x, pixels.y, pixels.z, pixels.w};
#pragma unroll
        for (int corner = 0; corner < CORNERS; ++corner) {
          const long long at = base + static_cast<long long>(pixel[corner]) * pixel_numbers + channel;
          dot[i][corner] = grad.dot(Row<T, VEC>::read(static_cast<const T*>(problem.value) + at));
          if (problem.grad_value && weight[corner] != 0.f)
            sum.template add<VEC>(at, weight[corner], grad.channel);
        }
      }
      sum_over_lanes<LANES>(dot, lane);
      if (place.active && lane < TOGETHER && first + lane < all)
        write_sample_gradient(problem, place.row * all + own, level, cell, attention, dot[0],
                              slice > 0);
    }
  }
}

template <class TeamOf, class Sum, template <class> class Order>
__global__ void __launch_bounds__(THREADS, 1) backward_kernel(
    const __grid_constant__ Problem problem, const Sum sum) {
  static_assert(TeamOf::SPLIT == 1, "sums over lanes are not written for split teams");
  __shared__ Sample shared[TeamOf::COUNT][9];  // one more against bank conflicts
  const int team = threadIdx.x / TeamOf::SIZE, lane = threadIdx.x % TeamOf::SIZE;
  for (int round = 0; round < Order<TeamOf>::ROUNDS; ++round)
    backward_place<TeamOf, Sum, Order>(problem, Order<TeamOf>::place(problem, team, round), sum,
                                       shared[team], lane);
}

// Sums in fixed point, back to float.
static __global__ void __launch_bounds__(THREADS) from_fixed_kernel(
    const unsigned long long* fixed, const float* scale, float* to, long long numbers) {
  const long long stride = 1LL * gridDim.x * THREADS;
  for (long long i = 1LL * blockIdx.x * THREADS + threadIdx.x; i < numbers; i += stride)
    to[i] = static_cast<float>(static_cast<long long>(fixed[i]) / static_cast<double>(*scale));
}

}  // namespace cuda
}  // namespace deformviz

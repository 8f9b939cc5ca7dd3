// Chooses a kernel for a problem and launches it. Free of torch, so that tests can run it on a CPU.
#pragma once
#include "backward.cuh"
#include "forward.cuh"

namespace deformviz {
namespace cuda {

#if defined(DEFORMVIZ_EMULATED)
#define DEFORMVIZ_LAUNCH(kernel, blocks, stream, ...) \
  emulator::launch(kernel, dim3(blocks), dim3(THREADS), __VA_ARGS__)
#else
#define DEFORMVIZ_LAUNCH(kernel, blocks, stream, ...) \
  kernel<<<static_cast<unsigned>(blocks), THREADS, 0, stream>>>(__VA_ARGS__)
#endif

// Calls body(Team<T, VEC, LANES, SPLIT>) for the lanes that fit the channels of a head. More
// channels than eight lanes hold are handled in slices, odd ones singly.
template <class T, bool SPLITS, class Body>
void with_team(const Problem& problem, const Body& body) {
  constexpr int VEC = 16 / sizeof(T), SPLIT = SPLITS ? 4 : 1;
  if (problem.channels % VEC) body(Team<T, 1, 8, SPLIT>{});
  else if (problem.channels <= 2 * VEC) body(Team<T, VEC, 2, SPLIT>{});
  else if (problem.channels <= 4 * VEC) body(Team<T, VEC, 4, SPLIT>{});
  else body(Team<T, VEC, 8, SPLIT>{});
}

template <class T>
struct TypeOf {
  using type = T;
};

template <class Body>
void with_type(Type type, const Body& body) {
  if (type == Type::FLOAT32) body(TypeOf<float>{});
  else if (type == Type::FLOAT16) body(TypeOf<__half>{});
  else body(TypeOf<__nv_bfloat16>{});
}

template <class TeamOf, template <class> class Order>
void launch_forward_as(const Problem& problem, cudaStream_t stream) {
  using T = typename TeamOf::T;
  const long long blocks = Order<TeamOf>::blocks(problem);
  if (problem.given == Given::SAMPLES)
    DEFORMVIZ_LAUNCH((forward_kernel<TeamOf, GivenSamples<T>, Order>), blocks, stream, problem);
  else
    DEFORMVIZ_LAUNCH((forward_kernel<TeamOf, LayerSamples<T>, Order>), blocks, stream, problem);
}

inline cudaError_t launch_forward(const Problem& problem, cudaStream_t stream) {
  with_type(problem.type, [&](auto type) {
    using T = typename decltype(type)::type;
    if (problem.queries_are_pixels())
      with_team<T, false>(problem, [&](auto team) {
        launch_forward_as<decltype(team), InTiles>(problem, stream);
      });
    else
      with_team<T, true>(problem, [&](auto team) {
        launch_forward_as<decltype(team), InOrder>(problem, stream);
      });
  });
  return cudaGetLastError();
}

template <class TeamOf, template <class> class Order>
void launch_backward_as(const Problem& problem, cudaStream_t stream) {
  const long long blocks = Order<TeamOf>::blocks(problem);
  DEFORMVIZ_LAUNCH((backward_kernel<TeamOf, FloatSum, Order>), blocks, stream, problem,
                   FloatSum{problem.grad_value});
}

template <class TeamOf>
void launch_fixed_backward_as(const Problem& problem, cudaStream_t stream) {
  const long long blocks = InOrder<TeamOf>::blocks(problem);
  DEFORMVIZ_LAUNCH((backward_kernel<TeamOf, FixedSum, InOrder>), blocks, stream, problem,
                   FixedSum{problem.fixed_value, problem.fixed_scale});
  const long long numbers = 1LL * problem.batches * problem.pixels * problem.heads * problem.channels;
  const long long enough = (numbers + THREADS - 1) / THREADS, most = 1 << 16;
  DEFORMVIZ_LAUNCH(from_fixed_kernel, enough < most ? enough : most, stream, problem.fixed_value,
                   problem.fixed_scale, problem.grad_value, numbers);
}

inline cudaError_t launch_backward(const Problem& problem, cudaStream_t stream) {
  with_type(problem.type, [&](auto type) {
    using T = typename decltype(type)::type;
    with_team<T, false>(problem, [&](auto team) {
      using TeamOf = decltype(team);
      if (problem.fixed_value) launch_fixed_backward_as<TeamOf>(problem, stream);
      else if (problem.queries_are_pixels())
        launch_backward_as<TeamOf, InTiles>(problem, stream);
      else
        launch_backward_as<TeamOf, InOrder>(problem, stream);
    });
  });
  return cudaGetLastError();
}

}  // namespace cuda
}  // namespace deformviz

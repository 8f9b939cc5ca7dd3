// The kernels of the published models (32 channels per head), to compile and look at one by one.
#include "../../kernels/csrc/cuda/backward.cuh"
#include "../../kernels/csrc/cuda/forward.cuh"

namespace deformviz {
namespace cuda {

#define FORWARD(T, VEC, LANES, SPLIT, ORDER)                                       \
  template __global__ void forward_kernel<Team<T, VEC, LANES, SPLIT>, GivenSamples<T>, ORDER>( \
      const __grid_constant__ Problem);                                                  \
  template __global__ void forward_kernel<Team<T, VEC, LANES, SPLIT>, LayerSamples<T>, ORDER>( \
      const __grid_constant__ Problem);
#define BACKWARD(T, VEC, LANES, SUM, ORDER)                                         \
  template __global__ void backward_kernel<Team<T, VEC, LANES, 1>, SUM, ORDER>(     \
      const __grid_constant__ Problem, const SUM);

FORWARD(float, 4, 8, 1, InTiles)
FORWARD(float, 4, 8, 4, InOrder)
FORWARD(__nv_bfloat16, 8, 4, 1, InTiles)
FORWARD(__half, 8, 4, 1, InTiles)
BACKWARD(float, 4, 8, FloatSum, InTiles)
BACKWARD(float, 4, 8, FloatSum, InOrder)
BACKWARD(__half, 8, 4, FloatSum, InTiles)
BACKWARD(float, 4, 8, FixedSum, InOrder)

}  // namespace cuda
}  // namespace deformviz

// Compiles every kernel that a problem can ask for.
#include "kernels.h"
#include "launch.cuh"

namespace deformviz {
namespace cuda {

cudaError_t forward(const Problem& problem, cudaStream_t stream) {
  return launch_forward(problem, stream);
}

cudaError_t backward(const Problem& problem, cudaStream_t stream) {
  return launch_backward(problem, stream);
}

}  // namespace cuda
}  // namespace deformviz

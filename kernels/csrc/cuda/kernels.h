// The face of the CUDA kernels to the rest of the library: free of torch and of templates.
#pragma once
#include <cuda_runtime.h>

#include "problem.h"

namespace deformviz {
namespace cuda {

cudaError_t forward(const Problem& problem, cudaStream_t stream);
cudaError_t backward(const Problem& problem, cudaStream_t stream);

}  // namespace cuda
}  // namespace deformviz

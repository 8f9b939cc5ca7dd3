// The CUDA kernels as torch operators, through torch's stable ABI.
#include <cuda_runtime.h>
#include <torch/csrc/stable/accelerator.h>
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include <limits>
#include <optional>
#include <tuple>

#include "../checks.h"
#include "kernels.h"

namespace deformviz {
namespace {

using torch::headeronly::ScalarType;

// A contiguous tensor of this type on the device of `like`, aligned to what the kernels load at
// once (a view can start anywhere).
Tensor plain(const Tensor& tensor, ScalarType type, const Tensor& like) {
  STD_TORCH_CHECK(tensor.is_cuda() && tensor.get_device_index() == like.get_device_index(),
                  "All tensors need to be on one GPU, the one of value.");
  Tensor same = tensor.scalar_type() == type ? tensor : torch::stable::to(tensor, type);
  if (!same.is_contiguous()) same = torch::stable::contiguous(same);
  const auto address = reinterpret_cast<std::uintptr_t>(same.const_data_ptr());
  return address % 16 ? torch::stable::clone(same) : same;
}

constexpr std::int64_t THREADS_AT_MOST = 1024;  // a last block that is only partly at work

int small(std::int64_t size, const char* what) {
  STD_TORCH_CHECK(size <= std::numeric_limits<int>::max(), what, " is ", size,
                  ", more than the CUDA kernels can index.");
  return static_cast<int>(size);
}

cuda::Type type_of(const Tensor& value) {
  switch (value.scalar_type()) {
    case ScalarType::Float: return cuda::Type::FLOAT32;
    case ScalarType::Half: return cuda::Type::FLOAT16;
    case ScalarType::BFloat16: return cuda::Type::BFLOAT16;
    default: break;
  }
  STD_TORCH_CHECK(false, "The CUDA kernels take float32, float16 and bfloat16. Choose "
                         "backend='reference' for other types.");
}

// A problem and everything its pointers refer to.
struct Call {
  cuda::Problem problem{};
  torch::stable::accelerator::DeviceGuard guard;  // kernels go to the GPU the tensors are on
  Tensor value, locations, weights, references, grad_output;

  Call(const Tensor& given_value, const Tensor& spatial_shapes, const Tensor& given_locations,
       const Tensor& given_weights)
      : guard(given_value.get_device_index()) {
    const ScalarType type = given_value.scalar_type();
    problem.type = type_of(given_value);
    value = plain(given_value, type, given_value);
    locations = plain(given_locations, ScalarType::Float, value);
    weights = plain(given_weights, type, value);
    check_sizes(value, spatial_shapes, locations, weights);
    problem.batches = small(value.size(0), "batch");
    problem.pixels = small(value.size(1), "pixel");
    problem.heads = small(value.size(2), "head");
    problem.channels = small(value.size(3), "channel");
    problem.queries = small(locations.size(1), "query");
    problem.points = small(locations.size(4), "point");
    small(value.size(2) * value.size(3), "head * channel");
    small((locations.size(1) + THREADS_AT_MOST) * value.size(2), "query * head");
    problem.value = value.const_data_ptr();
    problem.locations = static_cast<const float*>(locations.const_data_ptr());
    problem.weights = weights.const_data_ptr();
    read_levels(spatial_shapes);
  }

  Call(const Call&) = delete;

  // Sizes are read on the host; a tensor that lies there saves a wait for the GPU.
  void read_levels(const Tensor& spatial_shapes) {
    Tensor shapes = torch::stable::to(spatial_shapes, ScalarType::Long);
    if (shapes.is_cuda())
      shapes = torch::stable::to(shapes, torch::stable::Device(torch::headeronly::DeviceType::CPU));
    shapes = torch::stable::contiguous(shapes);
    const std::int64_t levels = locations.size(3);
    STD_TORCH_CHECK(levels <= cuda::MOST_LEVELS, "The CUDA kernels take up to ", cuda::MOST_LEVELS,
                    " levels, got ", levels, ". Choose backend='reference'.");
    const auto* hw = static_cast<const std::int64_t*>(shapes.const_data_ptr());
    std::int64_t start = 0;
    problem.levels.count = static_cast<int>(levels);
    for (int level = 0; level < problem.levels.count; ++level) {
      problem.levels.height[level] = small(hw[2 * level], "height");
      problem.levels.width[level] = small(hw[2 * level + 1], "width");
      problem.levels.start[level] = small(start, "pixel");
      start += hw[2 * level] * hw[2 * level + 1];
    }
    check_pixels(start, value);
  }

  // From here on, locations are offsets from these references and weights are logits.
  void set_references(const Tensor& given) {
    references = plain(given, ScalarType::Float, value);
    problem.given = check_references(references, locations);
    problem.references = static_cast<const float*>(references.const_data_ptr());
  }

  bool empty() const { return locations.numel() == 0 || value.numel() == 0; }

  cudaStream_t stream() const {
    void* stream = nullptr;
    const auto error = aoti_torch_get_current_cuda_stream(value.get_device_index(), &stream);
    STD_TORCH_CHECK(error == AOTI_TORCH_SUCCESS, "torch has no current stream for this GPU.");
    return static_cast<cudaStream_t>(stream);
  }
};

void check_launch(cudaError_t error, const char* what) {
  STD_TORCH_CHECK(error == cudaSuccess, "The CUDA kernel for the ", what,
                  " pass did not start: ", cudaGetErrorString(error), ".");
}

Tensor forward_with(const Tensor& value, const Tensor& spatial_shapes, const Tensor& locations,
                    const Tensor& weights, const Tensor* references) {
  Call call(value, spatial_shapes, locations, weights);
  cuda::Problem& p = call.problem;
  if (references) call.set_references(*references);
  Tensor output = torch::stable::new_empty(
      call.value, {p.batches, p.queries, static_cast<std::int64_t>(p.heads) * p.channels});
  p.output = output.mutable_data_ptr();
  if (call.empty()) torch::stable::zero_(output);
  else check_launch(cuda::forward(p, call.stream()), "forward");
  return output;
}

Tensor forward(const Tensor& value, const Tensor& spatial_shapes, const Tensor& locations,
               const Tensor& weights) {
  return forward_with(value, spatial_shapes, locations, weights, nullptr);
}

Tensor forward_fused(const Tensor& value, const Tensor& spatial_shapes, const Tensor& references,
                     const Tensor& offsets, const Tensor& logits) {
  return forward_with(value, spatial_shapes, offsets, logits, &references);
}

// A float32 gradient of zeros, or an empty tensor where it is not wanted.
Tensor gradient_like(const Tensor& tensor, bool wanted, float*& pointer) {
  if (!wanted) return torch::stable::new_empty(tensor, {0});
  Tensor gradient = torch::stable::new_empty(tensor, tensor.sizes(), ScalarType::Float);
  torch::stable::zero_(gradient);
  pointer = static_cast<float*>(gradient.mutable_data_ptr());
  return gradient;
}

std::tuple<Tensor, Tensor, Tensor> backward(const Tensor& grad_output, const Tensor& value,
                                            const Tensor& spatial_shapes, const Tensor& locations,
                                            const Tensor& weights, bool for_value,
                                            bool for_locations, bool for_weights,
                                            std::optional<Tensor> fixed_scale) {
  Call call(value, spatial_shapes, locations, weights);
  cuda::Problem& p = call.problem;
  call.grad_output = plain(grad_output, value.scalar_type(), value);
  p.grad_output = call.grad_output.const_data_ptr();
  Tensor grad_value = gradient_like(call.value, for_value, p.grad_value);
  Tensor grad_locations = gradient_like(call.locations, for_locations, p.grad_locations);
  Tensor grad_weights = gradient_like(call.weights, for_weights, p.grad_weights);
  Tensor fixed, scale;
  if (fixed_scale && for_value) {
    fixed = torch::stable::new_empty(call.value, call.value.sizes(), ScalarType::Long);
    torch::stable::zero_(fixed);
    scale = plain(*fixed_scale, ScalarType::Float, value);
    p.fixed_value = static_cast<unsigned long long*>(fixed.mutable_data_ptr());
    p.fixed_scale = static_cast<const float*>(scale.const_data_ptr());
  }
  if (!call.empty() && (for_value || for_locations || for_weights))
    check_launch(cuda::backward(p, call.stream()), "backward");
  return {torch::stable::to(grad_value, value.scalar_type()),
          torch::stable::to(grad_locations, locations.scalar_type()),
          torch::stable::to(grad_weights, weights.scalar_type())};
}

}  // namespace
}  // namespace deformviz

STABLE_TORCH_LIBRARY_IMPL(deformviz, CUDA, library) {
  library.impl("ms_deform_attn", TORCH_BOX(&deformviz::forward));
  library.impl("ms_deform_attn_fused", TORCH_BOX(&deformviz::forward_fused));
  library.impl("ms_deform_attn_backward", TORCH_BOX(&deformviz::backward));
}

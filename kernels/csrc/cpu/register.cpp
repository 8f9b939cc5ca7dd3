// The CPU kernels as torch operators, through torch's stable ABI: one library serves every torch
// from 2.10 on. Schemas, fakes and autograd are registered in Python (deformviz/attention/op.py).
#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#if defined(__linux__)
#include <sys/mman.h>
#endif

#include <limits>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "../checks.h"
#include "problem.h"

namespace deformviz {
namespace {

using torch::headeronly::ScalarType;

// The best instruction set of this machine, unless the caller's choice (for tests) is a lesser one.
const InstructionSet* chosen = nullptr;

const InstructionSet& kernels_of_machine() {
  if (chosen) return *chosen;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
    return avx512_kernels();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2_kernels();
#endif
  return generic_kernels();
}

// Fresh memory costs a fault per page of 4 KiB, which for the large results of an encoder takes a
// fifth of the time of computing them; so ask for pages of 2 MiB.
void ask_for_large_pages(const Tensor& result, std::int64_t bytes) {
#if defined(__linux__)
  constexpr std::uintptr_t PAGE = 2 << 20;
  const auto address = reinterpret_cast<std::uintptr_t>(result.const_data_ptr());
  const std::uintptr_t first = (address + PAGE - 1) / PAGE * PAGE;
  const std::uintptr_t last = (address + bytes) / PAGE * PAGE;
  if (last > first) madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
#endif
}

// Memory that a thread keeps from call to call, so that its pages stay mapped.
template <class Real>
Real* thread_scratch(std::int64_t numbers) {
  static thread_local std::vector<Real> memory;
  constexpr std::int64_t MARGIN = 64 / sizeof(Real);
  if (std::int64_t(memory.size()) < numbers + MARGIN) {
    memory.clear();
    memory.shrink_to_fit();
    memory.resize(numbers + MARGIN);
  }
  const auto address = reinterpret_cast<std::uintptr_t>(memory.data());
  return reinterpret_cast<Real*>((address + 63) & ~std::uintptr_t(63));
}

// A problem and everything its pointers refer to.
template <class Real>
struct Call {
  Problem<Real> problem{};
  const Kernels<Real>& kernels;
  Tensor value, locations, weights, references, grad_output;
  std::vector<Level> levels;
  std::vector<Real> sizes[2];
  std::vector<IndexFor<Real>> origins[2], rows[2], level_of_sample;

  Call(const Tensor& given_value, const Tensor& spatial_shapes, const Tensor& given_locations,
       const Tensor& given_weights, const Kernels<Real>& kernels)
      : kernels(kernels) {
    constexpr ScalarType type = sizeof(Real) == 4 ? ScalarType::Float : ScalarType::Double;
    value = plain(given_value, type);
    locations = plain(given_locations, type);
    weights = plain(given_weights, type);
    check_sizes(value, spatial_shapes, locations, weights);
    problem.batches = value.size(0);
    problem.pixels = value.size(1);
    problem.heads = value.size(2);
    problem.channels = value.size(3);
    problem.queries = locations.size(1);
    problem.level_count = locations.size(3);
    problem.points = locations.size(4);
    problem.value = static_cast<const Real*>(value.const_data_ptr());
    problem.locations = static_cast<const Real*>(locations.const_data_ptr());
    problem.weights = static_cast<const Real*>(weights.const_data_ptr());
    read_levels(plain(spatial_shapes, ScalarType::Long));
    problem.packed = table(0);
    problem.in_place = table(1);
  }

  // From here on, locations are offsets from these references and weights are logits.
  void set_references(const Tensor& given_references) {
    references = plain(given_references, value.scalar_type());
    problem.given = check_references(references, locations);
    problem.references = static_cast<const Real*>(references.const_data_ptr());
  }

  Call(const Call&) = delete;

  static Tensor plain(const Tensor& tensor, ScalarType type) {
    Tensor same = tensor.scalar_type() == type ? tensor : torch::stable::to(tensor, type);
    return same.is_contiguous() ? same : torch::stable::contiguous(same);
  }

  void read_levels(const Tensor& spatial_shapes) {
    const auto* hw = static_cast<const std::int64_t*>(spatial_shapes.const_data_ptr());
    std::int64_t start = 0, packed_start = 0;
    for (std::int64_t l = 0; l < problem.level_count; ++l) {
      const std::int64_t height = hw[2 * l], width = hw[2 * l + 1];
      STD_TORCH_CHECK(height >= 0 && width >= 0, "spatial_shapes has a negative size.");
      levels.push_back({height, width, start, packed_start});
      start += height * width;
      packed_start += (height + 3) * (width + 2);
    }
    check_pixels(start, value);
    problem.levels = levels.data();
    problem.packed_pixels = packed_start;
    STD_TORCH_CHECK(packed_start * kernels.packed_channels(problem.channels) <
                        std::numeric_limits<std::int32_t>::max(),
                    "value has ", problem.pixels, " pixels, more than the CPU kernels can index.");
  }

  LevelTable<Real> table(int in_place) {
    const std::int64_t samples = problem.samples(), entries = samples + 16;
    auto& size = sizes[in_place];
    auto &origin = origins[in_place], &row = rows[in_place];
    size.assign(2 * entries, -1);
    origin.assign(entries, 0);
    row.assign(entries, 0);
    level_of_sample.assign(entries, 0);
    for (std::int64_t sample = 0; sample < samples; ++sample) {
      level_of_sample[sample] = sample / problem.points;
      const Level& level = levels[level_of_sample[sample]];
      size[sample] = level.height;
      size[entries + sample] = level.width;
      row[sample] = in_place ? level.width : level.width + 2;
      origin[sample] = in_place ? level.start : level.packed_start + row[sample] + 1;
    }
    return {size.data(), size.data() + entries, origin.data(), row.data(),
            level_of_sample.data()};
  }

  // Packing a head touches every pixel once, so it pays when most are read more than once.
  bool packs() const {
    return !kernels.reads_in_place(problem.channels) || problem.samples() > BLOCK ||
           problem.queries * problem.samples() > problem.pixels;
  }

  std::int64_t packed_numbers() const {
    return problem.packed_pixels * kernels.packed_channels(problem.channels);
  }

  void forward() const {
    const std::int64_t heads = problem.batches * problem.heads;
    if (heads * problem.queries == 0) return;
    if (!packs()) {
      torch::stable::parallel_for(
          0, problem.batches * problem.queries, 8,
          [&](std::int64_t first, std::int64_t last) {
            kernels.forward_in_place(problem, first, last);
          });
      return;
    }
    const std::int64_t threads = torch::stable::get_num_threads();
    const std::int64_t parts = (threads + heads - 1) / heads;
    torch::stable::parallel_for(
        0, heads * parts, 1, [&](std::int64_t first, std::int64_t last) {
          kernels.forward_packed(problem, parts, first, last,
                                 thread_scratch<Real>(packed_numbers()));
        });
  }

  void backward() const {
    const bool packed = packs();
    torch::stable::parallel_for(
        0, problem.batches * problem.heads, 1, [&](std::int64_t first, std::int64_t last) {
          if (packed)
            kernels.backward_packed(problem, first, last,
                                    thread_scratch<Real>(2 * packed_numbers()));
          else
            kernels.backward_in_place(problem, first, last);
        });
  }
};

template <class Real>
Tensor forward_as(const Tensor& value, const Tensor& spatial_shapes, const Tensor& locations,
                  const Tensor& weights, const Tensor* references, const Kernels<Real>& kernels) {
  Call<Real> call(value, spatial_shapes, locations, weights, kernels);
  if (references) call.set_references(*references);
  const Problem<Real>& p = call.problem;
  Tensor output = torch::stable::new_empty(call.value, {p.batches, p.queries, p.heads * p.channels});
  ask_for_large_pages(output, output.numel() * sizeof(Real));
  call.problem.output = static_cast<Real*>(output.mutable_data_ptr());
  call.forward();
  return torch::stable::to(output, value.scalar_type());
}

Tensor forward_with(const Tensor& value, const Tensor& spatial_shapes, const Tensor& locations,
                    const Tensor& weights, const Tensor* references) {
  if (value.scalar_type() == ScalarType::Double)
    return forward_as(value, spatial_shapes, locations, weights, references, float64_kernels());
  return forward_as(value, spatial_shapes, locations, weights, references,
                    kernels_of_machine().float32);
}

Tensor forward(const Tensor& value, const Tensor& spatial_shapes, const Tensor& locations,
               const Tensor& weights) {
  return forward_with(value, spatial_shapes, locations, weights, nullptr);
}

Tensor forward_fused(const Tensor& value, const Tensor& spatial_shapes, const Tensor& references,
                     const Tensor& offsets, const Tensor& logits) {
  return forward_with(value, spatial_shapes, offsets, logits, &references);
}

// A gradient to fill, or an empty tensor where it is not wanted.
template <class Real>
Tensor gradient_like(const Tensor& tensor, bool wanted, bool zeros, Real*& pointer) {
  if (!wanted) return torch::stable::new_empty(tensor, {0});
  Tensor gradient = torch::stable::empty_like(tensor);
  ask_for_large_pages(gradient, gradient.numel() * sizeof(Real));
  if (zeros) torch::stable::zero_(gradient);
  pointer = static_cast<Real*>(gradient.mutable_data_ptr());
  return gradient;
}

template <class Real>
std::tuple<Tensor, Tensor, Tensor> backward_as(const Tensor& grad_output, const Tensor& value,
                                               const Tensor& spatial_shapes,
                                               const Tensor& locations, const Tensor& weights,
                                               bool for_value, bool for_locations,
                                               bool for_weights, const Kernels<Real>& kernels) {
  Call<Real> call(value, spatial_shapes, locations, weights, kernels);
  Problem<Real>& p = call.problem;
  call.grad_output = Call<Real>::plain(grad_output, call.value.scalar_type());
  p.grad_output = static_cast<const Real*>(call.grad_output.const_data_ptr());
  Tensor grad_value = gradient_like(call.value, for_value, !call.packs(), p.grad_value);
  Tensor grad_locations =
      gradient_like(call.locations, for_locations, false, p.grad_locations);
  Tensor grad_weights = gradient_like(call.weights, for_weights, false, p.grad_weights);
  if (for_value || for_locations || for_weights) call.backward();
  return {torch::stable::to(grad_value, value.scalar_type()),
          torch::stable::to(grad_locations, locations.scalar_type()),
          torch::stable::to(grad_weights, weights.scalar_type())};
}

std::tuple<Tensor, Tensor, Tensor> backward(const Tensor& grad_output, const Tensor& value,
                                            const Tensor& spatial_shapes, const Tensor& locations,
                                            const Tensor& weights, bool for_value,
                                            bool for_locations, bool for_weights,
                                            std::optional<Tensor> /* for GPUs */) {
  if (value.scalar_type() == ScalarType::Double)
    return backward_as(grad_output, value, spatial_shapes, locations, weights, for_value,
                       for_locations, for_weights, float64_kernels());
  return backward_as(grad_output, value, spatial_shapes, locations, weights, for_value,
                     for_locations, for_weights, kernels_of_machine().float32);
}

}  // namespace
}  // namespace deformviz

STABLE_TORCH_LIBRARY_IMPL(deformviz, CPU, library) {
  library.impl("ms_deform_attn", TORCH_BOX(&deformviz::forward));
  library.impl("ms_deform_attn_fused", TORCH_BOX(&deformviz::forward_fused));
  library.impl("ms_deform_attn_backward", TORCH_BOX(&deformviz::backward));
}

// For tests and for `deformviz doctor`: which instruction set runs, and a way to ask for a lesser.
extern "C" __attribute__((visibility("default"))) const char* deformviz_instruction_set() {
  return deformviz::kernels_of_machine().name;
}

extern "C" __attribute__((visibility("default"))) void deformviz_use_instruction_set(
    const char* name) {
  using namespace deformviz;
  chosen = nullptr;
  const InstructionSet& best = kernels_of_machine();
#if defined(__x86_64__)
  const InstructionSet* sets[] = {&avx512_kernels(), &avx2_kernels(), &generic_kernels()};
#else
  const InstructionSet* sets[] = {&generic_kernels()};
#endif
  bool reached = false;
  for (const InstructionSet* set : sets) {
    reached |= set == &best;
    if (reached && std::string(name) == set->name) chosen = set;
  }
}

// What the CPU kernels are asked to do: plain numbers and pointers, no torch.
#pragma once
#include <cstdint>
#include <type_traits>

#include "../sample.h"

namespace deformviz {

constexpr int BLOCK = 64;  // samples of a query and head that are prepared at a time

// An integer as wide as Real, to index pixels beside vectors of Real.
template <class Real>
using IndexFor = std::conditional_t<sizeof(Real) == 4, std::int32_t, std::int64_t>;

// Per sample of a query and head, the level it belongs to. Arrays go on for 16 more entries, with
// levels that no sample touches, so that whole vectors can be read.
template <class Real>
struct LevelTable {
  const Real *height, *width;
  const IndexFor<Real>* origin;  // where pixel (0, 0) lies
  const IndexFor<Real>* row;     // pixels from one row to the next
  const IndexFor<Real>* level;

  LevelTable from(std::int64_t sample) const {
    return {height + sample, width + sample, origin + sample, row + sample, level + sample};
  }
};

// One level in the two layouts a kernel can read: `value` as given, and the packed copy of one
// head, in which a border of zeros surrounds every level (see packing.h).
struct Level {
  std::int64_t height, width;
  std::int64_t start;         // first pixel of the level in `value`
  std::int64_t packed_start;  // first pixel of its padded form in the packed copy
};

// Tensors are contiguous: value [batch pixel head channel], locations (or offsets)
// [batch query head sample xy], weights (or logits) [batch query head sample], output
// [batch query head channel], where the samples of a query and head are its points, level after
// level; references [batch query level xy | cxcywh].
// Gradients nobody asked for are null.
template <class Real>
struct Problem {
  std::int64_t batches, pixels, heads, channels, queries, level_count, points;
  std::int64_t packed_pixels;
  const Level* levels;
  LevelTable<Real> packed, in_place;  // the same levels, indexing the packed copy or `value`
  Given given;
  const Real *value, *locations, *weights, *references, *grad_output;
  Real *output, *grad_value, *grad_locations, *grad_weights;

  std::int64_t samples() const { return level_count * points; }
};

// The kernels of one instruction set. Ranges can be cut anywhere: a result never depends on how.
template <class Real>
struct Kernels {
  // Numbers per pixel of the packed copy of (up to) one head.
  std::int64_t (*packed_channels)(std::int64_t channels);
  // Whether heads of this many channels can be read in place.
  bool (*reads_in_place)(std::int64_t channels);

  // Forward over [first, last) of batch x head x part, each head cut into `parts` runs of queries.
  // `scratch`: packed_pixels * packed_channels numbers, aligned to 64 bytes.
  void (*forward_packed)(const Problem<Real>&, std::int64_t parts, std::int64_t first,
                         std::int64_t last, Real* scratch);
  // Forward over [first, last) of batch x query; in place takes at most BLOCK samples per query
  // and head.
  void (*forward_in_place)(const Problem<Real>&, std::int64_t first, std::int64_t last);
  // Backward over [first, last) of batch x head; twice the scratch of the forward pass.
  void (*backward_packed)(const Problem<Real>&, std::int64_t first, std::int64_t last,
                          Real* scratch);
  // Backward over [first, last) of batch x head, adding to a grad_value of zeros.
  void (*backward_in_place)(const Problem<Real>&, std::int64_t first, std::int64_t last);
};

struct InstructionSet {
  const char* name;
  Kernels<float> float32;
};

const InstructionSet& generic_kernels();
const InstructionSet& avx2_kernels();
const InstructionSet& avx512_kernels();

// For float64, which is there to check with, one set serves every machine.
const Kernels<double>& float64_kernels();

}  // namespace deformviz

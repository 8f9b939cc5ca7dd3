// The packed copy of one head (or of a slice of its channels): levels one after another, each with
// a column of zeros left and right, a row of zeros above and two below, the channels of a pixel
// side by side. Every corner of every sample then exists, without a branch, and the copy of a
// head stays in the second-level cache where the original is strewn over all heads.
#pragma once
#include "lanes.h"
#include "problem.h"

namespace deformviz {
namespace {

// Heads with more channels are handled in slices of this many. Few widths keep the build short;
// float64 is there to check with and has one.
template <class Real>
constexpr int WIDEST_SLICE = sizeof(Real) == 4 ? 32 : 8;

// Channels of a head that are handled together.
struct Slice {
  std::int64_t first, count;
};

template <int CHANNELS>
struct Channels {
  static constexpr int value = CHANNELS;
};

// Calls body(Channels<C>, slice) for the slices of a head, where rows of C numbers hold the slice.
template <class Real, class Body>
DEFORMVIZ_INLINE void for_each_slice(std::int64_t channels, const Body& body) {
  constexpr int WIDEST_ROW = WIDEST_SLICE<Real>;
  for (std::int64_t first = 0; first < channels; first += WIDEST_ROW) {
    const std::int64_t left = channels - first;
    const Slice slice{first, left < WIDEST_ROW ? left : WIDEST_ROW};
    if constexpr (sizeof(Real) == 8) body(Channels<8>{}, slice);
    else if (slice.count > 16) body(Channels<32>{}, slice);
    else if (slice.count > 8) body(Channels<16>{}, slice);
    else if (slice.count > 4) body(Channels<8>{}, slice);
    else body(Channels<4>{}, slice);
  }
}

template <class Real>
std::int64_t packed_channels(std::int64_t channels) {
  std::int64_t widest = 0;
  for_each_slice<Real>(channels, [&](auto row, Slice) {
    widest = widest < row.value ? row.value : widest;
  });
  return widest;
}

// Heads that fill whole rows can be read in place, except for the narrowest: few are so narrow.
template <int CHANNELS>
constexpr bool IN_PLACE = CHANNELS > 4;

template <class Real>
bool reads_in_place(std::int64_t channels) {
  bool full = true;
  for_each_slice<Real>(channels, [&](auto row, Slice slice) {
    full &= slice.count == row.value && IN_PLACE<row.value>;
  });
  return full;
}

template <int CHANNELS, class Real>
DEFORMVIZ_INLINE void copy_row(Real* to, const Real* from) {
  using V = Vector<Real, lanes_for<Real>(CHANNELS)>;
  for (int c = 0; c < CHANNELS; c += LANES_OF<V>) store(to + c, load<V>(from + c));
}

template <int CHANNELS, class Real>
DEFORMVIZ_INLINE void copy_row(Real* to, const Real* from, std::int64_t count) {
  if (count == CHANNELS) return copy_row<CHANNELS>(to, from);
  std::memcpy(to, from, count * sizeof(Real));
}

template <int CHANNELS, class Real>
void pack(const Problem<Real>& problem, std::int64_t batch, std::int64_t head, Slice slice,
          Real* packed) {
  const std::int64_t pixel_numbers = problem.heads * problem.channels;
  const Real* value = problem.value + batch * problem.pixels * pixel_numbers +
                      head * problem.channels + slice.first;
  if (slice.count < CHANNELS)
    std::memset(packed, 0, problem.packed_pixels * CHANNELS * sizeof(Real));
  for (std::int64_t l = 0; l < problem.level_count; ++l) {
    const Level level = problem.levels[l];
    const std::int64_t row_numbers = (level.width + 2) * CHANNELS;
    Real* to = packed + level.packed_start * CHANNELS;
    const Real* from = value + level.start * pixel_numbers;
    std::memset(to, 0, row_numbers * sizeof(Real));
    to += row_numbers;
    for (std::int64_t y = 0; y < level.height; ++y, to += row_numbers) {
      std::memset(to, 0, CHANNELS * sizeof(Real));
      for (std::int64_t x = 1; x <= level.width; ++x, from += pixel_numbers)
        copy_row<CHANNELS>(to + x * CHANNELS, from, slice.count);
      std::memset(to + row_numbers - CHANNELS, 0, CHANNELS * sizeof(Real));
    }
    std::memset(to, 0, 2 * row_numbers * sizeof(Real));
  }
}

// Writes the gradient of a packed head back to the layout of `value`.
template <int CHANNELS, class Real>
void unpack(const Problem<Real>& problem, std::int64_t batch, std::int64_t head, Slice slice,
            const Real* packed) {
  const std::int64_t pixel_numbers = problem.heads * problem.channels;
  Real* grad_value = problem.grad_value + batch * problem.pixels * pixel_numbers +
                     head * problem.channels + slice.first;
  for (std::int64_t l = 0; l < problem.level_count; ++l) {
    const Level level = problem.levels[l];
    Real* to = grad_value + level.start * pixel_numbers;
    const Real* from = packed + (level.packed_start + level.width + 3) * CHANNELS;
    for (std::int64_t y = 0; y < level.height; ++y, from += 2 * CHANNELS)
      for (std::int64_t x = 0; x < level.width; ++x, to += pixel_numbers, from += CHANNELS)
        copy_row<CHANNELS>(to, from, slice.count);
  }
}

}  // namespace
}  // namespace deformviz

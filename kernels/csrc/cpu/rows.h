// Where the value rows of a prepared sample lie, in the packed copy or in place. Both answer
// row(sample, corner), so that forward and backward are written once.
#pragma once
#include "packing.h"
#include "samples.h"

namespace deformviz {
namespace {

template <int CHANNELS, class Number, class Real>
struct PackedRows {
  Number* base;
  const LevelTable<Real>& level;
  const Samples<Real>& samples;

  DEFORMVIZ_INLINE Number* row(int sample, int corner) const {
    const std::int64_t below = corner >> 1 ? level.row[sample] : 0;
    return base + (samples.pixel[0][sample] + (corner & 1) + below) * CHANNELS;
  }
};

// What a corner outside its level reads in place.
template <class Real>
alignas(64) const Real ZEROS[WIDEST_SLICE<Real>] = {};

// `elsewhere` stands in for corners outside the level: zeros to read, or a row to write and forget.
template <class Number, class Real>
struct RowsInPlace {
  Number *base, *elsewhere;
  std::int64_t pixel_numbers;
  const Samples<Real>& samples;

  DEFORMVIZ_INLINE Number* row(int sample, int corner) const {
    const std::int64_t pixel = samples.pixel[corner][sample];
    return pixel == OUTSIDE ? elsewhere : base + pixel * pixel_numbers;
  }
};

}  // namespace
}  // namespace deformviz

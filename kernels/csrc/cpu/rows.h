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

// Asks for memory that will be needed soon.
template <class Number>
DEFORMVIZ_INLINE void fetch(const Number* from, std::int64_t count) {
  const char* line = reinterpret_cast<const char*>(from);
  for (std::int64_t byte = 0; byte < count * std::int64_t(sizeof(Number)); byte += 64)
    __builtin_prefetch(line + byte);
}

// What a corner outside its level reads in place.
template <class Real>
alignas(64) const Real ZEROS[WIDEST_SLICE<Real>] = {};

// In place, rows lie far apart and are not in the cache. So they are found one query before they
// are used, and all asked for at once; to wait for each would take longer than to compute.
template <class Number>
struct RowsInPlace {
  Number* found[BLOCK][CORNERS];

  // `elsewhere` stands in for corners outside the level: zeros to read, or a row to write and
  // forget.
  template <int CHANNELS, class Real>
  DEFORMVIZ_INLINE void find(const Samples<Real>& samples, int count, Number* base,
                             std::int64_t pixel_numbers, Number* elsewhere) {
    for (int sample = 0; sample < count; ++sample)
#pragma GCC unroll 4
      for (int corner = 0; corner < CORNERS; ++corner) {
        const std::int64_t pixel = samples.pixel[corner][sample];
        Number* row = pixel == OUTSIDE ? elsewhere : base + pixel * pixel_numbers;
        fetch(row, CHANNELS);
        found[sample][corner] = row;
      }
  }

  DEFORMVIZ_INLINE Number* row(int sample, int corner) const { return found[sample][corner]; }
};

}  // namespace
}  // namespace deformviz

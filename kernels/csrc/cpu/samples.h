// Samples of one query and head, prepared together: a vector holds as many samples as it has
// lanes, whatever their levels, and what comes out is what the gather needs per sample.
#pragma once
#include "../sample.h"
#include "lanes.h"
#include "problem.h"

namespace deformviz {
namespace {

constexpr std::int64_t OUTSIDE = -1;

template <class Real>
struct Samples {
  using Index = IndexFor<Real>;
  alignas(64) Real weight[CORNERS][BLOCK];
  alignas(64) Index pixel[CORNERS][BLOCK];  // packed: [0] alone; in place: OUTSIDE or the pixel
  alignas(64) Real dx[BLOCK], dy[BLOCK], attention[BLOCK];
  alignas(64) Index touches[BLOCK];
};

// Prepares `count` samples of a source (sources.h), from its sample `first` on. In the packed copy
// all corners of a sample exist, because zeros surround every level; samples that touch nothing go
// to the two spare rows of zeros below it. In place, corners outside the level are marked.
template <bool PACKED, bool GRADIENTS, class Real, class Source>
DEFORMVIZ_INLINE void prepare(Source& source, std::int64_t first, const LevelTable<Real>& level,
                              int count, Samples<Real>& samples) {
  using V = Vector<Real, WIDEST<Real>>;
  using I = Integers<V>;
  for (int at = 0; at < count; at += LANES_OF<V>) {
    V x, y, attention;
    source.read(first + at, count - at, level.from(at), x, y, attention);
    const V height = load<V>(level.height + at), width = load<V>(level.width + at);
    const I touches = touches_level(x, y, height, width);
    x = touches ? x : V{};
    y = touches ? y : (PACKED ? height : V{});
    attention = touches ? attention : V{};
    const V left = floor_of(x), top = floor_of(y), dx = x - left, dy = y - top;
    V weight[CORNERS];
    corner_weights(dx, dy, attention, weight);
    for (int corner = 0; corner < CORNERS; ++corner)
      store(samples.weight[corner] + at, weight[corner]);

    const I column = __builtin_convertvector(left, I), line = __builtin_convertvector(top, I);
    const I pixel = load<I>(level.origin + at) + line * load<I>(level.row + at) + column;
    if constexpr (PACKED) {
      store(samples.pixel[0] + at, pixel);
    } else {
      const I on_left = touches & (left > -1), on_right = touches & (left + 1 < width);
      const I on_top = top > -1, on_bottom = top + 1 < height;
      const I below = pixel + load<I>(level.row + at), outside = I{} + OUTSIDE;
      store(samples.pixel[0] + at, on_left & on_top ? pixel : outside);
      store(samples.pixel[1] + at, on_right & on_top ? pixel + 1 : outside);
      store(samples.pixel[2] + at, on_left & on_bottom ? below : outside);
      store(samples.pixel[3] + at, on_right & on_bottom ? below + 1 : outside);
    }
    if constexpr (GRADIENTS) {
      store(samples.dx + at, dx);
      store(samples.dy + at, dy);
      store(samples.attention + at, attention);
      store(samples.touches + at, touches);
    }
  }
}

}  // namespace
}  // namespace deformviz

// Where the samples of one query and head come from: sampling locations and attention weights, or
// the offsets and logits of a layer, whose locations and softmax are then never written to memory.
#pragma once
#include "lanes.h"
#include "problem.h"

namespace deformviz {
namespace {

template <class Real>
struct QueryHead {
  const Problem<Real>& problem;
  std::int64_t samples;  // of one query and head
  std::int64_t query;    // batch and query, flattened
  std::int64_t row;      // batch, query and head, flattened

  QueryHead(const Problem<Real>& problem, std::int64_t batch, std::int64_t query, std::int64_t head)
      : problem(problem),
        samples(problem.samples()),
        query(batch * problem.queries + query),
        row(this->query * problem.heads + head) {}

  const Real* locations() const { return problem.locations + row * samples * 2; }
  const Real* weights() const { return problem.weights + row * samples; }
};

template <class V>
DEFORMVIZ_INLINE void read_points(const Scalar<V>* from, std::int64_t count, V& x, V& y) {
  constexpr int LANES = LANES_OF<V>;
  deinterleave(load_some<V>(from, 2 * count), load_some<V>(from + LANES, 2 * count - LANES), x, y);
}

// A source answers read(): pixel indices and weights of the samples from `first` on, a vector of
// them; `level` starts at the same sample. The output is to be multiplied with scale().
template <class Real>
struct GivenSamples {
  const Real *locations, *weights;

  explicit GivenSamples(const QueryHead<Real>& query)
      : locations(query.locations()), weights(query.weights()) {}

  template <class V>
  DEFORMVIZ_INLINE void read(std::int64_t first, std::int64_t count, const LevelTable<Real>& level,
                             V& x, V& y, V& attention) const {
    read_points(locations + 2 * first, count, x, y);
    x = to_pixel(x, load<V>(level.width));
    y = to_pixel(y, load<V>(level.height));
    attention = load_some<V>(weights + first, count);
  }

  Real scale() const { return 1; }
};

// exp(x) for x <= 0, to a few units in the last place.
DEFORMVIZ_INLINE double exp_of(double x) { return __builtin_exp(x); }

template <class V>
DEFORMVIZ_INLINE V exp_of(V x) {
  if constexpr (sizeof(Scalar<V>) == 8) {
    for (int lane = 0; lane < LANES_OF<V>; ++lane) x[lane] = exp_of(x[lane]);
    return x;
  } else {
    // x = n log(2) + rest, with log(2) in two parts so that the product is exact; then the Taylor
    // polynomial of exp(rest), |rest| <= log(2) / 2, and n into the exponent bits.
    using I = Integers<V>;
    x = x < -87.f ? V{} - 87.f : x;
    const V n = floor_of(x * 1.44269504f + 0.5f);
    const V rest = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    V sum = rest * (1.f / 5040) + 1.f / 720;
    sum = sum * rest + 1.f / 120;
    sum = sum * rest + 1.f / 24;
    sum = sum * rest + 1.f / 6;
    sum = sum * rest + 0.5f;
    sum = sum * rest + 1.f;
    sum = sum * rest + 1.f;
    return sum * (V)((__builtin_convertvector(n, I) + 127) << 23);
  }
}

template <class Real>
struct LayerSamples {
  using V = Vector<Real, WIDEST<Real>>;
  using I = Integers<V>;
  const QueryHead<Real>& query;
  const Real *offsets, *logits, *references;
  std::int64_t reference_size;
  V largest, total = {};

  explicit LayerSamples(const QueryHead<Real>& query)
      : query(query), offsets(query.locations()), logits(query.weights()) {
    const Problem<Real>& problem = query.problem;
    reference_size = problem.given == Given::BOXES ? 4 : 2;
    references = problem.references + query.query * problem.level_count * reference_size;
    largest = broadcast<V>(logits[0]);
    for (std::int64_t first = 0; first < query.samples; first += LANES_OF<V>) {
      const V logit = some_logits(first, query.samples - first);
      largest = logit > largest ? logit : largest;
    }
    largest = reduce_lanes(largest, [](V a, V b) __attribute__((always_inline)) {
      return a > b ? a : b;
    });
  }

  // Logits from `first` on; past the last one, so little that its exponential is nothing.
  DEFORMVIZ_INLINE V some_logits(std::int64_t first, std::int64_t count) const {
    const V logit = load_some<V>(logits + first, count);
    if (count >= LANES_OF<V>) return logit;
    return counting<I>(Count<V>{}) < Scalar<I>(count) ? logit : V{} - Real(1e30);
  }

  DEFORMVIZ_INLINE void read(std::int64_t first, std::int64_t count, const LevelTable<Real>& level,
                             V& x, V& y, V& attention) {
    attention = exp_of(some_logits(first, count) - largest);
    total += attention;
    read_points(offsets + 2 * first, count, x, y);
    const V width = load<V>(level.width), height = load<V>(level.height);
    const I reference = load<I>(level.level) * Scalar<I>(reference_size);
    const std::int64_t size = query.problem.level_count * reference_size;
    const V center_x = look_up<V>(references, size, reference);
    const V center_y = look_up<V>(references, size, reference + 1);
    if (reference_size == 2) {
      x += to_pixel(center_x, width);
      y += to_pixel(center_y, height);
    } else {
      const Real share = Real(0.5) / query.problem.points;
      x = to_pixel(center_x + x * share * look_up<V>(references, size, reference + 2), width);
      y = to_pixel(center_y + y * share * look_up<V>(references, size, reference + 3), height);
    }
  }

  DEFORMVIZ_INLINE Real scale() const {
    const V sum = reduce_lanes(total, [](V a, V b) __attribute__((always_inline)) {
      return a + b;
    });
    return 1 / sum[0];
  }
};

template <class Source>
struct SourceType {
  using type = Source;
};

template <class Real, class Body>
DEFORMVIZ_INLINE void with_source(const Problem<Real>& problem, const Body& body) {
  if (problem.given == Given::SAMPLES) body(SourceType<GivenSamples<Real>>{});
  else body(SourceType<LayerSamples<Real>>{});
}

}  // namespace
}  // namespace deformviz

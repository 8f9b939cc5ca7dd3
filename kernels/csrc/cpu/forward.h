// Forward pass: the output of a query and head is the sum over its samples of their four value
// rows, weighted.
#pragma once
#include "rows.h"
#include "sources.h"

namespace deformviz {
namespace {

// How early the next queries of a head are asked for; the processor does not guess the stride over
// heads.
constexpr int QUERIES_AHEAD = 6;

// Sums over samples are kept in several chains, enough to hide the latency of an addition.
template <class Real, int CHANNELS>
struct Accumulator {
  using V = Vector<Real, lanes_for<Real>(CHANNELS)>;
  static constexpr int VECTORS = CHANNELS / LANES_OF<V>;
  static constexpr int CHAINS = VECTORS >= 8 ? 1 : VECTORS == 4 ? 2 : 4;
  V sum[CHAINS][VECTORS] = {};

  template <class Rows>
  DEFORMVIZ_INLINE void add(const Samples<Real>& samples, int count, const Rows& rows) {
    for (int sample = 0; sample < count; ++sample)
#pragma GCC unroll 4
      for (int corner = 0; corner < CORNERS; ++corner) {
        const V weight = broadcast<V>(samples.weight[corner][sample]);
        const Real* row = rows.row(sample, corner);
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; ++v)
          sum[corner % CHAINS][v] += weight * load<V>(row + v * LANES_OF<V>);
      }
  }

  DEFORMVIZ_INLINE void write(Real* output, std::int64_t channels, Real scale) const {
    for (int v = 0; v < VECTORS; ++v) {
      V total = sum[0][v];
      for (int chain = 1; chain < CHAINS; ++chain) total += sum[chain][v];
      store_some(output + v * LANES_OF<V>, scale * total, channels - v * LANES_OF<V>);
    }
  }
};

// One query and head, from the packed copy.
template <int CHANNELS, class Source, class Real>
DEFORMVIZ_INLINE void forward_one(const QueryHead<Real>& query, Slice slice, const Real* packed) {
  const Problem<Real>& problem = query.problem;
  Samples<Real> samples;
  Accumulator<Real, CHANNELS> accumulator;
  Source source(query);
  for (std::int64_t first = 0; first < query.samples; first += BLOCK) {
    const int count = query.samples - first < BLOCK ? query.samples - first : BLOCK;
    const LevelTable<Real> level = problem.packed.from(first);
    prepare<true, false>(source, first, level, count, samples);
    accumulator.add(samples, count, PackedRows<CHANNELS, const Real, Real>{packed, level, samples});
  }
  accumulator.write(problem.output + query.row * problem.channels + slice.first, slice.count,
                    source.scale());
}

// Queries first .. last of one slice of one head, from its packed copy.
template <int CHANNELS, class Source, class Real>
void forward_slice(const Problem<Real>& problem, std::int64_t batch, std::int64_t head,
                   Slice slice, std::int64_t first, std::int64_t last, const Real* packed) {
  for (std::int64_t q = first; q < last; ++q) {
    const QueryHead<Real> ahead(problem, batch, q + QUERIES_AHEAD, head);
    fetch(ahead.locations(), 2 * ahead.samples);
    fetch(ahead.weights(), ahead.samples);
    fetch(problem.output + ahead.row * problem.channels + slice.first, CHANNELS);
    forward_one<CHANNELS, Source>(QueryHead<Real>(problem, batch, q, head), slice, packed);
  }
}

template <class Real>
void forward_packed(const Problem<Real>& problem, std::int64_t parts, std::int64_t first,
                    std::int64_t last, Real* scratch) {
  for (std::int64_t task = first; task < last; ++task) {
    const std::int64_t head_of_all = task / parts, part = task % parts;
    const std::int64_t batch = head_of_all / problem.heads, head = head_of_all % problem.heads;
    const std::int64_t from = problem.queries * part / parts;
    const std::int64_t to = problem.queries * (part + 1) / parts;
    for_each_slice<Real>(problem.channels, [&](auto row, Slice slice) {
      constexpr int CHANNELS = decltype(row)::value;
      pack<CHANNELS>(problem, batch, head, slice, scratch);
      with_source(problem, [&](auto source) {
        using Source = typename decltype(source)::type;
        forward_slice<CHANNELS, Source>(problem, batch, head, slice, from, to, scratch);
      });
    });
  }
}

// A query and head whose samples are prepared and whose rows are on their way.
template <int CHANNELS, class Source, class Real>
struct ForwardInPlace {
  Samples<Real> samples;
  RowsInPlace<const Real> rows;
  Real scale;

  DEFORMVIZ_INLINE void make_ready(const QueryHead<Real>& query, const Real* value) {
    const Problem<Real>& problem = query.problem;
    Source source(query);
    prepare<false, false>(source, 0, problem.in_place, query.samples, samples);
    rows.template find<CHANNELS>(samples, query.samples, value, problem.heads * problem.channels,
                                 ZEROS<Real>);
    scale = source.scale();
  }
};

// Query after query and all heads of each, which in this layout are neighbours.
template <int CHANNELS, class Source, class Real>
void forward_rows(const Problem<Real>& problem, Slice slice, std::int64_t first,
                  std::int64_t last) {
  ForwardInPlace<CHANNELS, Source, Real> turns[2];
  const std::int64_t begin = first * problem.heads, end = last * problem.heads;
  for (std::int64_t next = begin; next <= end; ++next) {
    if (next < end) {
      const std::int64_t query = next / problem.heads, head = next % problem.heads;
      const std::int64_t batch = query / problem.queries;
      const std::int64_t pixel = batch * problem.pixels * problem.heads + head;
      turns[next % 2].make_ready(QueryHead<Real>(problem, batch, query % problem.queries, head),
                                 problem.value + pixel * problem.channels + slice.first);
    }
    const std::int64_t row = next - 1;
    if (row < begin) continue;
    const auto& turn = turns[row % 2];
    Accumulator<Real, CHANNELS> accumulator;
    accumulator.add(turn.samples, problem.samples(), turn.rows);
    accumulator.write(problem.output + row * problem.channels + slice.first, slice.count,
                      turn.scale);
  }
}

template <class Real>
void forward_in_place(const Problem<Real>& problem, std::int64_t first, std::int64_t last) {
  for_each_slice<Real>(problem.channels, [&](auto row, Slice slice) {
    constexpr int CHANNELS = decltype(row)::value;
    if constexpr (IN_PLACE<CHANNELS>)
      with_source(problem, [&](auto source) {
        forward_rows<CHANNELS, typename decltype(source)::type>(problem, slice, first, last);
      });
  });
}

}  // namespace
}  // namespace deformviz

// Backward pass. A head is never shared between threads, and its queries come in order, so the
// sums that make grad_value do not depend on the number of threads.
#pragma once
#include "forward.h"

namespace deformviz {
namespace {

// Whether grad_value is wanted. Attribution to locations and weights does without, and is then
// twice as fast; the other way round there is little to save.
template <bool VALUE>
struct Wanted {
  static constexpr bool value = VALUE;
};

template <class Real, class Body>
DEFORMVIZ_INLINE void with_wanted(const Problem<Real>& problem, const Body& body) {
  if (problem.grad_value) body(Wanted<true>{});
  else body(Wanted<false>{});
}

// The four dot products of each sample, corner by corner within a sample.
template <class Real>
struct Dots {
  alignas(64) Real dot[(BLOCK + 4) * CORNERS];
};

template <int CHANNELS, class Real>
struct SlicePass {
  using V = Vector<Real, lanes_for<Real>(CHANNELS)>;
  static constexpr int LANES = LANES_OF<V>, VECTORS = CHANNELS / LANES;
  V grad[VECTORS];  // gradient of the output

  DEFORMVIZ_INLINE SlicePass(const Real* grad_output, std::int64_t channels) {
    for (int v = 0; v < VECTORS; ++v)
      grad[v] = load_some<V>(grad_output + v * LANES, channels - v * LANES);
  }

  DEFORMVIZ_INLINE V partial_dot(const Real* row) const {
    V sum = grad[0] * load<V>(row);
#pragma GCC unroll 8
    for (int v = 1; v < VECTORS; ++v) sum += grad[v] * load<V>(row + v * LANES);
    return sum;
  }

  DEFORMVIZ_INLINE void add_to(Real* row, Real weight) const {
    const V factor = broadcast<V>(weight);
#pragma GCC unroll 8
    for (int v = 0; v < VECTORS; ++v)
      store(row + v * LANES, load<V>(row + v * LANES) + factor * grad[v]);
  }

  // Dot products are summed over lanes LANES at a time, that is for several samples at once.
  template <class W, class Rows, class GradRows>
  DEFORMVIZ_INLINE void run(W, const Samples<Real>& samples, int count, const Rows& rows,
                            const GradRows& grad_rows, Dots<Real>& dots) const {
    constexpr int TOGETHER = LANES > CORNERS ? LANES / CORNERS : 1;
    constexpr int SUMS = TOGETHER * CORNERS;
    for (int first = 0; first < count; first += TOGETHER) {
      V partial[SUMS] = {};
#pragma GCC unroll 4
      for (int i = 0; i < TOGETHER; ++i) {
        const int sample = first + i;
        if (sample >= count) break;
#pragma GCC unroll 4
        for (int corner = 0; corner < CORNERS; ++corner) {
          partial[i * CORNERS + corner] = partial_dot(rows.row(sample, corner));
          if (W::value) add_to(grad_rows.row(sample, corner), samples.weight[corner][sample]);
        }
      }
      for (int sum = 0; sum < SUMS; sum += LANES)
        store(dots.dot + first * CORNERS + sum, sum_each<1>(partial + sum));
    }
  }
};

// Gradients of `count` samples; `accumulate` adds to what other slices of the head have written.
template <class Real>
DEFORMVIZ_INLINE void write_sample_gradients(const QueryHead<Real>& query, std::int64_t first,
                                             const LevelTable<Real>& level,
                                             const Samples<Real>& samples, int count,
                                             const Dots<Real>& dots, bool accumulate) {
  using V = Vector<Real, WIDEST<Real>>;
  using I = Integers<V>;
  constexpr int LANES = LANES_OF<V>;
  const Problem<Real>& problem = query.problem;
  for (int at = 0; at < count; at += LANES) {
    const Real* from = dots.dot + at * CORNERS;
    V even[2], odd[2], dot[CORNERS];
    deinterleave(load<V>(from), load<V>(from + LANES), even[0], odd[0]);
    deinterleave(load<V>(from + 2 * LANES), load<V>(from + 3 * LANES), even[1], odd[1]);
    deinterleave(even[0], even[1], dot[0], dot[2]);
    deinterleave(odd[0], odd[1], dot[1], dot[3]);
    SampleGradient<V> grad = sample_gradient(
        load<V>(samples.dx + at), load<V>(samples.dy + at), load<V>(samples.attention + at),
        load<V>(level.height + at), load<V>(level.width + at), dot);
    const I touches = load<I>(samples.touches + at);
    grad.attention = touches ? grad.attention : V{};
    V xy[2];
    interleave(touches ? grad.x : V{}, touches ? grad.y : V{}, xy[0], xy[1]);

    const std::int64_t sample = query.row * query.samples + first + at, left = count - at;
    if (problem.grad_weights) {
      Real* to = problem.grad_weights + sample;
      if (accumulate) grad.attention += load_some<V>(to, left);
      store_some(to, grad.attention, left);
    }
    if (problem.grad_locations) {
      for (int half = 0; half < 2; ++half) {
        Real* to = problem.grad_locations + 2 * sample + half * LANES;
        const std::int64_t numbers = 2 * left - half * LANES;
        if (accumulate) xy[half] += load_some<V>(to, numbers);
        store_some(to, xy[half], numbers);
      }
    }
  }
}

// Asks for everything a later query of this head reads and writes, but for its rows.
template <int CHANNELS, class Real>
DEFORMVIZ_INLINE void fetch_query(const QueryHead<Real>& query, Slice slice) {
  const Problem<Real>& problem = query.problem;
  const std::int64_t sample = query.row * query.samples;
  fetch(query.locations(), 2 * query.samples);
  fetch(query.weights(), query.samples);
  fetch(problem.grad_output + query.row * problem.channels + slice.first, CHANNELS);
  fetch(problem.grad_locations + 2 * sample, 2 * query.samples);
  fetch(problem.grad_weights + sample, query.samples);
}

template <int CHANNELS, class Real>
DEFORMVIZ_INLINE SlicePass<CHANNELS, Real> slice_pass(const QueryHead<Real>& query, Slice slice) {
  const Real* grad_output = query.problem.grad_output + query.row * query.problem.channels;
  return {grad_output + slice.first, slice.count};
}

// One query and head, from the packed copy.
template <int CHANNELS, class W, class Real>
DEFORMVIZ_INLINE void backward_one(W wanted, const QueryHead<Real>& query, Slice slice,
                                   const Real* packed, Real* packed_grad) {
  const auto pass = slice_pass<CHANNELS>(query, slice);
  GivenSamples<Real> source(query);
  Samples<Real> samples;
  Dots<Real> dots;
  for (std::int64_t first = 0; first < query.samples; first += BLOCK) {
    const int count = query.samples - first < BLOCK ? query.samples - first : BLOCK;
    const LevelTable<Real> level = query.problem.packed.from(first);
    prepare<true, true>(source, first, level, count, samples);
    pass.run(wanted, samples, count, PackedRows<CHANNELS, const Real, Real>{packed, level, samples},
             PackedRows<CHANNELS, Real, Real>{packed_grad, level, samples}, dots);
    write_sample_gradients(query, first, level, samples, count, dots, slice.first > 0);
  }
}

template <int CHANNELS, class W, class Real>
void backward_slice(W wanted, const Problem<Real>& problem, std::int64_t batch, std::int64_t head,
                    Slice slice, const Real* packed, Real* packed_grad) {
  for (std::int64_t q = 0; q < problem.queries; ++q) {
    fetch_query<CHANNELS>(QueryHead<Real>(problem, batch, q + QUERIES_AHEAD, head), slice);
    backward_one<CHANNELS>(wanted, QueryHead<Real>(problem, batch, q, head), slice, packed,
                           packed_grad);
  }
}

template <class Real>
void backward_packed(const Problem<Real>& problem, std::int64_t first, std::int64_t last,
                     Real* scratch) {
  for (std::int64_t task = first; task < last; ++task) {
    const std::int64_t batch = task / problem.heads, head = task % problem.heads;
    for_each_slice<Real>(problem.channels, [&](auto row, Slice slice) {
      constexpr int CHANNELS = decltype(row)::value;
      const std::int64_t numbers = problem.packed_pixels * CHANNELS;
      Real* packed_grad = scratch + numbers;
      with_wanted(problem, [&](auto wanted) {
        using W = decltype(wanted);
        pack<CHANNELS>(problem, batch, head, slice, scratch);
        if (W::value) std::memset(packed_grad, 0, numbers * sizeof(Real));
        backward_slice<CHANNELS>(wanted, problem, batch, head, slice, scratch, packed_grad);
        if (W::value) unpack<CHANNELS>(problem, batch, head, slice, packed_grad);
      });
    });
  }
}

// A query whose samples are prepared and whose rows are on their way.
template <int CHANNELS, class W, class Real>
struct BackwardInPlace {
  Samples<Real> samples;
  RowsInPlace<const Real> rows;
  RowsInPlace<Real> grad_rows;

  // `at`: where the slice of this picture and head begins in value and grad_value.
  DEFORMVIZ_INLINE void make_ready(const QueryHead<Real>& query, std::int64_t at, Real* ignored) {
    const Problem<Real>& problem = query.problem;
    const std::int64_t pixel_numbers = problem.heads * problem.channels;
    GivenSamples<Real> source(query);
    prepare<false, true>(source, 0, problem.in_place, query.samples, samples);
    rows.template find<CHANNELS>(samples, query.samples, problem.value + at, pixel_numbers,
                                 ZEROS<Real>);
    if (W::value)
      grad_rows.template find<CHANNELS>(samples, query.samples, problem.grad_value + at,
                                        pixel_numbers, ignored);
  }
};

template <int CHANNELS, class W, class Real>
void backward_rows(W wanted, const Problem<Real>& problem, std::int64_t batch, std::int64_t head,
                   Slice slice) {
  alignas(64) Real ignored[CHANNELS] = {};
  BackwardInPlace<CHANNELS, W, Real> turns[2];
  Dots<Real> dots;
  const std::int64_t pixel = batch * problem.pixels * problem.heads + head;
  for (std::int64_t next = 0; next <= problem.queries; ++next) {
    fetch_query<CHANNELS>(QueryHead<Real>(problem, batch, next + QUERIES_AHEAD, head), slice);
    if (next < problem.queries)
      turns[next % 2].make_ready(QueryHead<Real>(problem, batch, next, head),
                                 pixel * problem.channels + slice.first, ignored);
    if (next == 0) continue;
    const QueryHead<Real> query(problem, batch, next - 1, head);
    const auto& turn = turns[(next - 1) % 2];
    slice_pass<CHANNELS>(query, slice).run(wanted, turn.samples, query.samples, turn.rows,
                                           turn.grad_rows, dots);
    write_sample_gradients(query, 0, problem.in_place, turn.samples, query.samples, dots,
                           slice.first > 0);
  }
}

template <class Real>
void backward_in_place(const Problem<Real>& problem, std::int64_t first, std::int64_t last) {
  for (std::int64_t task = first; task < last; ++task)
    for_each_slice<Real>(problem.channels, [&](auto row, Slice slice) {
      constexpr int CHANNELS = decltype(row)::value;
      if constexpr (IN_PLACE<CHANNELS>)
        with_wanted(problem, [&](auto wanted) {
          backward_rows<CHANNELS>(wanted, problem, task / problem.heads, task % problem.heads,
                                  slice);
        });
    });
}

}  // namespace
}  // namespace deformviz

// Vectors of the machine, written with the compiler's vector extension so that one source serves
// every instruction set. Nothing here (or in the headers that include it) may have external
// linkage: the linker would keep one copy for all instruction sets.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>

#include "../sample.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

namespace deformviz {
namespace {

#if defined(__AVX512F__)
constexpr int VECTOR_BYTES = 64;
#elif defined(__AVX2__)
constexpr int VECTOR_BYTES = 32;
#else
constexpr int VECTOR_BYTES = 16;
#endif

template <class Real>
constexpr int WIDEST = VECTOR_BYTES / sizeof(Real);

// Wider vectors than the machine's are split by the compiler through memory, at ten times the cost.
template <class Real>
constexpr int lanes_for(int channels) {
  return channels < WIDEST<Real> ? channels : WIDEST<Real>;
}

template <class Real, int LANES>
struct VectorOf {
  typedef Real type __attribute__((vector_size(LANES * sizeof(Real))));
};
template <class Real, int LANES>
using Vector = typename VectorOf<Real, LANES>::type;

template <class V>
using Integers = decltype(V{} < V{});
template <class V>
using Scalar = std::remove_reference_t<decltype(std::declval<V&>()[0])>;
template <class V>
constexpr int LANES_OF = sizeof(V) / sizeof(Scalar<V>);

template <class V>
DEFORMVIZ_INLINE V load(const Scalar<V>* from) {
  V vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

template <class V>
DEFORMVIZ_INLINE void store(Scalar<V>* to, V vector) {
  std::memcpy(to, &vector, sizeof vector);
}

#if defined(__AVX512F__)
DEFORMVIZ_INLINE __mmask16 first_lanes(std::int64_t count) {
  return count <= 0 ? 0 : count >= 16 ? 0xffff : (1u << count) - 1;
}
#endif

// The first `count` numbers, zeros after them.
template <class V>
DEFORMVIZ_INLINE V load_some(const Scalar<V>* from, std::int64_t count) {
  if (count >= LANES_OF<V>) return load<V>(from);
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return V(_mm512_maskz_loadu_ps(first_lanes(count), from));
#endif
  V vector{};
  if (count > 0) std::memcpy(&vector, from, count * sizeof(Scalar<V>));
  return vector;
}

template <class V>
DEFORMVIZ_INLINE void store_some(Scalar<V>* to, V vector, std::int64_t count) {
  if (count >= LANES_OF<V>) return store(to, vector);
#if defined(__AVX512F__)
  if constexpr (sizeof(V) == 64) return _mm512_mask_storeu_ps(to, first_lanes(count), vector);
#endif
  if (count > 0) std::memcpy(to, &vector, count * sizeof(Scalar<V>));
}

template <class V>
DEFORMVIZ_INLINE V broadcast(Scalar<V> number) {
  return number - V{};
}

template <class V>
DEFORMVIZ_INLINE V floor_of(V x) {
  const V whole = __builtin_convertvector(__builtin_convertvector(x, Integers<V>), V);
  return whole > x ? whole - 1 : whole;
}

// Numbers of the pair (a, b) of vectors, in the order INDEX: below LANES from a, then from b.
#if defined(__clang__)
template <int... INDEX, class V>
DEFORMVIZ_INLINE V pick(V a, V b, std::integer_sequence<int, INDEX...>) {
  return __builtin_shufflevector(a, b, INDEX...);
}
#else
template <int... INDEX, class V>
DEFORMVIZ_INLINE V pick(V a, V b, std::integer_sequence<int, INDEX...>) {
  return __builtin_shuffle(a, b, Integers<V>{INDEX...});
}
#endif

template <int LANES, int START, int... I>
constexpr auto every_second(std::integer_sequence<int, I...>)
    -> std::integer_sequence<int, (START + 2 * I)...>;
template <int LANES, int START, int... I>
constexpr auto alternating(std::integer_sequence<int, I...>)
    -> std::integer_sequence<int, (START + I / 2 + (I % 2) * LANES)...>;
template <int LANES, int STEP, int... I>
constexpr auto own_block(std::integer_sequence<int, I...>)
    -> std::integer_sequence<int, (I + (I & STEP ? LANES : 0))...>;
template <int LANES, int STEP, int... I>
constexpr auto other_block(std::integer_sequence<int, I...>)
    -> std::integer_sequence<int, ((I ^ STEP) + (I & STEP ? LANES : 0))...>;
template <int LANES, int STEP, int... I>
constexpr auto own_other(std::integer_sequence<int, I...>)
    -> std::integer_sequence<int, (I ^ STEP)...>;
template <class V>
using Count = std::make_integer_sequence<int, LANES_OF<V>>;

// a0 a1 a2 .. b0 b1 b2 .. -> (a0 a2 .. b0 b2 ..), (a1 a3 .. b1 b3 ..)
template <class V>
DEFORMVIZ_INLINE void deinterleave(V a, V b, V& even, V& odd) {
  constexpr int N = LANES_OF<V>;
  even = pick(a, b, decltype(every_second<N, 0>(Count<V>{})){});
  odd = pick(a, b, decltype(every_second<N, 1>(Count<V>{})){});
}

// The inverse of deinterleave.
template <class V>
DEFORMVIZ_INLINE void interleave(V even, V odd, V& a, V& b) {
  constexpr int N = LANES_OF<V>;
  a = pick(even, odd, decltype(alternating<N, 0>(Count<V>{})){});
  b = pick(even, odd, decltype(alternating<N, N / 2>(Count<V>{})){});
}

// 0, 1, 2, ..
template <class V, int... I>
DEFORMVIZ_INLINE V counting(std::integer_sequence<int, I...>) {
  return V{I...};
}

// Numbers of `table` at `index`, where the table has `size` of them.
template <class V>
DEFORMVIZ_INLINE V look_up(const Scalar<V>* table, std::int64_t size, Integers<V> index) {
  V found;
#if !defined(__clang__)
  if (size <= LANES_OF<V>) return __builtin_shuffle(load_some<V>(table, size), index);
#endif
  for (int lane = 0; lane < LANES_OF<V>; ++lane) found[lane] = table[index[lane]];
  return found;
}

// The same reduction of all lanes in every lane; `combine` is associative and commutative.
template <int STEP = 1, class V, class Combine>
DEFORMVIZ_INLINE V reduce_lanes(V vector, const Combine& combine) {
  if constexpr (STEP == LANES_OF<V>) {
    return vector;
  } else {
    constexpr int N = LANES_OF<V>;
    const V other = pick(vector, vector, decltype(own_other<N, STEP>(Count<V>{})){});
    return reduce_lanes<2 * STEP>(combine(vector, other), combine);
  }
}

// Sums of LANES vectors at once: lane i of the result is the sum over the lanes of vectors[i].
template <int STEP, class V>
DEFORMVIZ_INLINE V sum_each(const V* vectors) {
  if constexpr (STEP == LANES_OF<V>) {
    return vectors[0];
  } else {
    constexpr int N = LANES_OF<V>;
    const V a = sum_each<2 * STEP>(vectors), b = sum_each<2 * STEP>(vectors + STEP);
    return pick(a, b, decltype(own_block<N, STEP>(Count<V>{})){}) +
           pick(a, b, decltype(other_block<N, STEP>(Count<V>{})){});
  }
}

}  // namespace
}  // namespace deformviz

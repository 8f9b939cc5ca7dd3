// Vectors of the machine, written with the compiler's vector extension so that one source serves
// every instruction set. Nothing here (or in the headers that include it) may have external
// linkage: the linker would keep one copy for all instruction sets.
#pragma once
#include <cstdint>
#include <cstring>
#include <utility>

#include "../sample.h"

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

// The first `count` numbers, zeros after them.
template <class V>
DEFORMVIZ_INLINE V load_some(const Scalar<V>* from, std::int64_t count) {
  if (count >= LANES_OF<V>) return load<V>(from);
  V vector{};
  if (count <= 0) return vector;
  std::memcpy(&vector, from, count * sizeof(Scalar<V>));
  return vector;
}

template <class V>
DEFORMVIZ_INLINE void store(Scalar<V>* to, V vector) {
  std::memcpy(to, &vector, sizeof vector);
}

template <class V>
DEFORMVIZ_INLINE void store_some(Scalar<V>* to, V vector, std::int64_t count) {
  if (count >= LANES_OF<V>) return store(to, vector);
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

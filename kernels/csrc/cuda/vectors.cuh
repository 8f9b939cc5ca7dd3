// Numbers as they move: 16 bytes at a time, and sums added to memory four at a time.
#pragma once
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "../sample.h"

namespace deformviz {
namespace cuda {

__device__ __forceinline__ float as_float(float number) { return number; }
__device__ __forceinline__ float as_float(__half number) { return __half2float(number); }
__device__ __forceinline__ float as_float(__nv_bfloat16 number) { return __bfloat162float(number); }

__device__ __forceinline__ void set(float& to, float number) { to = number; }
__device__ __forceinline__ void set(__half& to, float number) { to = __float2half_rn(number); }
__device__ __forceinline__ void set(__nv_bfloat16& to, float number) {
  to = __float2bfloat16_rn(number);
}

template <class T, int VEC>
struct alignas(sizeof(T) * VEC) Chunk {
  T number[VEC];
};

// VEC channels of one row as float.
template <class T, int VEC>
struct Row {
  float channel[VEC];

  __device__ __forceinline__ static Row read(const T* from) {
    const auto chunk = *reinterpret_cast<const Chunk<T, VEC>*>(from);
    Row row;
#pragma unroll
    for (int c = 0; c < VEC; ++c) row.channel[c] = as_float(chunk.number[c]);
    return row;
  }

  __device__ __forceinline__ void write(T* to) const {
    Chunk<T, VEC> chunk;
#pragma unroll
    for (int c = 0; c < VEC; ++c) set(chunk.number[c], channel[c]);
    *reinterpret_cast<Chunk<T, VEC>*>(to) = chunk;
  }

  __device__ __forceinline__ void add(float weight, const Row& other) {
#pragma unroll
    for (int c = 0; c < VEC; ++c) channel[c] += weight * other.channel[c];
  }

  __device__ __forceinline__ float dot(const Row& other) const {
    float sum = 0.f;
#pragma unroll
    for (int c = 0; c < VEC; ++c) sum += channel[c] * other.channel[c];
    return sum;
  }
};

__device__ __forceinline__ void add_four(float* to, float a, float b, float c, float d) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
  asm volatile("red.global.add.v4.f32 [%0], {%1, %2, %3, %4};" ::"l"(to), "f"(a), "f"(b), "f"(c),
               "f"(d)
               : "memory");
#else
  atomicAdd(to, a);
  atomicAdd(to + 1, b);
  atomicAdd(to + 2, c);
  atomicAdd(to + 3, d);
#endif
}

// Where gradients of `value` are summed up.
struct FloatSum {
  float* base;

  template <int VEC>
  __device__ __forceinline__ void add(long long at, float weight, const float* number) const {
    float* to = base + at;
    if constexpr (VEC % 4 == 0) {
#pragma unroll
      for (int c = 0; c < VEC; c += 4)
        add_four(to + c, weight * number[c], weight * number[c + 1], weight * number[c + 2],
                 weight * number[c + 3]);
    } else {
#pragma unroll
      for (int c = 0; c < VEC; ++c) atomicAdd(to + c, weight * number[c]);
    }
  }
};

// Whole numbers can be added in any order, with the same result.
struct FixedSum {
  unsigned long long* base;
  const float* scale;

  template <int VEC>
  __device__ __forceinline__ void add(long long at, float weight, const float* number) const {
#pragma unroll
    for (int c = 0; c < VEC; ++c) {
      const double scaled = double(weight * number[c]) * *scale;
      atomicAdd(base + at + c, static_cast<unsigned long long>(__double2ll_rn(scaled)));
    }
  }
};

}  // namespace cuda
}  // namespace deformviz

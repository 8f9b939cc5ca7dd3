// CUDA on a CPU, for tests: enough of the language to run the real kernels. Every thread of a block
// is a fiber, and __syncwarp, __syncthreads and shuffles are the points where fibers take turns; so
// all threads of a block must reach the same number of them. Races and misaligned loads are not
// seen here: compute-sanitizer on a GPU is for those.
#pragma once
#include <ucontext.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

// The toolkit's own headers, compiled by a C++ compiler, declare types such as float4 and __half.
#include <cuda_runtime.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#undef __shared__
#define __shared__ static
#undef __global__
#define __global__
#undef __device__
#define __device__
#undef __forceinline__
#define __forceinline__ inline
#undef __launch_bounds__
#define __launch_bounds__(...)
#undef __grid_constant__
#define __grid_constant__

using std::max;
using std::min;

inline uint3 threadIdx, blockIdx;
inline dim3 gridDim;

namespace emulator {

constexpr size_t STACK = 128 << 10;

struct Fiber {
  ucontext_t context;
  std::unique_ptr<char[]> stack{new char[STACK]};
  bool done;
};

inline std::vector<Fiber> fibers;
inline ucontext_t scheduler;
inline int current;
inline std::function<void()> kernel;
inline std::uint64_t exchange[1024];

inline void take_turns() { swapcontext(&fibers[current].context, &scheduler); }

inline void enter() {
  kernel();
  fibers[current].done = true;
  take_turns();
}

// Every thread runs to its next turning point before any runs on from there.
inline void run_block(int threads) {
  if (int(fibers.size()) < threads) fibers.resize(threads);
  for (int thread = 0; thread < threads; ++thread) {
    Fiber& fiber = fibers[thread];
    fiber.done = false;
    getcontext(&fiber.context);
    fiber.context.uc_stack.ss_sp = fiber.stack.get();
    fiber.context.uc_stack.ss_size = STACK;
    fiber.context.uc_link = nullptr;
    makecontext(&fiber.context, enter, 0);
  }
  for (bool any = true; any;) {
    any = false;
    for (current = 0; current < threads; ++current) {
      if (fibers[current].done) continue;
      threadIdx = {unsigned(current), 0, 0};
      swapcontext(&scheduler, &fibers[current].context);
      any = true;
    }
  }
}

template <class Kernel, class... Arguments>
void launch(Kernel function, dim3 blocks, dim3 threads, Arguments... arguments) {
  kernel = [=] { function(arguments...); };
  gridDim = blocks;
  for (unsigned block = 0; block < blocks.x; ++block) {
    blockIdx = {block, 0, 0};
    run_block(threads.x);
  }
}

template <class T>
T shuffle(T mine, int lane) {
  std::memcpy(&exchange[current], &mine, sizeof mine);
  take_turns();
  T other;
  std::memcpy(&other, &exchange[(current & ~31) | lane], sizeof other);
  take_turns();
  return other;
}

template <class T>
T atomic_add(T* to, T number) {
  const T before = *to;
  *to += number;
  return before;
}

}  // namespace emulator

inline void __syncwarp() { emulator::take_turns(); }
inline void __syncthreads() { emulator::take_turns(); }
template <class T>
T __shfl_xor_sync(unsigned, T mine, int step) {
  return emulator::shuffle(mine, (emulator::current & 31) ^ step);
}
inline float atomicAdd(float* to, float number) { return emulator::atomic_add(to, number); }
inline unsigned long long atomicAdd(unsigned long long* to, unsigned long long number) {
  return emulator::atomic_add(to, number);
}
inline long long __double2ll_rn(double number) { return std::llrint(number); }
inline cudaError_t cudaGetLastErrorEmulated() { return cudaSuccess; }
#define cudaGetLastError cudaGetLastErrorEmulated

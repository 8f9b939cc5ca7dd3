// What this machine can do at most, in GB/s: copying, and reading rows of 128 bytes in random order
// from tables that fit the second-level cache, the third, or neither.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace {

template <class Work>
double seconds(Work work, int repeats) {
  double best = 1e9;
  for (int i = 0; i < repeats; ++i) {
    const auto start = std::chrono::steady_clock::now();
    work();
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = took.count() < best ? took.count() : best;
  }
  return best;
}

// As wide as the vectors of the machine; wider ones would go through memory.
#if defined(__AVX512F__)
constexpr int BYTES = 64;
#elif defined(__AVX2__)
constexpr int BYTES = 32;
#else
constexpr int BYTES = 16;
#endif
typedef float Part __attribute__((vector_size(BYTES)));
constexpr int PARTS = 128 / BYTES;
struct Row {
  Part part[PARTS];
};

double random_rows(std::size_t bytes) {
  std::vector<char> memory(bytes + 128, 1);
  const auto address = (reinterpret_cast<std::uintptr_t>(memory.data()) + 127) & ~std::uintptr_t(127);
  const Row* table = reinterpret_cast<const Row*>(address);
  std::vector<std::uint32_t> order(1 << 16);
  std::uint32_t state = 1;
  for (auto& row : order) row = (state = state * 1664525u + 1013904223u) / 256 % (bytes / 128);
  Part sum[PARTS] = {};
  const double took = seconds([&] {
    for (const std::uint32_t row : order)
      for (int i = 0; i < PARTS; ++i) sum[i] += table[row].part[i];
  }, 40);
  volatile float keep = sum[0][0] + sum[PARTS - 1][0];
  (void)keep;
  return order.size() * 128 / took / 1e9;
}

}  // namespace

int main() {
  const std::size_t size = 64 << 20;
  std::vector<char> from(size, 1), to(size, 2);
  const double copied = 2 * size / seconds([&] { std::memcpy(to.data(), from.data(), size); }, 10);
  std::printf("{\"copy\": %.1f, \"rows_512_kib\": %.1f, \"rows_12_mib\": %.1f, \"rows_128_mib\": %.1f}\n",
              copied / 1e9, random_rows(512 << 10), random_rows(12 << 20), random_rows(128 << 20));
}

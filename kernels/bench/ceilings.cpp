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

typedef float Row __attribute__((vector_size(128)));

double random_rows(std::size_t bytes) {
  std::vector<char> memory(bytes + 128, 1);
  const auto address = (reinterpret_cast<std::uintptr_t>(memory.data()) + 127) & ~std::uintptr_t(127);
  const Row* table = reinterpret_cast<const Row*>(address);
  std::vector<std::uint32_t> order(1 << 16);
  std::uint32_t state = 1;
  for (auto& row : order) row = (state = state * 1664525u + 1013904223u) / 256 % (bytes / 128);
  Row sum[4] = {};
  const double took = seconds([&] {
    for (std::size_t i = 0; i < order.size(); i += 4)
      for (int chain = 0; chain < 4; ++chain) sum[chain] += table[order[i + chain]];
  }, 40);
  volatile float keep = (sum[0] + sum[1] + sum[2] + sum[3])[0];
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

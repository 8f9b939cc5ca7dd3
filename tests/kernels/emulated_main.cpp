// Runs the emulated kernels on memory that ends where a tensor ends, for AddressSanitizer to watch.
#include <cstdio>
#include <random>
#include <vector>

extern "C" void run(const int* sizes, int type, int given, const void* value,
                    const float* locations, const void* weights, const float* references,
                    void* output, const void* grad_output, float* grad_value,
                    float* grad_locations, float* grad_weights, unsigned long long* fixed_value,
                    const float* fixed_scale);

namespace {

std::mt19937 generator(0);

std::vector<float> numbers(std::size_t count, float low, float high) {
  std::uniform_real_distribution<float> number(low, high);
  std::vector<float> made(count);
  for (float& one : made) one = number(generator);
  return made;
}

// Sixteen-bit types read the same memory as twice as many numbers, whatever these then are; it is
// the addresses that are checked.
int launch_all(int type, int channels, int queries) {
  const int sizes[] = {2, 3, channels, queries, 4, 3, 9, 11, 5, 6, 1, 3};
  const std::size_t pixels = 99 + 30 + 3, rows = 2 * queries * 3, samples = rows * 12;
  const std::size_t part = type == 0 ? 1 : 2;
  const auto value = numbers(2 * pixels * 3 * channels / part, -1, 1);
  const auto locations = numbers(samples * 2, -0.3f, 1.3f);
  const auto weights = numbers(samples / part, 0, 1);
  const auto references = numbers(2 * queries * 3 * 4, 0, 1);
  const auto grad = numbers(rows * channels / part, -1, 1);
  std::vector<float> output(rows * channels / part), grad_value(2 * pixels * 3 * channels);
  std::vector<float> grad_locations(samples * 2), grad_weights(samples);
  std::vector<unsigned long long> fixed(grad_value.size());
  const float scale = 1024;
  for (int given = 0; given < 3; ++given)
    run(sizes, type, given, value.data(), locations.data(), weights.data(),
        given == 1 ? references.data() + 2 * queries * 3 * 2 : references.data(), output.data(),
        nullptr, nullptr, nullptr, nullptr, nullptr, nullptr);
  run(sizes, type, 0, value.data(), locations.data(), weights.data(), nullptr, nullptr,
      grad.data(), grad_value.data(), grad_locations.data(), grad_weights.data(), nullptr, nullptr);
  if (type) return 4;
  run(sizes, type, 0, value.data(), locations.data(), weights.data(), nullptr, nullptr,
      grad.data(), grad_value.data(), grad_locations.data(), grad_weights.data(), fixed.data(),
      &scale);
  return 5;
}

}  // namespace

int main() {
  int launches = 0;
  for (int channels : {6, 32})
    for (int queries : {4, 132})
      for (int type = 0; type < 2; ++type) launches += launch_all(type, channels, queries);
  std::printf("%d launches\n", launches);
}

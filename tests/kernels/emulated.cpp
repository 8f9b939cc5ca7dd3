// The CUDA kernels, their choice and their launch included, as a plain library for ctypes.
#define DEFORMVIZ_EMULATED
#include "emulator.h"

#include "../../kernels/csrc/cuda/launch.cuh"

using deformviz::Given;
using namespace deformviz::cuda;

// sizes: batches, heads, channels, queries, points, levels, then height and width of each level.
// type, given: as in problem.h. fixed: sums in fixed point instead of float.
extern "C" void run(const int* sizes, int type, int given, const void* value,
                    const float* locations, const void* weights, const float* references,
                    void* output, const void* grad_output, float* grad_value,
                    float* grad_locations, float* grad_weights, unsigned long long* fixed_value,
                    const float* fixed_scale) {
  Problem problem{};
  problem.type = Type(type);
  problem.given = Given(given);
  problem.batches = sizes[0];
  problem.heads = sizes[1];
  problem.channels = sizes[2];
  problem.queries = sizes[3];
  problem.points = sizes[4];
  problem.levels.count = sizes[5];
  for (int level = 0; level < sizes[5]; ++level) {
    problem.levels.height[level] = sizes[6 + 2 * level];
    problem.levels.width[level] = sizes[7 + 2 * level];
    problem.levels.start[level] = problem.pixels;
    problem.pixels += sizes[6 + 2 * level] * sizes[7 + 2 * level];
  }
  problem.value = value;
  problem.locations = locations;
  problem.weights = weights;
  problem.references = references;
  problem.output = output;
  problem.grad_output = grad_output;
  problem.grad_value = grad_value;
  problem.grad_locations = grad_locations;
  problem.grad_weights = grad_weights;
  problem.fixed_value = fixed_value;
  problem.fixed_scale = fixed_scale;
  if (grad_output) launch_backward(problem, nullptr);
  else launch_forward(problem, nullptr);
}

// Every rung of the ladder on a CPU, as a plain library for ctypes.
#include "emulator.h"

#include "../../kernels/ladder/all.cuh"

using namespace deformviz::ladder;

extern "C" void climb(int rung, const int* shapes, int batches, int heads, int queries,
                      const void* value, const float* locations, const float* weights,
                      float* output) {
  Problem problem{value, locations, weights, output, batches, 0, heads, queries, {}, nullptr};
  for (int level = 0; level < LEVELS; ++level) {
    problem.levels.height[level] = shapes[2 * level];
    problem.levels.width[level] = shapes[2 * level + 1];
    problem.levels.start[level] = problem.pixels;
    problem.pixels += shapes[2 * level] * shapes[2 * level + 1];
  }
  const Levels levels = problem.levels;
  problem.levels_in_memory = &levels;
#define RUNG(NUMBER, NAME)                                                                       \
  if (rung == NUMBER)                                                                            \
    emulator::launch(NAME::kernel, dim3(NAME::blocks(problem)), dim3(NAME::THREADS), problem);
  RUNG(1, thread_per_channel)
  RUNG(2, levels_by_value)
  RUNG(3, shared_samples)
  RUNG(4, wide_loads)
  RUNG(5, head_tiles)
  RUNG(6, half_values)
}

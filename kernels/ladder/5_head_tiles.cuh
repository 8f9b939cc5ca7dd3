// Rung 5: a block works on one head and an 8 x 4 tile of queries that are pixels themselves, as in
// an encoder. Neighbours look at the same places, so most rows come from the first-level cache. The
// instructions are those of rung 4.
#pragma once
#include "4_wide_loads.cuh"

namespace deformviz {
namespace ladder {
namespace head_tiles {

using wide_loads::LANES;
using wide_loads::THREADS;

constexpr int TILE_WIDTH = 8, TILE_HEIGHT = wide_loads::TEAMS / TILE_WIDTH;

DEFORMVIZ_INLINE int across(const Levels& levels, int level) {
  return (levels.width[level] + TILE_WIDTH - 1) / TILE_WIDTH;
}

DEFORMVIZ_INLINE int tiles(const Levels& levels, int level) {
  return across(levels, level) * ((levels.height[level] + TILE_HEIGHT - 1) / TILE_HEIGHT);
}

DEFORMVIZ_INLINE int all_tiles(const Levels& levels) {
  int sum = 0;
  for (int level = 0; level < LEVELS; ++level) sum += tiles(levels, level);
  return sum;
}

inline long long blocks(const Problem& problem) {
  return 1LL * problem.batches * problem.heads * all_tiles(problem.levels);
}

__global__ void __launch_bounds__(THREADS) kernel(const __grid_constant__ Problem problem) {
  __shared__ Sample shared[wide_loads::TEAMS][SAMPLES + 1];
  const int team = threadIdx.x / LANES, lane = threadIdx.x % LANES;
  const Levels& levels = problem.levels;
  const int all = all_tiles(levels), head_of_all = blockIdx.x / all;
  const int batch = head_of_all / problem.heads, head = head_of_all % problem.heads;
  int tile = blockIdx.x % all, level = 0;
  while (tile >= tiles(levels, level)) tile -= tiles(levels, level++);
  const int x = tile % across(levels, level) * TILE_WIDTH + team % TILE_WIDTH;
  const int y = tile / across(levels, level) * TILE_HEIGHT + team / TILE_WIDTH;
  const bool active = x < levels.width[level] && y < levels.height[level];
  const int query = levels.start[level] + y * levels.width[level] + x;
  const long long first = active ? samples_of(problem, batch, query, head) : 0;
  if (active) wide_loads::prepare(problem, first, lane, shared[team]);
  __syncwarp();
  if (!active) return;
  const float* value = static_cast<const float*>(problem.value) +
                       (1LL * batch * problem.pixels * problem.heads + head) * CHANNELS + 4 * lane;
  reinterpret_cast<float4*>(problem.output)[first / SAMPLES * LANES + lane] =
      wide_loads::gather(shared[team], value, problem.heads * CHANNELS);
}

}  // namespace head_tiles
}  // namespace ladder
}  // namespace deformviz

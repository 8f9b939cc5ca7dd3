// Which team of which block works on which query and head.
#pragma once
#include "samples.cuh"

namespace deformviz {
namespace cuda {

constexpr int TILE_WIDTH = 8;

// Query after query and all heads of each: for queries that are not neighbours, as in a decoder.
template <class TeamOf>
struct InOrder {
  static constexpr int ROUNDS = 1;

  DEFORMVIZ_INLINE static int blocks_of_batch(const Problem& problem) {
    return (problem.queries * problem.heads + TeamOf::COUNT - 1) / TeamOf::COUNT;
  }

  static long long blocks(const Problem& problem) {
    return 1LL * problem.batches * blocks_of_batch(problem);
  }

  __device__ __forceinline__ static Place place(const Problem& problem, int team, int) {
    const unsigned blocks = blocks_of_batch(problem), heads = problem.heads;
    const unsigned work = blockIdx.x % blocks * TeamOf::COUNT + team;
    return Place(problem, blockIdx.x / blocks, work / heads, work % heads);
  }
};

// One head of a two-dimensional tile of queries: neighbours read the same rows of `value`, which
// then come from the first-level cache.
template <class TeamOf>
struct InTiles {
  static constexpr int QUERIES = TeamOf::COUNT < 64 ? 64 : TeamOf::COUNT;
  static constexpr int ROUNDS = QUERIES / TeamOf::COUNT;
  static constexpr int TILE_HEIGHT = QUERIES / TILE_WIDTH;

  DEFORMVIZ_INLINE static int across(const Levels& levels, int level) {
    return (levels.width[level] + TILE_WIDTH - 1) / TILE_WIDTH;
  }

  DEFORMVIZ_INLINE static int tiles(const Levels& levels, int level) {
    return across(levels, level) * ((levels.height[level] + TILE_HEIGHT - 1) / TILE_HEIGHT);
  }

  DEFORMVIZ_INLINE static int all_tiles(const Levels& levels) {
    int sum = 0;
    for (int level = 0; level < levels.count; ++level) sum += tiles(levels, level);
    return sum;
  }

  static long long blocks(const Problem& problem) {
    return 1LL * problem.batches * problem.heads * all_tiles(problem.levels);
  }

  __device__ __forceinline__ static Place place(const Problem& problem, int team, int round) {
    const Levels& levels = problem.levels;
    const int all = all_tiles(levels), head_of_all = blockIdx.x / unsigned(all);
    int tile = blockIdx.x % unsigned(all), level = 0;
    while (tile >= tiles(levels, level)) tile -= tiles(levels, level++);
    const int inside = round * TeamOf::COUNT + team, wide = across(levels, level);
    const int x = tile % wide * TILE_WIDTH + inside % TILE_WIDTH;
    const int y = tile / wide * TILE_HEIGHT + inside / TILE_WIDTH;
    const bool active = x < levels.width[level] && y < levels.height[level];
    const int query = levels.start[level] + y * levels.width[level] + x;
    return Place(problem, head_of_all / problem.heads, active ? query : problem.queries,
                 head_of_all % problem.heads);
  }
};

}  // namespace cuda
}  // namespace deformviz

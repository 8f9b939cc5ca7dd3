// What the CUDA kernels are asked to do. Passed by value, so sizes and levels come from the
// constant bank instead of from memory.
#pragma once
#include "../sample.h"

namespace deformviz {
namespace cuda {

constexpr int MOST_LEVELS = 16;

enum class Type { FLOAT32, FLOAT16, BFLOAT16 };

struct Levels {
  int count;
  int height[MOST_LEVELS], width[MOST_LEVELS], start[MOST_LEVELS];
};

// Tensors are contiguous: value [batch pixel head channel], locations (or offsets)
// [batch query head sample xy], weights (or logits) [batch query head sample], output [batch query head channel], references
// [batch query level xy | cxcywh]. value, weights, output and grad_output have type `type`,
// everything else is float32. grad_value holds zeros to add to; what nobody asked for is null.
struct Problem {
  Type type;
  Given given;
  int batches, pixels, heads, channels, queries, points;
  Levels levels;
  const void *value, *weights, *grad_output;
  const float *locations, *references;
  void* output;
  float *grad_value, *grad_locations, *grad_weights;
  // For sums in fixed point, whose result does not depend on their order: zeros to add to, and what
  // a gradient of 1 counts. Null for sums in float.
  unsigned long long* fixed_value;
  const float* fixed_scale;

  // Queries are the pixels themselves, as in an encoder; then neighbours read the same rows.
  bool queries_are_pixels() const { return queries == pixels; }
};

}  // namespace cuda
}  // namespace deformviz

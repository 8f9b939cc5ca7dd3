// What the CPU and the CUDA library ask of their arguments. Python checks the same and says it with
// more care; these checks are for whoever calls the operators directly, and for traced programs.
#pragma once
#include <torch/csrc/stable/tensor.h>

#include "sample.h"

namespace deformviz {

using torch::stable::Tensor;

inline void check_sizes(const Tensor& value, const Tensor& spatial_shapes, const Tensor& locations,
                        const Tensor& weights) {
  STD_TORCH_CHECK(value.dim() == 4, "value needs [batch pixel head channel], got ", value.dim(),
                  " axes.");
  STD_TORCH_CHECK(locations.dim() == 6 && locations.size(5) == 2,
                  "sampling_locations needs [batch query head level point xy], got ",
                  locations.dim(), " axes.");
  STD_TORCH_CHECK(weights.dim() == 5,
                  "attention_weights needs [batch query head level point], got ", weights.dim(),
                  " axes.");
  STD_TORCH_CHECK(spatial_shapes.dim() == 2 && spatial_shapes.size(1) == 2 &&
                      spatial_shapes.size(0) == locations.size(3),
                  "spatial_shapes needs [level hw] with ", locations.size(3), " levels.");
  for (int axis = 0; axis < 5; ++axis)
    STD_TORCH_CHECK(weights.size(axis) == locations.size(axis),
                    "attention_weights and sampling_locations differ on axis ", axis, ": ",
                    weights.size(axis), " and ", locations.size(axis), ".");
  STD_TORCH_CHECK(value.size(0) == locations.size(0) && value.size(2) == locations.size(2),
                  "value and sampling_locations differ in batch or head: value has ",
                  value.size(0), " and ", value.size(2), ", sampling_locations ",
                  locations.size(0), " and ", locations.size(2), ".");
}

inline void check_pixels(std::int64_t in_shapes, const Tensor& value) {
  STD_TORCH_CHECK(in_shapes == value.size(1), "spatial_shapes has ", in_shapes,
                  " pixels in all, value has ", value.size(1), ".");
}

// Whether references are points or boxes.
inline Given check_references(const Tensor& references, const Tensor& offsets) {
  STD_TORCH_CHECK(references.dim() == 4 && references.size(0) == offsets.size(0) &&
                      references.size(1) == offsets.size(1) &&
                      references.size(2) == offsets.size(3) &&
                      (references.size(3) == 2 || references.size(3) == 4),
                  "references need [batch query level xy] or [batch query level cxcywh] that fit "
                  "the sampling_offsets.");
  return references.size(3) == 4 ? Given::BOXES : Given::POINTS;
}

}  // namespace deformviz

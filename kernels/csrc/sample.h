// The arithmetic of one sample of multi-scale deformable attention (Deformable DETR, Eq. 3):
// where it falls on a level, what its four corners weigh, and how it hands gradients on.
//
// CPU and CUDA include this one file. `Real` is a single number in CUDA and a vector of samples
// on the CPU: comparisons, `?:` and arithmetic read the same for both.
//
// Pixel centres of a level lie on whole numbers, so it spans -0.5 .. size - 0.5
// (`align_corners=False`), and it is surrounded by zeros.
#pragma once

#if defined(__CUDACC__)
#define DEFORMVIZ_INLINE __host__ __device__ __forceinline__
#else
#define DEFORMVIZ_INLINE inline __attribute__((always_inline))
#endif

namespace deformviz {

// Corners of the cell around a sample: (y, x), (y, x + 1), (y + 1, x), (y + 1, x + 1).
constexpr int CORNERS = 4;

// What a caller gives: sampling locations and attention weights, or what a layer computes them
// from, offsets and logits, with a reference point or box per query and level.
enum class Given { SAMPLES, POINTS, BOXES };

// A normalised location as a pixel index along an axis of `size` pixels: location * size - 0.5, by
// way of grid_sample's -1 .. 1 and in its order, so that a sample on the border of two cells is
// rounded into the same one. Gradients with respect to its location differ between the two.
template <class Real>
DEFORMVIZ_INLINE Real to_pixel(Real location, Real size) {
  const Real grid = 2.f * location - 1.f;
  return (grid + 1.f) * (size * 0.5f) - 0.5f;
}

// Whether a sample has a corner on its level. NaN has none; a sample exactly one pixel before the
// first has one that weighs nothing, and yet a gradient.
template <class Real>
DEFORMVIZ_INLINE auto touches_level(Real x, Real y, Real height, Real width) {
  return (x >= -1.f) & (y >= -1.f) & (x < width) & (y < height);
}

// What the corners weigh for a sample at (dx, dy) inside its cell, its attention weight included.
template <class Real>
DEFORMVIZ_INLINE void corner_weights(Real dx, Real dy, Real attention, Real weight[CORNERS]) {
  const Real lower = attention * dy, upper = attention - lower;
  weight[1] = upper * dx;
  weight[0] = upper - weight[1];
  weight[3] = lower * dx;
  weight[2] = lower - weight[3];
}

template <class Real>
struct SampleGradient {
  Real attention, x, y;  // x and y with respect to the normalised location
};

// Gradients of one sample. `dot` holds, per corner, <gradient of the output, value at the corner>.
template <class Real>
DEFORMVIZ_INLINE SampleGradient<Real> sample_gradient(
    Real dx, Real dy, Real attention, Real height, Real width, const Real dot[CORNERS]) {
  const Real upper = dot[0] + dx * (dot[1] - dot[0]);
  const Real lower = dot[2] + dx * (dot[3] - dot[2]);
  const Real slope_x = dot[1] - dot[0] + dy * ((dot[3] - dot[2]) - (dot[1] - dot[0]));
  return {upper + dy * (lower - upper), attention * width * slope_x,
          attention * height * (lower - upper)};
}

}  // namespace deformviz

// The kernels for one instruction set. Compiled once for each, with
// -DDEFORMVIZ_ISA=generic | avx2 | avx512 and the compiler's flags for it; and once for every machine
// with -DDEFORMVIZ_FLOAT64 instead.
#include "backward.h"

#define DEFORMVIZ_JOIN_(a, b) a##b
#define DEFORMVIZ_JOIN(a, b) DEFORMVIZ_JOIN_(a, b)
#define DEFORMVIZ_QUOTE_(a) #a
#define DEFORMVIZ_QUOTE(a) DEFORMVIZ_QUOTE_(a)

namespace deformviz {
namespace {

template <class Real>
constexpr Kernels<Real> kernels() {
  return {packed_channels<Real>, reads_in_place<Real>,  forward_packed<Real>,
          forward_in_place<Real>, backward_packed<Real>, backward_in_place<Real>};
}

}  // namespace

#if defined(DEFORMVIZ_FLOAT64)

const Kernels<double>& float64_kernels() {
  static constexpr Kernels<double> float64 = kernels<double>();
  return float64;
}

#else

const InstructionSet& DEFORMVIZ_JOIN(DEFORMVIZ_ISA, _kernels)() {
  static constexpr InstructionSet set{DEFORMVIZ_QUOTE(DEFORMVIZ_ISA), kernels<float>()};
  return set;
}

#endif

}  // namespace deformviz

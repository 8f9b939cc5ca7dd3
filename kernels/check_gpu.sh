#!/usr/bin/env bash
# Everything that needs a GPU, in one go: parity, sanitizer, benchmarks. Leaves its figures in files.
#
#     kernels/check_gpu.sh [folder for the figures] [the original's built extension .so]
#
# Needs a GPU, a CUDA build of torch with what deformviz and its tests import, nvcc of the version
# torch was built with, and a C++ compiler; compute-sanitizer comes with the toolkit. The original is
# models/ops of Deformable DETR: `python setup.py build` there, after `.type().is_cuda()` has become
# `.is_cuda()` and `.type()` in its dispatch macros `.scalar_type()`, as torch now asks.
set -uo pipefail
cd "$(dirname "$0")/.."
out=${1:-kernels/gpu-figures}  # where `deformviz doctor` looks for figures of a real run
original=${2:-}
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
mkdir -p "$out"
failed=0

# Without a GPU the tests skip themselves, and all would look well.
"$python" -c "import einops, pytest, torch; torch.zeros(1, device='cuda')" || {
    echo "$python cannot use a GPU. Install a CUDA build of torch and \`pip install -e .[test]\`," \
        "or name another interpreter in PYTHON."
    exit 1
}
command -v nvcc >/dev/null || [ -x "${CUDA_HOME:-}/bin/nvcc" ] || {
    echo "No nvcc. Install the CUDA toolkit torch was built with, or set CUDA_HOME."
    exit 1
}

step() {  # step <name> <command ...>: runs it, keeps what it says, remembers a failure
    local name=$1
    shift
    echo "== $name"
    "$@" 2>&1 | tee "$out/$name.txt"
    local status=${PIPESTATUS[0]}
    [ "$status" -eq 0 ] || { echo "$name: FAILED ($status)" | tee -a "$out/$name.txt"; failed=1; }
}

step gpu nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv
step doctor "$python" -m deformviz doctor
step parity "$python" -m pytest -q -m gpu tests/kernels tests/attention

if command -v compute-sanitizer >/dev/null; then
    # PyTorch's allocator hides overruns between tensors; without it every tensor is watched.
    export PYTORCH_NO_CUDA_MEMORY_CACHING=1
    for tool in memcheck racecheck; do
        step "sanitizer-$tool" compute-sanitizer --tool "$tool" --error-exitcode 9 \
            --kernel-name kns=deformviz "$python" -m pytest -q -m gpu tests/kernels/test_gpu.py \
            -k "output_and_gradients or fused or deterministic"
    done
    unset PYTORCH_NO_CUDA_MEMORY_CACHING
else
    echo "compute-sanitizer is not on the PATH: memory and races were NOT checked" \
        | tee "$out/sanitizer-missing.txt"
    failed=1
fi

step bench "$python" kernels/bench/on_cuda.py ${original:+--original "$original"} --out "$out/bench.json"

if command -v ncu >/dev/null; then
    step counters ncu --kernel-name-base demangled --kernel-name regex:deformviz \
        --launch-count 12 --set full \
        "$python" kernels/bench/on_cuda.py --batches 2 --repeats 1
fi

echo "Figures are in $out/"
exit "$failed"

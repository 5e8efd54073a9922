#!/usr/bin/env bash
# Times compiled products on a GPU beside cuBLAS. Two steps, as the compiler and
# the card may be on different machines:
#   scripts/bench.sh build   compiles kernels into build/bench (needs the compiler)
#   scripts/bench.sh run     builds the benchmark with g++ and runs it (needs a card)
#   scripts/bench.sh         both
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/gpu-common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [build|run|all] [--dir DIR] [-- BENCHMARK OPTIONS]
  --dir DIR  where the objects are (default build/bench). To use another
             machine, carry the working tree and this directory there.
Benchmark options: --filter TEXT, --repetitions COUNT, --rest MILLISECONDS
(before each replay, so that the card keeps its clock; 0: no rest, the rate that
its power limit allows for long), --cublas LIBRARY, --json FILE.
Environment: SPARSE24_TARGET (default sm_90, for an H100), SPARSE24_GPU_FORMAT (isa, the
default: PTX; bin: cubins, needs ptxas), SPARSE24_SCHEDULE (of all
products, e.g. "mma_sp, tile = [256, 128, 64], warps = [4, 2], stages = 4"), JOBS, CXX, PYTHON.
TEXT
}

# Where the CUDA Toolkit or PyTorch's packages have cuBLAS.
find_cublas() {
  local candidate
  for candidate in /usr/local/cuda/lib64/libcublas.so /usr/local/cuda-*/lib64/libcublas.so; do
    [ -e "$candidate" ] && echo "$candidate" && return
  done
  python3 - <<'PYTHON' 2>/dev/null || true
import glob, site, sysconfig
for root in site.getsitepackages() + [sysconfig.get_paths()["purelib"]]:
    for path in glob.glob(root + "/nvidia/**/libcublas.so.*", recursive=True):
        print(path)
        raise SystemExit
PYTHON
}

step=all dir=
while [ $# -gt 0 ]; do
  case $1 in
    build | run | all) step=$1 ;;
    --dir) dir=$2; shift ;;
    --help) usage; exit ;;
    --) shift; break ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
dir=${dir:-$build/bench}

if [ "$step" != run ]; then
  compile_modules bench "$dir" "${SPARSE24_TARGET:-sm_90}"
fi
if [ "$step" != build ]; then
  say "building the benchmark"
  build_program "$dir" bench_matmul "$root/benchmarks/bench_matmul.cpp" "$harness/Problem.cpp"
  say "running it"
  cublas=$(find_cublas)
  "$dir/host/bench_matmul" ${cublas:+--cublas "$cublas"} "$@"
fi

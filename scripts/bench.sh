#!/usr/bin/env bash
# Times compiled products on a GPU beside cuBLAS and cuSPARSELt. Two steps, as the
# compiler and the card may be on different machines:
#   scripts/bench.sh build   compiles kernels into build/bench (needs the compiler)
#   scripts/bench.sh run     links them with g++ and runs benchmarks/bench_matmul.py
#                            (needs a card and PyTorch)
#   scripts/bench.sh         both
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/gpu-common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/bench.sh [build|run|all] [--what matmul|pattern] [--dir DIR] [--shape M,K,N]... [--beside DIR] [-- BENCHMARK OPTIONS]
  --what     what is timed: products (the default), or pruning and compression
  --dir DIR  where the objects are (default build/bench, for patterns build/bench-pattern). To use another
             machine, carry the working tree and this directory there.
  --shape M,K,N  (build, all) products of an M × K weight and N columns, of all types, instead of the table's
             shapes; may be given more than once.
  --beside DIR  (run, all) what another build of the compiler has put there, of the same products, takes turns
             with this one's: what has a change done?
Benchmark options: --filter TEXT, --fused, --no-peers, --repetitions COUNT, --rest MILLISECONDS
(before each replay, so that the card keeps its clock; 0: no rest, the rate that
its power limit allows for long), --flush read|write, --json FILE (for benchmarks/report.py).
Environment: SPARSE24_TARGET (default sm_90, for an H100), SPARSE24_FAMILY (of the
packed layouts; default wgmma_sp for sm_90a, else mma_sp), SPARSE24_GPU_FORMAT (isa, the
default: PTX; bin: cubins, needs ptxas), SPARSE24_SCHEDULE (of all
products, e.g. "mma_sp, tile = [256, 128, {k}], warps = [4, 2], stages = 4"), JOBS, CXX, PYTHON.
TEXT
}

step=all dir= what=matmul shapes=() beside=
while [ $# -gt 0 ]; do
  case $1 in
    build | run | all) step=$1 ;;
    --dir) dir=$2; shift ;;
    --shape) shapes+=(--shape "$2"); shift ;;
    --what) what=$2; shift ;;
    --beside) beside=$2; shift ;;
    --help) usage; exit ;;
    --) shift; break ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
case $what in
  matmul) modules=bench dir=${dir:-$build/bench} ;;
  pattern) modules=pattern dir=${dir:-$build/bench-pattern} ;;
  *) usage >&2; exit 2 ;;
esac

if [ "$step" != run ]; then
  compile_modules "$modules" "$dir" "${SPARSE24_TARGET:-sm_90}" "${shapes[@]}"
fi
if [ "$step" != build ]; then
  say "linking the compiled functions"
  link_program "$dir" libbench.so "$root/benchmarks/pack.cpp"
  if [ -n "$beside" ]; then
    link_program "$beside" libbench.so "$root/benchmarks/pack.cpp"
    set -- --beside "$beside/host/libbench.so" "$@"
  fi
  say "running the benchmark"
  "${PYTHON:-python3}" "$root/benchmarks/bench_$what.py" \
    "$dir/host/libbench.so" "$dir/cases.json" "$@"
fi

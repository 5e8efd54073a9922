#!/usr/bin/env bash
# Checks compiled products on a GPU, element by element, or pruning and
# compression, bit by bit. Two steps, as the
# compiler and the card may be on different machines:
#   scripts/gpu-check.sh build   compiles kernels into build/gpu-check (needs the compiler)
#   scripts/gpu-check.sh run     builds the checker with g++ and runs it (needs a card)
#   scripts/gpu-check.sh         both
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/gpu-common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/gpu-check.sh [build|run|all] [--what matmul|pattern] [--dir DIR] [-- CHECKER OPTIONS]
  --what     what is checked: products (the default), or pruning and compression
             (on random and special bits, and on the layers of all-MiniLM-L6-v2
             where scripts/setup.sh --model fetched it; running it needs NumPy)
  --dir DIR  where the objects are (default build/gpu-check, for patterns build/gpu-check-pattern).
             To use another machine, carry the working tree and this directory there.
Checker options: --filter TEXT, --max-size SIZE, --no-graphs.
Environment: SPARSE24_TARGET (default sm_80), SPARSE24_FAMILY (of the packed
layouts; default wgmma_sp for sm_90a, else mma_sp), SPARSE24_GPU_FORMAT (isa, the
default: PTX; bin: cubins, needs ptxas), SPARSE24_SCHEDULE (of all
products, e.g. "mma_sp, tile = [256, 128, {k}], warps = [4, 2], stages = 4"), JOBS, CXX, PYTHON,
SPARSE24_LAUNCHER (put before the checker, e.g. compute-sanitizer).
Exit status: 0 if all is right.
TEXT
}

step=all dir= what=matmul
while [ $# -gt 0 ]; do
  case $1 in
    build | run | all) step=$1 ;;
    --dir) dir=$2; shift ;;
    --what) what=$2; shift ;;
    --help) usage; exit ;;
    --) shift; break ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
if [ "$what" = pattern ]; then
  [ $# -eq 0 ] || die "this check has no options"
  dir=${dir:-$build/gpu-check-pattern}
  export SPARSE24_BUILD_DIR=$build
  if [ "$step" != run ]; then
    rm -rf "$dir"
    [ ! -f "$model" ] || with_model=(--model "$model")
    "${PYTHON:-$python}" "$harness/check_pattern.py" build "$dir" --target "${SPARSE24_TARGET:-sm_80}" \
      ${with_model[@]+"${with_model[@]}"}
  fi
  if [ "$step" != build ]; then
    ${SPARSE24_LAUNCHER:-} "${PYTHON:-$python}" "$harness/check_pattern.py" run "$dir"
  fi
  exit
fi
[ "$what" = matmul ] || { usage >&2; exit 2; }
dir=${dir:-$build/gpu-check}

if [ "$step" != run ]; then
  compile_modules check "$dir" "${SPARSE24_TARGET:-sm_80}"
fi
if [ "$step" != build ]; then
  say "building the checker"
  link_program "$dir" check_matmul "$harness/check_matmul.cpp" "$harness/Problem.cpp"
  say "running it"
  ${SPARSE24_LAUNCHER:-} "$dir/host/check_matmul" "$@"
fi

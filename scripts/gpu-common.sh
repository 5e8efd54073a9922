# shellcheck shell=bash
# Shared by gpu-check.sh and bench.sh; to be sourced. Needs no Python packages;
# on the GPU machine the check needs nothing but bash and g++.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
harness=$root/test/Integration/GPU

# find_llvm TOOL: its path, with or without Debian's version suffix.
find_llvm() {
  local candidate
  for candidate in "$1-22" "/usr/lib/llvm-22/bin/$1" "$1"; do
    command -v "$candidate" && return
  done
  die "$1 of LLVM 22 not found"
}

# family_of TARGET: the family of instructions of its best kernels.
family_of() { [ "$1" = sm_90a ] && echo wgmma_sp || echo mma_sp; }

# compile_modules SET DIR TARGET [OPTION…]: writes the modules of make_modules.py's SET
# into DIR, with these options, and compiles each to an object file, JOBS at a time.
compile_modules() {
  local set=$1 dir=$2 target=$3
  shift 3
  opt=$build/tools/sparse24-opt/sparse24-opt
  [ -x "$opt" ] || die "$opt not found: build first (scripts/setup.sh)"
  translate=$(find_llvm mlir-translate)
  llc=$(find_llvm llc)
  format=${SPARSE24_GPU_FORMAT:-isa}
  export opt translate llc dir target format
  mkdir -p "$dir"
  rm -rf "$dir"/*.{o,mlir,inc,txt} "$dir/host"
  "${PYTHON:-python3}" "$harness/make_modules.py" "$set" "$dir" \
    --family "${SPARSE24_FAMILY:-$(family_of "$target")}" \
    ${SPARSE24_SCHEDULE:+--schedule "$SPARSE24_SCHEDULE"} "$@"
  say "compiling $(wc -l <"$dir/modules.txt") modules for $target, format $format"
  xargs -P "${JOBS:-$(nproc)}" -d '\n' -n 1 bash -euo pipefail -c '
    read -r name options <<<"$1"
    module=$dir/$name
    began=$SECONDS
    "$opt" "$module.mlir" -o "$module.llvm.mlir" --remarks-filter= \
      --mlir-print-op-on-diagnostic=false "--sparse24-pipeline=target=$target format=$format $options"
    "$translate" --mlir-to-llvmir "$module.llvm.mlir" -o "$module.ll"
    "$llc" -O2 -filetype=obj -relocation-model=pic "$module.ll" -o "$module.o"
    rm "$module.ll" "$module.llvm.mlir"
    echo "  $name: $((SECONDS - began)) s, $(stat -c %s "$module.o") bytes" >&2
  ' _ <"$dir/modules.txt"
  du -sh "$dir" >&2
}

# link_program DIR OUTPUT SOURCE…: compiles sources of this tree against DIR's table
# and links them with DIR's objects, the runtime and Support into DIR/host/OUTPUT, a
# program or (.so) a shared library.
link_program() {
  local dir=$1 output=$2 flags=() objects=() source pids=()
  shift 2
  [ -f "$dir/cases.inc" ] || die "$dir/cases.inc not found: run the build step first"
  [[ $output != *.so ]] || flags=(-shared)
  mkdir -p "$dir/host"
  for source in "$@" "$root"/lib/Runtime/*.cpp "$root"/lib/Support/*.cpp; do
    local object=$dir/host/$(basename "$source" .cpp).o
    objects+=("$object")
    "${CXX:-g++}" -std=c++17 -O3 -march=native -fPIC -Wall -I"$root/include" \
      -I"$harness" -I"$dir" -c "$source" -o "$object" &
    pids+=($!)
  done
  local pid
  for pid in "${pids[@]}"; do wait "$pid" || die "compiling $output failed"; done
  "${CXX:-g++}" "${flags[@]}" -o "$dir/host/$output" "${objects[@]}" "$dir"/*.o -ldl -lpthread
}

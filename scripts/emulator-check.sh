#!/usr/bin/env bash
# Compares the emulator with a GPU, kernel by kernel. Three steps, as the compiler
# and the card may be on different machines:
#   scripts/emulator-check.sh build    compiles the kernels to PTX (needs the compiler)
#   scripts/emulator-check.sh record   runs them on a card (needs one of sm_90)
#   scripts/emulator-check.sh compare  runs them in the emulator and compares
#   scripts/emulator-check.sh          all of them
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/emulator-check.sh [build|record|compare|all] [--dir DIR]
  --dir DIR  where the PTX and the card's results are (default
             build/emulator-check). To use another machine, carry the working
             tree and this directory there, and results.npz back.
To compare with the H100's results that are in the tree, which is what the tests
do: scripts/emulator-check.sh compare --dir test/Emulator/Hardware/results
Environment: PYTHON (for record: any Python 3 with NumPy).
Exit status: 0 if all agree.
TEXT
}

step=all dir=$build/emulator-check
while [ $# -gt 0 ]; do
  case $1 in
    build | record | compare | all) step=$1 ;;
    --dir) dir=$2; shift ;;
    --help) usage; exit ;;
    *) usage >&2; exit 2 ;;
  esac
  shift
done
hardware=$root/test/Emulator/Hardware
[ -x "$python" ] || python=${PYTHON:-python3}

if [ "$step" = build ] || [ "$step" = all ]; then
  mkdir -p "$dir"
  "$python" "$hardware/kernels.py" --ir "$dir/kernels.mlir"
  "$build/tools/sparse24-opt/sparse24-opt" "$dir/kernels.mlir" -o /dev/null \
    --gpu-module-to-binary=format=isa \
    --sparse24-write-kernels="path=$dir/kernels.ptx"
  say "wrote $dir/kernels.ptx"
fi
if [ "$step" = record ] || [ "$step" = all ]; then
  "$python" "$hardware/record.py" "$dir/kernels.ptx" "$dir/results.npz"
fi
if [ "$step" = compare ] || [ "$step" = all ]; then
  "$python" "$hardware/compare.py" \
    "$build/tools/sparse24-emulate/sparse24-emulate" "$dir/results.npz"
fi

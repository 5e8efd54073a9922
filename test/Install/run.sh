#!/usr/bin/env bash
# Installs a build into a scratch prefix; builds and runs a consumer of it.
# usage: run.sh <build> <consumer source> <scratch directory> <MLIR_DIR>
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
build=$1 source=$2 scratch=$3 mlir=$4

rm -rf "$scratch"
mkdir -p "$scratch"
cmake --install "$build" --prefix "$scratch/prefix" >"$scratch/install.log"

# The package has to work elsewhere: it names neither sources nor build.
if grep -rl -F -e "$build" "$scratch/prefix/lib" --include='*.cmake'; then
  echo "the installed package points into the build directory" >&2
  exit 1
fi

cmake -S "$source" -B "$scratch/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
  -DCMAKE_PREFIX_PATH="$scratch/prefix" -DMLIR_DIR="$mlir" >/dev/null
cmake --build "$scratch/build"

"$scratch/build/consumer" | tee "$scratch/output.mlir"
grep -Eq 'sparse24.prune +magnitude' "$scratch/output.mlir"
# The installed tool reads what the consumer printed.
"$scratch/prefix/bin/sparse24-opt" "$scratch/output.mlir" -o /dev/null

# One MLIR in the process: the shared one, with no copy linked in.
[ "$(ldd "$scratch/build/consumer" | grep -c 'libMLIR\.so')" -eq 1 ]
if nm -C "$scratch/build/consumer" | grep -q ' T mlir::MLIRContext::MLIRContext'; then
  echo "a second MLIR is linked into the consumer" >&2
  exit 1
fi
echo "the installed tree works"

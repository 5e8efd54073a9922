#!/usr/bin/env bash
# Writes docs/generated/ from the ODS definitions; with --check compares only.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

tablegen=/usr/lib/llvm-22/bin/mlir-tblgen
include=$root/include
dialect=sparse24/Dialect/Sparse24

# page, generator, definitions
pages=(
  "Sparse24Dialect.md -gen-dialect-doc -dialect=sparse24 $dialect/IR/Sparse24Ops.td"
  "TransformPasses.md -gen-pass-doc $dialect/Transforms/Passes.td"
  "ConversionPasses.md -gen-pass-doc sparse24/Conversion/Passes.td"
)

mode=${1:-write}
output=$root/docs/generated
[ "$mode" = write ] || output=$(mktemp -d)
mkdir -p "$output"
for page in "${pages[@]}"; do
  read -r -a words <<<"$page"
  last=$((${#words[@]} - 1))
  "$tablegen" "${words[@]:1:last-1}" "$include/${words[last]}" \
    -I "$include" -I /usr/lib/llvm-22/include -o "$output/${words[0]}"
done
if [ "$mode" = --check ]; then
  diff -r "$root/docs/generated" "$output" ||
    die "docs/generated is out of date: run scripts/generate-docs.sh"
  rm -r "$output"
fi

// The packer of Support as C functions, for the benchmark's Python.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Support/PackedLayout.h"

using namespace sparse24;

extern "C" {

/// The size of a matrix packed in the layout of that text; −1 if it is none.
int64_t sparse24BenchPackedBytes(const char *text) {
  PackedLayout layout;
  return PackedLayout::parse(text, layout) ? layout.bytes() : -1;
}

/// Packs a 2:4 dense row-major matrix. The text must be that of a layout.
void sparse24BenchPack(const char *text, const void *dense, void *packed) {
  PackedLayout layout;
  if (PackedLayout::parse(text, layout))
    packDense(layout, MatrixRef::rowMajor(dense, layout.rows, layout.k),
              packed);
}
}

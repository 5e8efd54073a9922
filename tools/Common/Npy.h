// Reading and writing NumPy's .npy files (format 1.0 and 2.0, C order).
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TOOLS_COMMON_NPY_H
#define SPARSE24_TOOLS_COMMON_NPY_H

#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

namespace sparse24::run {

/// A contiguous array in C order. The bytes are opaque: `descr` says what they
/// are in NumPy's words (`<f4`, `|V2`, …), and only the writer looks at it.
class NpyArray {
public:
  /// Makes an array whose bytes are all 0xFF: a NaN in every floating-point
  /// type, so that an element that nobody writes is seen.
  static NpyArray poisoned(llvm::ArrayRef<int64_t> shape, llvm::StringRef descr,
                           size_t itemBytes);

  static llvm::Expected<NpyArray> read(llvm::StringRef path);
  llvm::Error write(llvm::StringRef path) const;

  llvm::ArrayRef<int64_t> shape() const { return dims; }
  size_t itemSize() const { return itemBytes; }
  size_t byteSize() const;
  void *data() { return storage.get(); }

private:
  struct Free {
    void operator()(void *pointer) const { std::free(pointer); }
  };

  void allocate();

  llvm::SmallVector<int64_t, 4> dims;
  std::string descr;
  size_t itemBytes = 0;
  std::unique_ptr<void, Free> storage;
};

} // namespace sparse24::run

#endif // SPARSE24_TOOLS_COMMON_NPY_H

// Files of tensors in the safetensors format, mapped into memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_LIB_DIALECT_SPARSE24_TRANSFORMS_SAFETENSORS_H
#define SPARSE24_LIB_DIALECT_SPARSE24_TRANSFORMS_SAFETENSORS_H

#include "mlir/IR/BuiltinTypes.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

#include <memory>

namespace mlir::sparse24 {

/// A file of named tensors: 8 bytes that say how long the header is, the header
/// (JSON: name → type, shape, place), then the tensors' elements, row-major and
/// little-endian (https://github.com/huggingface/safetensors, "Format").
/// Nothing is read before somebody looks at it.
class Safetensors {
public:
  struct Entry {
    RankedTensorType type;
    ArrayRef<char> data;
  };

  /// Fails with a message that begins with the path.
  static llvm::Expected<std::unique_ptr<Safetensors>>
  open(StringRef path, MLIRContext *context);

  /// The tensor of that name; null if there is none.
  const Entry *find(StringRef name) const;
  /// What keeps the elements there.
  std::shared_ptr<llvm::MemoryBuffer> getBuffer() const { return buffer; }

private:
  std::shared_ptr<llvm::MemoryBuffer> buffer;
  llvm::StringMap<Entry> entries;
};

} // namespace mlir::sparse24

#endif // SPARSE24_LIB_DIALECT_SPARSE24_TRANSFORMS_SAFETENSORS_H

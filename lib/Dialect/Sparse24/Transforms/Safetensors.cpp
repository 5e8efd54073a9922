// Files of tensors in the safetensors format, mapped into memory.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Safetensors.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::sparse24;

/// The element type of that name in a header; null for an unknown one.
static Type getElementType(StringRef name, Builder &b) {
  return llvm::StringSwitch<Type>(name)
      .Case("F64", b.getF64Type())
      .Case("F32", b.getF32Type())
      .Case("F16", b.getF16Type())
      .Case("BF16", b.getBF16Type())
      .Case("F8_E4M3", b.getType<Float8E4M3FNType>())
      .Case("F8_E5M2", b.getType<Float8E5M2Type>())
      .Case("I64", b.getI64Type())
      .Case("I32", b.getI32Type())
      .Case("I16", b.getI16Type())
      .Case("I8", b.getI8Type())
      .Case("U8", b.getIntegerType(8, /*isSigned=*/false))
      .Default(Type());
}

/// The numbers of an array; false if it isn't one.
static bool readNumbers(const llvm::json::Array *array,
                        SmallVectorImpl<int64_t> &numbers) {
  if (!array)
    return false;
  for (const llvm::json::Value &value : *array) {
    std::optional<int64_t> number = value.getAsInteger();
    if (!number || *number < 0)
      return false;
    numbers.push_back(*number);
  }
  return true;
}

/// The entry that `object` describes; an error says what is wrong with it.
static llvm::Expected<Safetensors::Entry>
readEntry(const llvm::json::Object *object, ArrayRef<char> payload,
          MLIRContext *context) {
  auto fail = [](const Twine &what) { return llvm::createStringError(what); };
  SmallVector<int64_t> shape, offsets;
  if (!object || !object->getString("dtype") ||
      !readNumbers(object->getArray("shape"), shape) ||
      !readNumbers(object->getArray("data_offsets"), offsets) ||
      offsets.size() != 2)
    return fail("has no dtype, shape and data_offsets");
  Builder builder(context);
  StringRef typeName = *object->getString("dtype");
  Type elementType = getElementType(typeName, builder);
  // Types that nobody asks for are no error.
  if (!elementType)
    return Safetensors::Entry();
  int64_t bytes = elementType.getIntOrFloatBitWidth() / 8;
  bool overflows = false;
  for (int64_t size : shape)
    overflows |= llvm::MulOverflow(bytes, size, bytes);
  if (overflows || offsets[0] > offsets[1] ||
      offsets[1] > static_cast<int64_t>(payload.size()) ||
      offsets[1] - offsets[0] != bytes)
    return fail("has data_offsets that don't fit its type and the file");
  return Safetensors::Entry{RankedTensorType::get(shape, elementType), payload.slice(offsets[0], bytes)};
}

llvm::Expected<std::unique_ptr<Safetensors>>
Safetensors::open(StringRef path, MLIRContext *context) {
  auto fail = [&](const Twine &what) {
    return llvm::createStringError(path + ": " + what);
  };
  auto file = llvm::MemoryBuffer::getFile(path, /*IsText=*/false,
                                          /*RequiresNullTerminator=*/false);
  if (!file)
    return fail(file.getError().message());
  auto result = std::make_unique<Safetensors>();
  result->buffer = std::move(*file);
  StringRef text = result->buffer->getBuffer();
  constexpr size_t lengthBytes = sizeof(uint64_t);
  uint64_t length = 0;
  if (text.size() >= lengthBytes)
    length = llvm::support::endian::read64le(text.data());
  if (text.size() < lengthBytes || length > text.size() - lengthBytes)
    return fail("is no safetensors file, or cut off");
  llvm::Expected<llvm::json::Value> header =
      llvm::json::parse(text.substr(lengthBytes, length));
  if (!header)
    return fail("header: " + llvm::toString(header.takeError()));
  const llvm::json::Object *object = header->getAsObject();
  if (!object)
    return fail("its header is no object");
  ArrayRef<char> payload(text.begin() + lengthBytes + length, text.end());
  for (const auto &[key, value] : *object) {
    if (key == "__metadata__")
      continue;
    llvm::Expected<Entry> entry =
        readEntry(value.getAsObject(), payload, context);
    if (!entry)
      return fail("tensor '" + key.str() + "' " +
                  llvm::toString(entry.takeError()));
    if (entry->type)
      result->entries[key] = *entry;
  }
  return result;
}

const Safetensors::Entry *Safetensors::find(StringRef name) const {
  auto it = entries.find(name);
  return it == entries.end() ? nullptr : &it->second;
}

// Reading and writing NumPy's .npy files.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Common/Npy.h"

#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/raw_ostream.h"

#include <cstring>

using namespace llvm;
using namespace sparse24::run;

static constexpr StringLiteral kMagic("\x93NUMPY");
static constexpr size_t kAlignment = 64;

static Error makeError(StringRef path, const Twine &message) {
  return createStringError("'" + path + "': " + message);
}

/// Gives what follows `'key':` in the header, a Python dictionary literal.
static StringRef valueOf(StringRef header, StringRef key) {
  size_t at = header.find(("'" + key + "':").str());
  if (at == StringRef::npos)
    return {};
  return header.drop_front(at + key.size() + 3).ltrim();
}

size_t NpyArray::byteSize() const {
  size_t bytes = itemBytes;
  for (int64_t dim : dims)
    bytes *= static_cast<size_t>(dim);
  return bytes;
}

void NpyArray::allocate() {
  size_t bytes = alignTo(std::max<size_t>(byteSize(), 1), kAlignment);
  storage.reset(std::aligned_alloc(kAlignment, bytes));
}

NpyArray NpyArray::poisoned(ArrayRef<int64_t> shape, StringRef descr,
                            size_t itemBytes) {
  NpyArray array;
  array.dims.assign(shape.begin(), shape.end());
  array.descr = descr.str();
  array.itemBytes = itemBytes;
  array.allocate();
  std::memset(array.data(), 0xFF, array.byteSize());
  return array;
}

Expected<NpyArray> NpyArray::read(StringRef path) {
  auto buffer = MemoryBuffer::getFile(path, /*IsText=*/false,
                                      /*RequiresNullTerminator=*/false);
  if (!buffer)
    return makeError(path, buffer.getError().message());
  StringRef bytes = (*buffer)->getBuffer();
  if (!bytes.consume_front(kMagic) || bytes.size() < 6)
    return makeError(path, "not an .npy file");
  // Version 1 counts the header in 16 bits, version 2 and later in 32.
  bool isLong = bytes[0] > 1;
  size_t headerSize = isLong ? support::endian::read32le(bytes.data() + 2)
                             : support::endian::read16le(bytes.data() + 2);
  bytes = bytes.drop_front(isLong ? 6 : 4);
  if (bytes.size() < headerSize)
    return makeError(path, "the header is cut short");
  StringRef header = bytes.take_front(headerSize);
  bytes = bytes.drop_front(headerSize);

  NpyArray array;
  StringRef descr = valueOf(header, "descr");
  if (!descr.consume_front("'"))
    return makeError(path, "structured element types are not supported");
  descr = descr.take_until([](char c) { return c == '\''; });
  array.descr = descr.str();
  if (descr.size() < 3 || descr.front() == '>' ||
      descr.drop_front(2).getAsInteger(10, array.itemBytes))
    return makeError(path, "unsupported element type '" + descr + "'");
  if (!valueOf(header, "fortran_order").starts_with("False"))
    return makeError(path, "the array must be in C order");

  StringRef shape = valueOf(header, "shape");
  if (!shape.consume_front("("))
    return makeError(path, "the header has no shape");
  SmallVector<StringRef, 4> parts;
  shape.take_until([](char c) { return c == ')'; })
      .split(parts, ',', /*MaxSplit=*/-1, /*KeepEmpty=*/false);
  for (StringRef part : parts) {
    int64_t dim;
    if (part.trim().empty())
      continue;
    if (part.trim().getAsInteger(10, dim) || dim < 0)
      return makeError(path, "bad shape");
    array.dims.push_back(dim);
  }
  if (bytes.size() != array.byteSize())
    return makeError(path, "expected " + Twine(array.byteSize()) +
                               " bytes of data, found " + Twine(bytes.size()));
  array.allocate();
  std::memcpy(array.data(), bytes.data(), bytes.size());
  return array;
}

Error NpyArray::write(StringRef path) const {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': (" +
      join(map_range(dims, [](int64_t d) { return itostr(d); }), ", ") +
      (dims.size() == 1 ? ",), }" : "), }");
  // Data starts at a multiple of 64; the header ends in a newline.
  size_t prefix = kMagic.size() + 4;
  header.append(offsetToAlignment(prefix + header.size() + 1, Align(64)), ' ');
  header.push_back('\n');

  std::error_code error;
  raw_fd_ostream os(path, error, sys::fs::OF_None);
  if (error)
    return makeError(path, error.message());
  char lead[4] = {1, 0, 0, 0};
  support::endian::write16le(lead + 2, static_cast<uint16_t>(header.size()));
  os << kMagic << StringRef(lead, 4) << header;
  os.write(static_cast<const char *>(storage.get()), byteSize());
  os.close();
  if (os.has_error()) {
    std::error_code failure = os.error();
    os.clear_error();
    return makeError(path, failure.message());
  }
  return Error::success();
}

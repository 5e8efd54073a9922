//===- WeightFile.h - Files of packed weights -------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The compiler puts constant weights into one file beside the code, already in
// the bytes that kernels read; the runtime maps it and uploads them.
// docs/Formats.md describes the file byte by byte.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_SUPPORT_WEIGHTFILE_H
#define SPARSE24_SUPPORT_WEIGHTFILE_H

#include "sparse24/Support/PackedLayout.h"

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sparse24 {

/// The canonical text of a plain entry's layout, "plain,f32,rows=1,k=1536": a
/// row-major contiguous tensor of any element type, whose last dimension is k
/// and whose others are multiplied into rows (rank 0: 1 × 1).
std::string plainLayoutText(std::string_view elementType, int64_t rows,
                            int64_t k);

/// fnv1a64() of it: what a plain entry's user compares, as PackedLayout::hash()
/// is for a packed one.
uint64_t plainLayoutHash(std::string_view elementType, int64_t rows, int64_t k);

/// One weight in a file.
struct WeightEntry {
  std::string name;
  /// "bf16", "tf32", …; of a plain entry whatever its writer calls it ("f32").
  std::string elementType;
  /// PackedLayout::text() or plainLayoutText().
  std::string layout;
  /// fnv1a64(layout): a kernel refuses a weight with another hash than its own.
  uint64_t layoutHash = 0;
  bool isPacked = false;
  int64_t rows = 0;
  int64_t k = 0;
  /// The payload, in bytes from the file's beginning.
  uint64_t offset = 0;
  uint64_t bytes = 0;
  /// weightChecksum() of the payload.
  uint64_t checksum = 0;
};

/// Payloads begin at multiples of this.
inline constexpr uint64_t kWeightAlignment = 256;

/// The checksum of the format: FNV-1a with 64-bit little-endian words in place
/// of bytes, the last one filled up with zeros. Can be computed in pieces.
class WeightChecksum {
public:
  void update(const void *data, size_t bytes);
  uint64_t value() const;

private:
  uint64_t hash = 0xCBF29CE484222325ull;
  uint64_t pending = 0;
  unsigned pendingBytes = 0;
};

/// Writes a weight file front to back, one payload after the other, so that
/// never more than one weight need be in memory. It writes to "<path>.partial"
/// and moves that to its place when all is well: a reader never sees half a
/// file.
///
/// Every function returns false once something failed; error() says what.
class WeightFileWriter {
public:
  explicit WeightFileWriter(const std::string &path);
  /// Removes the partial file if finish() wasn't reached.
  ~WeightFileWriter();
  WeightFileWriter(const WeightFileWriter &) = delete;
  WeightFileWriter &operator=(const WeightFileWriter &) = delete;

  /// Begins an entry; its payload follows by append(), in any number of pieces.
  bool beginPacked(const std::string &name, const PackedLayout &layout);
  bool beginPlain(const std::string &name, const std::string &elementType,
                  int64_t rows, int64_t k, uint64_t bytes);
  bool append(const void *data, uint64_t bytes);

  /// A whole entry at once.
  bool addPacked(const std::string &name, const PackedLayout &layout,
                 const void *packed) {
    return beginPacked(name, layout) && append(packed, layout.bytes());
  }
  bool addPlain(const std::string &name, const std::string &elementType,
                int64_t rows, int64_t k, const void *data, uint64_t bytes) {
    return beginPlain(name, elementType, rows, k, bytes) && append(data, bytes);
  }

  /// Writes the table of entries and moves the file to its place.
  bool finish();

  const std::string &error() const { return message; }
  const std::vector<WeightEntry> &entries() const { return table; }

private:
  bool begin(WeightEntry entry);
  bool endEntry();
  bool write(const void *data, uint64_t bytes);
  bool padTo(uint64_t alignment);
  bool fail(const std::string &what);

  std::string path;
  std::string message;
  std::FILE *file = nullptr;
  uint64_t position = 0;
  uint64_t missing = 0; ///< bytes that the current entry still lacks
  WeightChecksum checksum;
  std::vector<WeightEntry> table;
  std::map<std::string, size_t, std::less<>> indexOfName;
};

/// A weight file mapped into memory.
class WeightFile {
public:
  /// Maps the file and checks header and table (not the payloads: see
  /// verify()). Null, and a message that begins with the path, if it isn't a
  /// whole, sound weight file.
  static std::unique_ptr<WeightFile> open(const std::string &path,
                                          std::string &error);
  ~WeightFile();
  WeightFile(const WeightFile &) = delete;
  WeightFile &operator=(const WeightFile &) = delete;

  const std::vector<WeightEntry> &entries() const { return table; }
  /// The entry of that name; null if there is none.
  const WeightEntry *find(std::string_view name) const;
  /// The payload of one of this file's entries; aligned to kWeightAlignment.
  const void *data(const WeightEntry &entry) const {
    return static_cast<const unsigned char *>(mapping) + entry.offset;
  }

  /// Reads all payloads and compares their checksums.
  bool verify(std::string &error) const;

private:
  WeightFile() = default;
  bool readTable(std::string &error);

  std::string path;
  void *mapping = nullptr;
  uint64_t size = 0;
  std::vector<WeightEntry> table;
  std::map<std::string, size_t, std::less<>> indexOfName;
};

} // namespace sparse24

#endif // SPARSE24_SUPPORT_WEIGHTFILE_H

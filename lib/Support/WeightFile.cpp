//===- WeightFile.cpp - Files of packed weights ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/WeightFile.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sparse24 {

//===----------------------------------------------------------------------===//
// The format
//===----------------------------------------------------------------------===//

namespace {

constexpr char kMagic[8] = {'S', 'P', '2', '4', 'W', 'G', 'T', '1'};

/// The file begins with this.
struct FileHeader {
  char magic[8];
  uint64_t fileBytes;
  uint64_t tableOffset;
  uint64_t tableBytes;
  uint64_t numEntries;
  uint64_t tableChecksum;
  uint64_t reserved;
  uint64_t headerChecksum; ///< of all that precedes it
};
static_assert(sizeof(FileHeader) == 64);

/// The table is a sequence of these, each followed by the texts of name,
/// element type and layout, without terminators, and zeros up to a multiple of
/// 8 bytes.
struct EntryRecord {
  uint64_t offset;
  uint64_t bytes;
  uint64_t layoutHash;
  uint64_t checksum;
  int64_t rows;
  int64_t k;
  uint32_t kind; ///< 0: plain, 1: packed
  uint32_t nameBytes;
  uint32_t elementTypeBytes;
  uint32_t layoutBytes;
};
static_assert(sizeof(EntryRecord) == 64);

enum : uint32_t { kPlain = 0, kPacked = 1 };

} // namespace

static uint64_t checksumOf(const void *data, size_t bytes) {
  WeightChecksum checksum;
  checksum.update(data, bytes);
  return checksum.value();
}

static uint64_t headerChecksumOf(const FileHeader &header) {
  return checksumOf(&header, offsetof(FileHeader, headerChecksum));
}

static constexpr uint64_t alignTo(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

std::string plainLayoutText(std::string_view elementType, int64_t rows,
                            int64_t k) {
  return "plain," + std::string(elementType) + ",rows=" + std::to_string(rows) +
         ",k=" + std::to_string(k);
}

uint64_t plainLayoutHash(std::string_view elementType, int64_t rows,
                         int64_t k) {
  return fnv1a64(plainLayoutText(elementType, rows, k));
}

static constexpr uint64_t mixWord(uint64_t hash, uint64_t word) {
  return (hash ^ word) * 0x100000001B3ull;
}

void WeightChecksum::update(const void *data, size_t bytes) {
  auto *in = static_cast<const unsigned char *>(data);
  while (bytes != 0) {
    if (pendingBytes == 0 && bytes >= 8) {
      uint64_t word;
      for (; bytes >= 8; bytes -= 8, in += 8) {
        std::memcpy(&word, in, 8);
        hash = mixWord(hash, word);
      }
      continue;
    }
    pending |= static_cast<uint64_t>(*in++) << 8 * pendingBytes;
    --bytes;
    if (++pendingBytes == 8) {
      hash = mixWord(hash, pending);
      pending = pendingBytes = 0;
    }
  }
}

uint64_t WeightChecksum::value() const {
  return pendingBytes == 0 ? hash : mixWord(hash, pending);
}

//===----------------------------------------------------------------------===//
// WeightFileWriter
//===----------------------------------------------------------------------===//

static std::string partialPath(const std::string &path) {
  return path + ".partial";
}

WeightFileWriter::WeightFileWriter(const std::string &path) : path(path) {
  file = std::fopen(partialPath(path).c_str(), "wb");
  if (!file) {
    fail(std::string("cannot be written: ") + std::strerror(errno));
    return;
  }
  // The real header comes last, when everything that it describes is there.
  FileHeader header = {};
  write(&header, sizeof(header));
}

WeightFileWriter::~WeightFileWriter() {
  if (!file)
    return;
  std::fclose(file);
  std::remove(partialPath(path).c_str());
}

bool WeightFileWriter::fail(const std::string &what) {
  if (message.empty())
    message = path + ": " + what;
  return false;
}

bool WeightFileWriter::write(const void *data, uint64_t bytes) {
  if (!message.empty())
    return false;
  if (bytes != 0 && std::fwrite(data, 1, bytes, file) != bytes)
    return fail(std::string("cannot be written: ") + std::strerror(errno));
  position += bytes;
  return true;
}

bool WeightFileWriter::padTo(uint64_t alignment) {
  static constexpr char zeros[kWeightAlignment] = {};
  return write(zeros, alignTo(position, alignment) - position);
}

bool WeightFileWriter::begin(WeightEntry entry) {
  if (!endEntry() || !padTo(kWeightAlignment))
    return false;
  if (entry.rows < 0 || entry.k < 0)
    return fail("weight '" + entry.name + "' has a negative shape");
  if (!indexOfName.emplace(entry.name, table.size()).second)
    return fail("weight '" + entry.name + "' is added twice");
  entry.layoutHash = fnv1a64(entry.layout);
  entry.offset = position;
  missing = entry.bytes;
  checksum = WeightChecksum();
  table.push_back(std::move(entry));
  return true;
}

bool WeightFileWriter::beginPacked(const std::string &name,
                                   const PackedLayout &layout) {
  WeightEntry entry;
  entry.name = name;
  entry.elementType = elementTypeName(layout.elementType);
  entry.layout = layout.text();
  entry.isPacked = true;
  entry.rows = layout.rows;
  entry.k = layout.k;
  entry.bytes = layout.bytes();
  return begin(std::move(entry));
}

bool WeightFileWriter::beginPlain(const std::string &name,
                                  const std::string &elementType, int64_t rows,
                                  int64_t k, uint64_t bytes) {
  WeightEntry entry;
  entry.name = name;
  entry.elementType = elementType;
  entry.layout = plainLayoutText(elementType, rows, k);
  entry.rows = rows;
  entry.k = k;
  entry.bytes = bytes;
  return begin(std::move(entry));
}

bool WeightFileWriter::append(const void *data, uint64_t bytes) {
  if (!message.empty())
    return false;
  if (table.empty() || bytes > missing)
    return fail(table.empty()
                    ? "data without a weight"
                    : "too much data for weight '" + table.back().name + "'");
  missing -= bytes;
  checksum.update(data, bytes);
  return write(data, bytes);
}

bool WeightFileWriter::endEntry() {
  if (!message.empty())
    return false;
  if (table.empty())
    return true;
  if (missing != 0)
    return fail("weight '" + table.back().name + "' lacks " +
                std::to_string(missing) + " of its " +
                std::to_string(table.back().bytes) + " bytes");
  table.back().checksum = checksum.value();
  return true;
}

static std::string serialize(const std::vector<WeightEntry> &table) {
  std::string bytes;
  for (const WeightEntry &entry : table) {
    EntryRecord record = {entry.offset,
                          entry.bytes,
                          entry.layoutHash,
                          entry.checksum,
                          entry.rows,
                          entry.k,
                          entry.isPacked ? kPacked : kPlain,
                          static_cast<uint32_t>(entry.name.size()),
                          static_cast<uint32_t>(entry.elementType.size()),
                          static_cast<uint32_t>(entry.layout.size())};
    bytes.append(reinterpret_cast<const char *>(&record), sizeof(record));
    bytes += entry.name + entry.elementType + entry.layout;
    bytes.resize(alignTo(bytes.size(), 8));
  }
  return bytes;
}

bool WeightFileWriter::finish() {
  if (!file)
    return fail("is finished already");
  if (!endEntry() || !padTo(kWeightAlignment))
    return false;

  std::string tableBytes = serialize(table);
  FileHeader header = {};
  std::memcpy(header.magic, kMagic, sizeof(kMagic));
  header.tableOffset = position;
  header.tableBytes = tableBytes.size();
  header.fileBytes = position + tableBytes.size();
  header.numEntries = table.size();
  header.tableChecksum = checksumOf(tableBytes.data(), tableBytes.size());
  header.headerChecksum = headerChecksumOf(header);

  if (!write(tableBytes.data(), tableBytes.size()))
    return false;
  bool written = std::fseek(file, 0, SEEK_SET) == 0 &&
                 std::fwrite(&header, sizeof(header), 1, file) == 1 &&
                 std::fflush(file) == 0;
  if (!written)
    return fail(std::string("cannot be written: ") + std::strerror(errno));
  if (std::rename(partialPath(path).c_str(), path.c_str()) != 0)
    return fail(std::string("cannot be put in place: ") + std::strerror(errno));
  bool closed = std::fclose(file) == 0;
  file = nullptr;
  return closed ||
         fail(std::string("cannot be written: ") + std::strerror(errno));
}

//===----------------------------------------------------------------------===//
// WeightFile
//===----------------------------------------------------------------------===//

std::unique_ptr<WeightFile> WeightFile::open(const std::string &path,
                                             std::string &error) {
  std::unique_ptr<WeightFile> file(new WeightFile());
  file->path = path;
  auto fail = [&](const std::string &what) {
    error = path + ": " + what;
    return nullptr;
  };

  int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0)
    return fail(std::string("cannot be opened: ") + std::strerror(errno));
  struct stat status;
  bool isRegular = fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode);
  file->size = isRegular ? static_cast<uint64_t>(status.st_size) : 0;
  if (file->size >= sizeof(FileHeader))
    file->mapping =
        mmap(nullptr, file->size, PROT_READ, MAP_PRIVATE, descriptor, 0);
  int mapError = errno;
  ::close(descriptor);

  if (!isRegular)
    return fail("is not a regular file");
  if (!file->mapping)
    return fail("is not a weight file: it is too short for a header");
  if (file->mapping == MAP_FAILED) {
    file->mapping = nullptr;
    return fail(std::string("cannot be mapped: ") + std::strerror(mapError));
  }
  std::string reason;
  if (!file->readTable(reason))
    return fail(reason);
  return file;
}

WeightFile::~WeightFile() {
  if (mapping)
    munmap(mapping, size);
}

/// Why the fields of an entry contradict each other or the file; empty if they
/// don't.
static std::string checkEntry(const WeightEntry &entry, uint32_t kind,
                              uint64_t payloadsEnd) {
  if (kind > kPacked)
    return "is of unknown kind " + std::to_string(kind);
  if (entry.offset % kWeightAlignment != 0 || entry.offset < kWeightAlignment ||
      entry.offset > payloadsEnd || entry.bytes > payloadsEnd - entry.offset)
    return "lies outside of the file's payloads";
  if (entry.layoutHash != fnv1a64(entry.layout))
    return "has a layout hash that isn't that of '" + entry.layout + "'";
  if (!entry.isPacked)
    return entry.layout ==
                   plainLayoutText(entry.elementType, entry.rows, entry.k)
               ? ""
               : "has a layout that contradicts its type or shape";
  PackedLayout layout;
  if (!PackedLayout::parse(entry.layout, layout))
    return "has the unknown layout '" + entry.layout + "'";
  if (entry.elementType != elementTypeName(layout.elementType) ||
      entry.rows != layout.rows || entry.k != layout.k ||
      entry.bytes != static_cast<uint64_t>(layout.bytes()))
    return "has a layout that contradicts its type, shape or size";
  return "";
}

bool WeightFile::readTable(std::string &error) {
  auto fail = [&](const std::string &what) {
    error = what;
    return false;
  };
  auto *bytes = static_cast<const char *>(mapping);
  FileHeader header;
  std::memcpy(&header, bytes, sizeof(header));
  if (std::all_of(bytes, bytes + sizeof(header), [](char c) { return c == 0; }))
    return fail("was not finished by its writer");
  if (std::memcmp(header.magic, kMagic, sizeof(kMagic)) != 0)
    return fail("is not a weight file: it doesn't begin with SP24WGT1");
  if (header.headerChecksum != headerChecksumOf(header))
    return fail("is corrupt: its header's checksum is wrong");
  if (header.fileBytes != size)
    return fail((size < header.fileBytes ? "is truncated: it has "
                                         : "has something appended: it has ") +
                std::to_string(size) + " bytes, its header says " +
                std::to_string(header.fileBytes));
  if (header.tableOffset > size ||
      header.tableBytes != size - header.tableOffset)
    return fail("is corrupt: its table lies outside of the file");
  if (header.tableChecksum !=
      checksumOf(bytes + header.tableOffset, header.tableBytes))
    return fail("is corrupt: its table's checksum is wrong");

  uint64_t position = header.tableOffset;
  for (uint64_t i = 0; i < header.numEntries; ++i) {
    EntryRecord record;
    if (size - position < sizeof(record))
      return fail("is corrupt: its table ends early");
    std::memcpy(&record, bytes + position, sizeof(record));
    position += sizeof(record);
    uint64_t textBytes = uint64_t(record.nameBytes) + record.elementTypeBytes +
                         record.layoutBytes;
    if (size - position < textBytes)
      return fail("is corrupt: its table ends early");
    const char *text = bytes + position;
    position = std::min(alignTo(position + textBytes, 8), size);

    WeightEntry entry;
    entry.name.assign(text, record.nameBytes);
    text += record.nameBytes;
    entry.elementType.assign(text, record.elementTypeBytes);
    text += record.elementTypeBytes;
    entry.layout.assign(text, record.layoutBytes);
    entry.layoutHash = record.layoutHash;
    entry.isPacked = record.kind == kPacked;
    entry.rows = record.rows;
    entry.k = record.k;
    entry.offset = record.offset;
    entry.bytes = record.bytes;
    entry.checksum = record.checksum;

    std::string problem = checkEntry(entry, record.kind, header.tableOffset);
    if (!problem.empty())
      return fail("is corrupt: weight '" + entry.name + "' " + problem);
    if (!indexOfName.emplace(entry.name, table.size()).second)
      return fail("is corrupt: weight '" + entry.name + "' is there twice");
    table.push_back(std::move(entry));
  }
  return true;
}

const WeightEntry *WeightFile::find(std::string_view name) const {
  auto found = indexOfName.find(name);
  return found == indexOfName.end() ? nullptr : &table[found->second];
}

bool WeightFile::verify(std::string &error) const {
  for (const WeightEntry &entry : table) {
    if (checksumOf(data(entry), entry.bytes) == entry.checksum)
      continue;
    error = path + ": is corrupt: the data of weight '" + entry.name +
            "' don't match their checksum";
    return false;
  }
  return true;
}

} // namespace sparse24

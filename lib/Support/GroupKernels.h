//===- GroupKernels.h - The 2:4 arithmetic of one group ----------*- C++
//-*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// One group of a row at a time, without branches: a group is loaded as one
// integer, all its comparisons are done at once in that integer (lane by lane,
// as a SIMD register would), and a small table turns their outcomes into the
// metadata nibble.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_GROUPKERNELS_H
#define SPARSE24_LIB_SUPPORT_GROUPKERNELS_H

#include "sparse24/Support/Pattern.h"

#include <array>
#include <cstring>
#include <type_traits>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the formats are little-endian, and so must be the machine"
#endif

namespace sparse24::detail {

template <typename T>
T load(const void *address) {
  T value;
  std::memcpy(&value, address, sizeof(T));
  return value;
}

template <typename T>
void store(void *address, T value) {
  std::memcpy(address, &value, sizeof(T));
}

//===----------------------------------------------------------------------===//
// Four ranks in the 16-bit lanes of a word, each below 2^15
//===----------------------------------------------------------------------===//

/// The top bit of each lane. Ranks leave it free, so that lanes can be added
/// and subtracted together without a carry from one into the next.
inline constexpr uint64_t kTopBits = 0x8000800080008000ull;

/// The nibble that keeps positions `first` and `second`.
constexpr uint8_t makeNibble(unsigned first, unsigned second) {
  return static_cast<uint8_t>(first | second << 2);
}

/// By the mask of a group's nonzeros: the first two of them, filled up with the
/// first zeros.
constexpr std::array<uint8_t, 16> makeNonzerosTable() {
  std::array<uint8_t, 16> table = {};
  for (unsigned mask = 0; mask < 16; ++mask) {
    unsigned keep = 0, kept = 0;
    for (unsigned wanted : {1u, 0u})
      for (unsigned i = 0; i < 4; ++i)
        if ((mask >> i & 1) == wanted && kept < 2) {
          keep |= 1u << i;
          ++kept;
        }
    unsigned first = 0;
    while (!(keep >> first & 1))
      ++first;
    unsigned second = first + 1;
    while (!(keep >> second & 1))
      ++second;
    table[mask] = makeNibble(first, second);
  }
  return table;
}
inline constexpr std::array<uint8_t, 16> kNonzerosToNibble =
    makeNonzerosTable();

/// By the outcomes of the six comparisons rank[i] >= rank[j], i < j, in the
/// order 01 02 03 12 13 23 → bits 0 1 2 3 4 5: the two positions that beat at
/// least two others. (On a tie the lower index wins, as >= says.)
constexpr std::array<uint8_t, 64> makeOrderTable() {
  std::array<uint8_t, 64> table = {};
  for (unsigned outcomes = 0; outcomes < 64; ++outcomes) {
    unsigned wins[4] = {}, bit = 0;
    for (unsigned i = 0; i < 4; ++i)
      for (unsigned j = i + 1; j < 4; ++j)
        ++wins[outcomes >> bit++ & 1 ? i : j];
    // Outcomes of a real order give 3, 2, 1 and 0 wins; the others never occur.
    unsigned first = 4, second = 4;
    for (unsigned i = 0; i < 4; ++i)
      if (wins[i] >= 2)
        (first == 4 ? first : second) = i;
    table[outcomes] = second < 4 ? makeNibble(first, second) : kFirstKeptNibble;
  }
  return table;
}
inline constexpr std::array<uint8_t, 64> kOrderToNibble = makeOrderTable();

/// Bit i tells whether rank i is nonzero.
inline unsigned nonzeroMask(uint64_t ranks) {
  // Adding 2^15 − 1 carries into a lane's top bit unless the lane is zero.
  uint64_t tops = ((ranks + ~kTopBits) & kTopBits) >> 15;
  return (tops | tops >> 15 | tops >> 30 | tops >> 45) & 0xF;
}

/// The six outcomes that kOrderToNibble is indexed by.
inline unsigned compareRanks(uint64_t ranks) {
  // With the top bit set beforehand, lane i keeps it iff rank[i] >= rank[i +
  // n].
  uint64_t topped = ranks | kTopBits;
  uint64_t by1 = (topped - (ranks >> 16)) & 0x0000800080008000ull; // 23 12 01
  uint64_t by2 = (topped - (ranks >> 32)) & 0x0000000080008000ull; // 13 02
  uint64_t by3 = (topped - (ranks >> 48)) & 0x0000000000008000ull; // 03
  // Lane 0 now gives bits 0 1 2, lane 1 bits 3 4 and lane 2 bit 5.
  uint64_t lanes = by1 >> 15 | by2 >> 14 | by3 >> 13;
  return (lanes | lanes >> 13 | lanes >> 27) & 0x3F;
}

/// Bytes 0..3 of a word in four 16-bit lanes.
inline uint64_t spreadBytes(uint32_t bytes) {
  uint64_t spread = bytes;
  spread = (spread | spread << 16) & 0x0000FFFF0000FFFFull;
  return (spread | spread << 8) & 0x00FF00FF00FF00FFull;
}

/// |x| of a signed byte in each lane: 1 + ~x where x < 0.
inline uint64_t magnitudeOfSigned(uint64_t lanes) {
  uint64_t negative = lanes >> 7 & 0x0001000100010001ull;
  return (lanes ^ negative * 0xFF) + negative;
}

//===----------------------------------------------------------------------===//
// Groups by kind of element
//===----------------------------------------------------------------------===//

/// What the pattern has to tell apart: f16 and bf16 rank alike, so do both
/// 8-bit floats.
enum class ElementKind : uint8_t { Float16, Float8, Signed8, Unsigned8, TF32 };

/// A group of four elements. `Raw` is the group as it lies in memory, `Kept`
/// its two kept elements.
template <ElementKind kind>
struct Group {
  static constexpr bool is16Bit = kind == ElementKind::Float16;
  using Element = std::conditional_t<is16Bit, uint16_t, uint8_t>;
  using Raw = std::conditional_t<is16Bit, uint64_t, uint32_t>;
  using Kept = std::conditional_t<is16Bit, uint32_t, uint16_t>;
  static constexpr unsigned kBits = 8 * sizeof(Element);
  static constexpr unsigned kMaxNonzeros = 2;

  static uint64_t ranks(Raw raw) {
    if constexpr (kind == ElementKind::Float16)
      return raw & ~kTopBits;
    else if constexpr (kind == ElementKind::Float8)
      return spreadBytes(raw & 0x7F7F7F7Fu);
    else if constexpr (kind == ElementKind::Unsigned8)
      return spreadBytes(raw);
    else
      return magnitudeOfSigned(spreadBytes(raw));
  }

  static unsigned nibbleOfNonzeros(Raw raw) {
    return kNonzerosToNibble[nonzeroMask(ranks(raw))];
  }
  static unsigned nibbleOfLargest(Raw raw) {
    return kOrderToNibble[compareRanks(ranks(raw))];
  }
  static unsigned countNonzeros(Raw raw) {
    unsigned mask = nonzeroMask(ranks(raw));
    return (mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1) + (mask >> 3);
  }

  static Kept compress(Raw raw, unsigned nibble) {
    unsigned first = nibble & 3, second = nibble >> 2;
    return static_cast<Kept>(
        static_cast<Element>(raw >> first * kBits) |
        static_cast<Kept>(static_cast<Element>(raw >> second * kBits))
            << kBits);
  }
  static Raw decompress(Kept kept, unsigned nibble) {
    unsigned first = nibble & 3, second = nibble >> 2;
    return static_cast<Raw>(static_cast<Element>(kept)) << first * kBits |
           static_cast<Raw>(static_cast<Element>(kept >> kBits))
               << second * kBits;
  }
};

/// A tf32 group: two elements, one of them kept.
template <>
struct Group<ElementKind::TF32> {
  using Element = uint32_t;
  using Raw = uint64_t;
  using Kept = uint32_t;
  static constexpr unsigned kMaxNonzeros = 1;

  static uint32_t rank0(Raw raw) { return raw & 0x7FFFFFFFu; }
  static uint32_t rank1(Raw raw) { return raw >> 32 & 0x7FFFFFFFu; }

  static unsigned nibbleOfNonzeros(Raw raw) {
    return rank0(raw) == 0 && rank1(raw) != 0 ? 0xE : 0x4;
  }
  static unsigned nibbleOfLargest(Raw raw) {
    return rank1(raw) > rank0(raw) ? 0xE : 0x4;
  }
  static unsigned countNonzeros(Raw raw) {
    return (rank0(raw) != 0) + (rank1(raw) != 0);
  }
  static Kept compress(Raw raw, unsigned nibble) {
    return static_cast<Kept>(nibble == 0xE ? raw >> 32 : raw);
  }
  static Raw decompress(Kept kept, unsigned nibble) {
    return nibble == 0xE ? static_cast<Raw>(kept) << 32 : kept;
  }
};

/// Calls `function` with the Group of an element type.
template <typename Function>
auto withGroup(ElementType type, Function function) {
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16:
    return function(Group<ElementKind::Float16>());
  case ElementType::TF32:
    return function(Group<ElementKind::TF32>());
  case ElementType::S8:
    return function(Group<ElementKind::Signed8>());
  case ElementType::U8:
    return function(Group<ElementKind::Unsigned8>());
  default:
    return function(Group<ElementKind::Float8>());
  }
}

//===----------------------------------------------------------------------===//
// Rows of groups
//===----------------------------------------------------------------------===//

/// Loads group `index` of a contiguous row of k elements; beyond k it reads
/// +0.0.
template <typename G>
typename G::Raw loadGroup(const void *row, int64_t index, int64_t k) {
  constexpr int64_t size =
      sizeof(typename G::Raw) / sizeof(typename G::Element);
  auto *group = static_cast<const typename G::Element *>(row) + index * size;
  int64_t left = k - index * size;
  if (left >= size)
    return load<typename G::Raw>(group);
  typename G::Raw raw = 0;
  std::memcpy(&raw, group, left * sizeof(typename G::Element));
  return raw;
}

template <typename G, Selection selection>
unsigned chooseNibble(typename G::Raw raw) {
  return selection == Selection::Magnitude ? G::nibbleOfLargest(raw)
                                           : G::nibbleOfNonzeros(raw);
}

/// Compresses a contiguous row of k elements.
template <typename G, Selection selection>
void compressRow(const void *row, int64_t k, void *values, uint16_t *metadata) {
  using Raw = typename G::Raw;
  using Kept = typename G::Kept;
  constexpr int64_t size = sizeof(Raw) / sizeof(typename G::Element);
  constexpr int64_t wordGroups = kGroupsPerMetadataWord;
  auto *in = static_cast<const unsigned char *>(row);
  auto *out = static_cast<unsigned char *>(values);

  int64_t fullWords = k / (size * wordGroups);
  for (int64_t w = 0; w < fullWords; ++w) {
    unsigned word = 0;
    for (int64_t j = 0; j < wordGroups; ++j) {
      Raw raw = load<Raw>(in + j * sizeof(Raw));
      unsigned nibble = chooseNibble<G, selection>(raw);
      store<Kept>(out + j * sizeof(Kept), G::compress(raw, nibble));
      word |= nibble << 4 * j;
    }
    in += wordGroups * sizeof(Raw);
    out += wordGroups * sizeof(Kept);
    metadata[w] = static_cast<uint16_t>(word);
  }

  int64_t groups = ceilDiv(k, size);
  if (groups == fullWords * wordGroups)
    return;
  unsigned word = kPaddingMetadataWord;
  for (int64_t g = fullWords * wordGroups; g < groups; ++g) {
    Raw raw = loadGroup<G>(row, g, k);
    unsigned nibble = chooseNibble<G, selection>(raw);
    store<Kept>(out, G::compress(raw, nibble));
    out += sizeof(Kept);
    int64_t shift = 4 * (g % wordGroups);
    word = (word & ~(0xFu << shift)) | nibble << shift;
  }
  metadata[fullWords] = static_cast<uint16_t>(word);
}

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_GROUPKERNELS_H

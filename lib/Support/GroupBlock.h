//===- GroupBlock.h - The 2:4 arithmetic of groups --------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Everything that is done with groups is done here, for a block of neighbouring
// groups at once. The block is held as a structure of arrays: element[j] holds
// the j-th elements of all its groups. Then every step is a short loop over
// groups without branches, which any compiler turns into vector instructions:
// comparisons give masks of all ones or all zeros, and masks choose.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_GROUPBLOCK_H
#define SPARSE24_LIB_SUPPORT_GROUPBLOCK_H

#include "sparse24/Support/Pattern.h"

#include <algorithm>
#include <cstring>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the formats are little-endian, and so must be the machine"
#endif

namespace sparse24::detail {

//===----------------------------------------------------------------------===//
// What the pattern has to know of an element: its rank in magnitude pruning.
// Zeros, and they alone, have rank 0.
//===----------------------------------------------------------------------===//

/// f16 and bf16: the order of the bit patterns is that of the magnitudes.
struct Float16Traits {
  using Element = uint16_t;
  using Rank = int16_t;
  static constexpr int kGroupSize = 4;
  static Rank rank(Element bits) { return bits & 0x7FFF; }
};

/// e4m3 and e5m2.
struct Float8Traits {
  using Element = uint8_t;
  using Rank = uint8_t;
  static constexpr int kGroupSize = 4;
  static Rank rank(Element bits) { return bits & 0x7F; }
};

struct Signed8Traits {
  using Element = uint8_t;
  using Rank = uint8_t; // |−128| is 128
  static constexpr int kGroupSize = 4;
  static Rank rank(Element bits) {
    Rank negative = -(bits >> 7);
    return (bits ^ negative) - negative;
  }
};

struct Unsigned8Traits {
  using Element = uint8_t;
  using Rank = uint8_t;
  static constexpr int kGroupSize = 4;
  static Rank rank(Element bits) { return bits; }
};

struct TF32Traits {
  using Element = uint32_t;
  using Rank = int32_t;
  static constexpr int kGroupSize = 2;
  static Rank rank(Element bits) { return bits & 0x7FFFFFFF; }
};

//===----------------------------------------------------------------------===//
// GroupBlock
//===----------------------------------------------------------------------===//

/// A block of groups and, once selected, what each of them keeps.
template <typename Traits>
class GroupBlock {
public:
  using Element = typename Traits::Element;
  using Rank = typename Traits::Rank;

  static constexpr int kGroupSize = Traits::kGroupSize;
  static constexpr int kKept = kGroupSize / 2;
  /// A block is 256 bytes of a row.
  static constexpr int kBytes = 256;
  static constexpr int kElements = kBytes / sizeof(Element);
  static constexpr int kGroups = kElements / kGroupSize;
  static constexpr int kWords = kGroups / kGroupsPerMetadataWord;

  /// Loads a whole block of a contiguous row.
  void load(const void *row) {
    Element elements[kElements];
    std::memcpy(elements, row, kBytes);
    for (int i = 0; i < kGroups; ++i) {
      element[0][i] = elements[kGroupSize * i];
      element[1][i] = elements[kGroupSize * i + 1];
      if constexpr (kGroupSize == 4) {
        element[2][i] = elements[kGroupSize * i + 2];
        element[3][i] = elements[kGroupSize * i + 3];
      }
    }
  }

  /// Stores a whole block of a contiguous row.
  void store(void *row) const {
    Element elements[kElements];
    for (int i = 0; i < kGroups; ++i) {
      elements[kGroupSize * i] = element[0][i];
      elements[kGroupSize * i + 1] = element[1][i];
      if constexpr (kGroupSize == 4) {
        elements[kGroupSize * i + 2] = element[2][i];
        elements[kGroupSize * i + 3] = element[3][i];
      }
    }
    std::memcpy(row, elements, kBytes);
  }

  /// Chooses what each group keeps.
  template <Selection::Kind selection>
  void select() {
    for (int i = 0; i < kGroups; ++i) {
      if constexpr (kGroupSize == 4) {
        Rank r0 = selectionRank<selection>(element[0][i]);
        Rank r1 = selectionRank<selection>(element[1][i]);
        Rank r2 = selectionRank<selection>(element[2][i]);
        Rank r3 = selectionRank<selection>(element[3][i]);
        // Does i go before j? On a tie the lower index does.
        Element before01 = mask(r0 >= r1), before02 = mask(r0 >= r2),
                before03 = mask(r0 >= r3), before12 = mask(r1 >= r2),
                before13 = mask(r1 >= r3), before23 = mask(r2 >= r3);
        // The two that go before at least two others are kept.
        keep[0][i] = atLeastTwo(before01, before02, before03);
        keep[1][i] = atLeastTwo(~before01, before12, before13);
        keep[2][i] = atLeastTwo(~before02, ~before12, before23);
        keep[3][i] = atLeastTwo(~before03, ~before13, ~before23);
      } else {
        Rank r0 = selectionRank<selection>(element[0][i]);
        Rank r1 = selectionRank<selection>(element[1][i]);
        keep[0][i] = mask(r0 >= r1);
        keep[1][i] = mask(r0 < r1);
      }
    }
  }

  /// Sets what isn't kept to +0.0.
  void prune() {
    for (int j = 0; j < kGroupSize; ++j)
      for (int i = 0; i < kGroups; ++i)
        element[j][i] &= keep[j][i];
  }

  /// Stores the kept elements (kBytes / 2) and kWords words of metadata.
  void storeCompressed(void *values, uint16_t *metadata) const {
    Element kept[kGroups * kKept], nibble[kGroups];
    for (int i = 0; i < kGroups; ++i) {
      if constexpr (kGroupSize == 4) {
        // The first kept one is the first of 0, 1, 2; the second the last of 3,
        // 2, 1.
        kept[2 * i] = choose(keep[0][i], element[0][i],
                             choose(keep[1][i], element[1][i], element[2][i]));
        kept[2 * i + 1] =
            choose(keep[3][i], element[3][i],
                   choose(keep[2][i], element[2][i], element[1][i]));
        nibble[i] =
            choose(keep[0][i], 0, choose(keep[1][i], 1, 2)) |
            choose(keep[3][i], 3 << 2, choose(keep[2][i], 2 << 2, 1 << 2));
      } else {
        kept[i] = choose(keep[0][i], element[0][i], element[1][i]);
        nibble[i] = choose(keep[0][i], 0x4, 0xE);
      }
    }
    std::memcpy(values, kept, sizeof(kept));
    for (int w = 0; w < kWords; ++w)
      metadata[w] = static_cast<uint16_t>(
          nibble[4 * w] | nibble[4 * w + 1] << 4 | nibble[4 * w + 2] << 8 |
          nibble[4 * w + 3] << 12);
  }

  /// The inverse of storeCompressed(): fills the elements, the dropped ones
  /// with +0.0.
  void loadCompressed(const void *values, const uint16_t *metadata) {
    Element kept[kGroups * kKept], nibble[kGroups];
    std::memcpy(kept, values, sizeof(kept));
    for (int w = 0; w < kWords; ++w)
      for (int i = 0; i < kGroupsPerMetadataWord; ++i)
        nibble[kGroupsPerMetadataWord * w + i] = metadata[w] >> 4 * i & 0xF;
    for (int j = 0; j < kGroupSize; ++j)
      for (int i = 0; i < kGroups; ++i) {
        if constexpr (kGroupSize == 4)
          element[j][i] = (mask((nibble[i] & 3) == j) & kept[2 * i]) |
                          (mask(nibble[i] >> 2 == j) & kept[2 * i + 1]);
        else
          element[j][i] = mask((nibble[i] == 0x4) == (j == 0)) & kept[i];
      }
  }

  /// How many elements have a larger rank.
  int countAbove(Rank rank) const {
    int count = 0;
    for (int j = 0; j < kGroupSize; ++j)
      for (int i = 0; i < kGroups; ++i)
        count += Traits::rank(element[j][i]) > rank;
    return count;
  }
  /// How many groups have more nonzeros than they may keep.
  int countViolations() const {
    Element violating[kGroups];
    findViolations(violating);
    int count = 0;
    for (int i = 0; i < kGroups; ++i)
      count += violating[i];
    return count;
  }
  /// The first group that does; there must be one.
  int firstViolation() const {
    Element violating[kGroups];
    findViolations(violating);
    return static_cast<int>(std::find(violating, violating + kGroups, 1) -
                            violating);
  }

private:
  void findViolations(Element (&violating)[kGroups]) const {
    for (int i = 0; i < kGroups; ++i) {
      Element nonzeros = 0;
      for (int j = 0; j < kGroupSize; ++j)
        nonzeros += Traits::rank(element[j][i]) != 0;
      violating[i] = nonzeros > kKept;
    }
  }

  /// What Selection::FirstNonzeros ranks is only whether an element is nonzero;
  /// on ties the lower index goes first, so the first nonzeros are kept and
  /// after them the first zeros.
  template <Selection::Kind selection>
  static Rank selectionRank(Element bits) {
    Rank rank = Traits::rank(bits);
    return selection == Selection::Magnitude ? rank : rank != 0;
  }

  static Element mask(bool condition) {
    return -static_cast<Element>(condition);
  }
  static Element atLeastTwo(Element a, Element b, Element c) {
    return (a & b) | (a & c) | (b & c);
  }
  static Element choose(Element mask, Element yes, Element no) {
    return (mask & yes) | (~mask & no);
  }

  Element element[kGroupSize][kGroups];
  /// All ones where the element is kept, else zero.
  Element keep[kGroupSize][kGroups];
};

/// Calls function(GroupBlock) with an (empty) block of that element type.
template <typename Function>
void withGroupBlock(ElementType type, Function function) {
  switch (type) {
  case ElementType::F16:
  case ElementType::BF16:
    return function(GroupBlock<Float16Traits>());
  case ElementType::TF32:
    return function(GroupBlock<TF32Traits>());
  case ElementType::S8:
    return function(GroupBlock<Signed8Traits>());
  case ElementType::U8:
    return function(GroupBlock<Unsigned8Traits>());
  case ElementType::E4M3:
  case ElementType::E5M2:
    return function(GroupBlock<Float8Traits>());
  }
}

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_GROUPBLOCK_H

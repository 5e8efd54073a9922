// Operands of wgmma in shared memory, for tests: put there as the manual draws
// the layouts, row by row and without the emulator's formula.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TEST_UNIT_EMULATOR_WARPGROUP_H
#define SPARSE24_TEST_UNIT_EMULATOR_WARPGROUP_H

#include "Kernel.h"
#include "Matrices.h"

namespace sparse24::emulator::test {

/// How an operand is laid out. Rows run along K or, MN-major, along M or N.
struct Layout {
  /// 16 (no swizzle), 32, 64 or 128 bytes.
  int width = 128;
  bool isKMajor = true;

  /// Bits 62 and 63 of a descriptor.
  uint64_t mode() const {
    return width == 16 ? 0 : width == 128 ? 1 : width == 64 ? 2 : 3;
  }
};

/// Shared memory as it is to be: `isUsed` says which bytes.
struct Image {
  std::vector<uint8_t> bytes;
  std::vector<bool> isUsed;

  explicit Image(size_t size) : bytes(size), isUsed(size) {}

  void put(size_t at, ElementType type, uint32_t bits) {
    for (int64_t i = 0; i < storageBytes(type); ++i) {
      ASSERT_FALSE(isUsed.at(at + i)) << "the layout overlaps";
      isUsed[at + i] = true;
      bytes[at + i] = static_cast<uint8_t>(bits >> 8 * i);
    }
  }
};

/// The place of 16-byte piece `piece` in a row of a swizzled tile: 128-byte
/// rows exchange pieces by the row's number, 64-byte rows by that of a pair of
/// rows, and 32-byte rows by that of four.
inline int swizzledPiece(int width, int row, int piece) {
  switch (width) {
  case 128:
    return piece ^ row % 8;
  case 64:
    return piece ^ row / 2 % 4;
  case 32:
    return piece ^ row / 4 % 2;
  }
  return piece;
}

/// Puts a matrix of `outer` × `k` elements at `start`, a multiple of 1024, and
/// returns its descriptor. Its K, where that is along rows, begins `firstPiece`
/// pieces into them.
inline uint64_t putOperand(Image &image, const Layout &layout,
                           const Matrix &matrix, int start,
                           int firstPiece = 0) {
  auto size = static_cast<int>(storageBytes(matrix.type));
  int perPiece = 16 / size;
  // Offsets that can't be mistaken for each other; tiles of 8 rows lie apart.
  int eightRows = layout.width == 16 ? 144 : 1024;
  int beside =
      layout.width == 16
          ? 144 * ((layout.isKMajor ? matrix.rows : matrix.columns) / 8)
          : 1024 * ((layout.isKMajor ? matrix.rows : matrix.columns) / 8);
  for (int outer = 0; outer < matrix.rows; ++outer)
    for (int k = 0; k < matrix.columns; ++k) {
      int row = layout.isKMajor ? outer : k;
      int along = layout.isKMajor ? k : outer;
      int piece = firstPiece + along / perPiece;
      int tilePieces = layout.width / 16;
      int at = start + piece / tilePieces * beside + row / 8 * eightRows +
               row % 8 * layout.width +
               swizzledPiece(layout.width, row, piece % tilePieces) * 16 +
               along % perPiece * size;
      image.put(at, matrix.type, matrix.at(outer, k));
    }
  // Without a swizzle, MN-major tiles repeat along the rows at the stride.
  bool isSwapped = layout.width == 16 && !layout.isKMajor;
  uint64_t leading = isSwapped ? eightRows : beside;
  uint64_t stride = isSwapped ? beside : eightRows;
  uint64_t first = start + 16 * firstPiece;
  return layout.mode() << 62 | (stride >> 4) << 32 | (leading >> 4) << 16 |
         first >> 4;
}

/// A wgmma.mma_async.
struct WarpgroupForm {
  ElementType a, b;
  Sum sum;
  int n;
  bool isSparse = false, hasDescriptorA = false, isSaturating = false;

  int k() const {
    return static_cast<int>((isSparse ? 64 : 32) / storageBytes(a));
  }
  uint32_t registersD() const {
    return static_cast<uint32_t>(sum == Sum::F16 ? n / 4 : n / 2);
  }
  std::string opcode() const {
    std::string text = "wgmma.mma_async";
    if (isSparse)
      text += ".sp";
    text +=
        ".sync.aligned.m64n" + std::to_string(n) + "k" + std::to_string(k());
    if (isSaturating)
      text += ".satfinite";
    text += std::string(".") + sumName(sum) + "." + elementTypeName(a) + "." +
            elementTypeName(b);
    return text + (hasDescriptorA ? ".adesc" : "");
  }
};

/// The operands of a product, and where they are.
struct WarpgroupOperands {
  WarpgroupForm form;
  Layout layoutA, layoutB;
  SparseMatrix sparse;
  /// A where it is dense, B (N × K), C and D.
  Matrix dense, b;
  Accumulators c, d;
  uint32_t scaleD = 1;
  int32_t scaleA = 1, scaleB = 1;
  uint32_t selector = 0;
  Image image{98304};
  uint64_t descriptorA = 0, descriptorB = 0;

  explicit WarpgroupOperands(const WarpgroupForm &form, Layout layoutA = {},
                             Layout layoutB = {})
      : form(form), layoutA(layoutA), layoutB(layoutB),
        sparse(form.a, 64, form.isSparse ? form.k() : 2 * form.k()),
        dense(form.a, 64, form.k()), b(form.b, form.n, form.k()),
        c(form.sum, 64, form.n), d(c) {}

  const Matrix &a() const { return form.isSparse ? sparse.kept : dense; }

  void randomize(uint32_t seed) {
    std::mt19937 random(seed);
    sparse.randomize(random);
    dense.randomize(random);
    b.randomize(random);
    c.randomize(random);
  }
  void place(int firstPieceA = 0, int firstPieceB = 0) {
    image = Image(image.bytes.size());
    descriptorB = putOperand(image, layoutB, b, 2048, firstPieceB);
    if (form.hasDescriptorA)
      descriptorA = putOperand(image, layoutA, a(), 65536, firstPieceA);
  }

  /// The words of the thread's A: rows (register % 2)·8 and, in the row's
  /// second half, those of register / 2.
  Words registersA(uint32_t thread) const {
    Words words;
    int row = 16 * (thread / 32) + thread % 32 / 4, t = thread % 4;
    auto slots = static_cast<int>(4 / storageBytes(form.a));
    for (auto [down, right] : {std::pair(0, 0), {8, 0}, {0, 4}, {8, 4}}) {
      uint32_t word = 0;
      for (int slot = 0; slot < slots; ++slot)
        putInto(word, form.a, slot,
                a().at(row + down, (right + t) * slots + slot));
      words.add(word);
    }
    return words;
  }
  uint32_t metadata(uint32_t thread) {
    int lanes = 4 / numSelectors(form.a, form.k());
    auto lane = static_cast<int>(thread % 32);
    if (lane % 4 / lanes != static_cast<int>(selector))
      return 0x55555555; // Illegal, but not used.
    uint32_t word = 0;
    for (int row = 0; row < 16; ++row)
      for (int group = 0; group < sparse.groups(); ++group) {
        Nibble place = metadataPlace(form.a, form.k(), row >= 8, group);
        if (lane ==
            4 * (row % 8) + lanes * static_cast<int>(selector) + place.t)
          word |= sparse.nibble(16 * static_cast<int>(thread / 32) + row, group)
                  << 4 * place.nibble;
      }
    return word;
  }
  /// C in the thread's registers.
  Words registersC(uint32_t thread) {
    Words words(form.registersD());
    std::fill(words.begin(), words.end(), 0);
    forD(thread, [&](int row, int column, int index, int shift) {
      words[index] |= c.bits(row, column) << shift;
    });
    return words;
  }
  void takeD(uint32_t thread, const Words &words) {
    forD(thread, [&](int row, int column, int index, int shift) {
      d.setBits(row, column, words[index] >> shift);
    });
  }
  /// All operands of the instruction.
  Words operands(uint32_t thread, const Words &accumulators) {
    Words in = accumulators;
    if (form.hasDescriptorA)
      in.add(descriptorA);
    else
      in.add(registersA(thread));
    in.add(descriptorB);
    if (form.isSparse) {
      in.add(metadata(thread));
      in.add(selector);
    }
    in.add(scaleD);
    if (!isInteger(form.a)) {
      in.add(scaleA);
      in.add(scaleB);
      if (storageBytes(form.a) == 2 && form.hasDescriptorA)
        in.add(uint32_t(!layoutA.isKMajor));
      if (storageBytes(form.a) == 2)
        in.add(uint32_t(!layoutB.isKMajor));
    }
    return in;
  }

private:
  /// d_i: row of the warp's 16, then lane / 4, and 8 more for every second
  /// pair; column 2·(lane % 4), and 8 more for every four.
  template <typename Each>
  void forD(uint32_t thread, Each &&each) {
    int perWord = form.sum == Sum::F16 ? 2 : 1;
    for (int i = 0; i < form.n / 2; ++i)
      each(static_cast<int>(16 * (thread / 32) + thread % 32 / 4) +
               (i % 4 >= 2 ? 8 : 0),
           static_cast<int>(2 * (thread % 4)) + i % 2 + i / 4 * 8, i / perWord,
           16 * (i % perWord));
  }
};

/// A kernel of one warpgroup, with the instructions around a product.
struct WarpgroupKernel : Kernel {
  WarpgroupOperands &operands;
  uint32_t numD = operands.form.registersD();
  Op store = op("st.shared.v4.b32");
  Op proxyFence = op("fence.proxy.async.shared::cta");
  Op barrier = op("bar.sync");
  Op fence = op("wgmma.fence.sync.aligned");
  Op product = op(operands.form.opcode(), numD);
  Op commit = op("wgmma.commit_group.sync.aligned");
  Op wait = op("wgmma.wait_group.sync.aligned.x" + std::to_string(numD), numD);
  Op plainWait = op("wgmma.wait_group.sync.aligned");

  explicit WarpgroupKernel(WarpgroupOperands &operands) : operands(operands) {}

  /// Writes the image, pieces taken by turns. No fence, no barrier.
  void writeOperands() const {
    const Image &image = operands.image;
    for (size_t piece = tid(); piece < image.bytes.size() / 16; piece += 128) {
      if (!image.isUsed[16 * piece])
        continue;
      uint32_t words[4];
      std::memcpy(words, image.bytes.data() + 16 * piece, 16);
      store(uint64_t(16 * piece), words[0], words[1], words[2], words[3]);
    }
  }
  void makeVisible() const {
    proxyFence();
    barrier(0, 0);
  }
  Words multiply(const Words &accumulators) const {
    return product(operands.operands(tid(), accumulators));
  }
  void prepare() const {
    writeOperands();
    makeVisible();
    fence();
  }
  Report run(std::function<void()> function, uint32_t threads = 128) {
    return Kernel::run(oneCta(threads, operands.image.bytes.size()),
                       std::move(function));
  }
};

} // namespace sparse24::emulator::test

#endif // SPARSE24_TEST_UNIT_EMULATOR_WARPGROUP_H

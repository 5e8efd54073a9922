//===- MatrixProduct.h - D = A·B + C, as Tensor Cores do it -----*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// The one product that all matrix instructions share. They differ in where
// elements come from (Fragments.h, SharedMatrix.h), and that is all that their
// functions say.
//
// Products are exact and so are sums, as far as double goes; the result is
// rounded once an instruction. A Tensor Core aligns and truncates summands
// instead. On an H100 that stayed within K·2^-24·(|A|·|B| + |C|), and for wgmma
// of 8-bit floats within K·2^-13.
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_MATRIXPRODUCT_H
#define SPARSE24_LIB_EMULATOR_MATRIXPRODUCT_H

#include "Machine.h"
#include "sparse24/Support/ElementType.h"

namespace sparse24::emulator {

enum class AccumulatorType : uint8_t { F16, F32, S32 };

/// What a matrix instruction's opcode says.
struct MatrixForm {
  int m = 0, n = 0, k = 0;
  ElementType a{}, b{};
  AccumulatorType d{};
  bool isSparse = false, isOrdered = false, isSaturating = false;

  /// Elements that a row of A holds: K, or what 2:4 keeps of it.
  int heldK() const { return isSparse ? k / 2 : k; }
  int groups() const { return k / static_cast<int>(groupSize(a)); }
  int elementsPerRegister() const {
    return 4 / static_cast<int>(storageBytes(a));
  }
  int accumulatorsPerRegister() const {
    return d == AccumulatorType::F16 ? 2 : 1;
  }
  /// 32-bit registers of a lane, where 32 lanes hold `rows` rows of A or D.
  int registersA(int rows) const {
    return rows * heldK() / elementsPerRegister() / 32;
  }
  int registersB() const { return k * n / elementsPerRegister() / 32; }
  int registersD(int rows) const {
    return rows * n / accumulatorsPerRegister() / 32;
  }
};

/// Reads shape and types: `types` are the opcode's last parts, of which "d",
/// "a" and "b" stand for those of the matrices ("dabc" for mma). Nothing if the
/// types don't go together.
std::optional<MatrixForm> parseMatrixForm(const Opcode &opcode,
                                          std::string_view types);

/// Clocks of `rows` rows of it, in the timing model (Timing.h).
double productClocks(const MatrixForm &form, int rows);

/// The value of an element whose bits are the low ones of `bits`.
double elementValue(ElementType type, uint32_t bits);

class MatrixProduct {
public:
  MatrixProduct(const MatrixForm &form, int rows);

  double &a(int row, int held) { return valuesA[row * heldK + held]; }
  /// The row of B that this element of A meets: its logical column.
  uint8_t &columnA(int row, int held) { return columnsA[row * heldK + held]; }
  double &b(int k, int column) { return valuesB[k * form.n + column]; }
  double &d(int row, int column) { return valuesD[row * form.n + column]; }

  /// Takes A, B or D out of (or D into) a lane's registers; `firstRow` is its
  /// warp's.
  void loadA(int lane, int firstRow, const uint32_t *registers);
  void loadB(int lane, const uint32_t *registers);
  void loadD(int lane, int firstRow, const uint32_t *registers);
  void storeD(int lane, int firstRow, uint32_t *registers) const;
  /// Takes the nibbles of the lane's metadata word, if the selector says that
  /// it supplies one, and reports those that aren't legal.
  void loadMetadata(Thread &thread, int firstRow, uint32_t word, int selector);

  /// D += A·B, not rounded yet: storeD does that.
  void multiply();

private:
  const MatrixForm form;
  const int rows, heldK;
  std::vector<double> valuesA, valuesB, valuesD;
  std::vector<uint8_t> columnsA;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_MATRIXPRODUCT_H

// Attributes of the sparse24 dialect: verification and queries.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"
#include "sparse24/Support/WgmmaSp.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::sparse24;

std::optional<::sparse24::ElementType>
mlir::sparse24::convertElementType(Type type) {
  using ElementType = ::sparse24::ElementType;
  using Result = std::optional<ElementType>;
  return TypeSwitch<Type, Result>(type)
      .Case([](Float16Type) -> Result { return ElementType::F16; })
      .Case([](BFloat16Type) -> Result { return ElementType::BF16; })
      .Case([](Float32Type) -> Result { return ElementType::TF32; })
      .Case([](Float8E4M3FNType) -> Result { return ElementType::E4M3; })
      .Case([](Float8E5M2Type) -> Result { return ElementType::E5M2; })
      .Case([](IntegerType integer) -> Result {
        if (integer.isSignlessInteger(8))
          return ElementType::S8;
        if (integer.isUnsignedInteger(8))
          return ElementType::U8;
        return std::nullopt;
      })
      .Default([](Type) -> Result { return std::nullopt; });
}

Type mlir::sparse24::convertElementType(MLIRContext *context,
                                        ::sparse24::ElementType type) {
  switch (type) {
  case ::sparse24::ElementType::F16:
    return Float16Type::get(context);
  case ::sparse24::ElementType::BF16:
    return BFloat16Type::get(context);
  case ::sparse24::ElementType::TF32:
    return Float32Type::get(context);
  case ::sparse24::ElementType::S8:
    return IntegerType::get(context, 8);
  case ::sparse24::ElementType::U8:
    return IntegerType::get(context, 8, IntegerType::Unsigned);
  case ::sparse24::ElementType::E4M3:
    return Float8E4M3FNType::get(context);
  case ::sparse24::ElementType::E5M2:
    return Float8E5M2Type::get(context);
  }
  llvm_unreachable("unknown element type");
}

//===----------------------------------------------------------------------===//
// Criterion
//===----------------------------------------------------------------------===//

::sparse24::Selection mlir::sparse24::getSelection(Criterion criterion,
                                                   const float *scores) {
  using ::sparse24::Selection;
  switch (criterion) {
  case Criterion::magnitude:
    return Selection::Magnitude;
  case Criterion::transposable:
    return Selection::Transposable;
  case Criterion::importance:
    return {Selection::Importance, scores};
  case Criterion::wanda:
    return {Selection::Wanda, scores};
  }
  llvm_unreachable("unknown criterion");
}

SmallVector<StringRef> mlir::sparse24::getCriterionNames() {
  SmallVector<StringRef> names;
  for (uint64_t i = 0; i <= getMaxEnumValForCriterion(); ++i)
    names.push_back(stringifyCriterion(static_cast<Criterion>(i)));
  return names;
}

SmallVector<int64_t>
mlir::sparse24::getScoresShape(Criterion criterion,
                               ArrayRef<int64_t> matrixShape) {
  if (criterion == Criterion::wanda)
    matrixShape = matrixShape.drop_front();
  return llvm::to_vector(matrixShape);
}

//===----------------------------------------------------------------------===//
// LayoutAttr
//===----------------------------------------------------------------------===//

LogicalResult LayoutAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 InstructionFamily family, Type elementType,
                                 int64_t rows, int64_t k) {
  if (!convertElementType(elementType))
    return emitError() << "layout_c1: element type " << elementType
                       << " has no packed layout";
  // With this bound no size in bytes overflows.
  constexpr int64_t limit = int64_t(1) << 30;
  if (rows < 1 || k < 1 || rows > limit || k > limit)
    return emitError() << "layout_c2: rows and k must be from 1 to 2^30, got "
                          "rows = "
                       << rows << ", k = " << k;
  return success();
}

::sparse24::PackedLayout LayoutAttr::getPackedLayout() const {
  using ::sparse24::PackedFamily;
  return {getFamily() == InstructionFamily::mma_sp ? PackedFamily::MmaSp
                                                   : PackedFamily::WgmmaSp,
          *convertElementType(getElementType()), getRows(), getK()};
}

int64_t LayoutAttr::getByteSize() const { return getPackedLayout().bytes(); }

uint64_t LayoutAttr::getHash() const { return getPackedLayout().hash(); }

std::string LayoutAttr::getText() const { return getPackedLayout().text(); }

//===----------------------------------------------------------------------===//
// ScheduleAttr
//===----------------------------------------------------------------------===//

/// What wgmma.sp wants of a schedule.
static LogicalResult verifyWgmmaSp(function_ref<InFlightDiagnostic()> emitError,
                                   int64_t tileRows, int64_t tileCols,
                                   int64_t warpRows, int64_t warpCols,
                                   int64_t cluster, int64_t splitK,
                                   bool pingPong, bool splitTail) {
  namespace wgmma_sp = ::sparse24::wgmma_sp;
  if (warpRows % wgmma_sp::kWarps != 0 || warpCols != 1)
    return emitError() << "schedule_c5: warps of wgmma_sp must be warpgroups "
                          "of four along the rows, but are ["
                       << warpRows << ", " << warpCols << "]";
  int64_t rows = tileRows / (warpRows / wgmma_sp::kWarps);
  if (rows % wgmma_sp::kM != 0)
    return emitError() << "schedule_c6: a warpgroup of wgmma_sp must have a "
                          "multiple of 64 rows, but has "
                       << rows;
  if (tileCols % wgmma_sp::kN != 0 || tileCols > wgmma_sp::kMaxN)
    return emitError()
           << "schedule_c7: a tile of wgmma_sp must have a multiple "
              "of 8 columns, at most 256, but has "
           << tileCols;
  if (!llvm::is_contained({1, 2, 4, 8}, cluster))
    return emitError() << "schedule_c8: cluster must be 1, 2, 4 or 8, but is "
                       << cluster;
  if (splitTail && rows % (2 * wgmma_sp::kM) != 0)
    return emitError()
           << "schedule_c9: with split_tail a warpgroup must have a "
              "multiple of 128 rows, but has "
           << rows;
  if (splitTail && splitK != 1)
    return emitError() << "schedule_c9: split_tail and split_k are two ways to "
                          "divide tiles; choose one";
  if (pingPong && (warpRows != wgmma_sp::kWarps || splitK != 1 || splitTail))
    return emitError() << "schedule_c10: with ping_pong a warpgroup has whole "
                          "tiles: warps must be [4, 1], split_k 1 and "
                          "split_tail false";
  if (cluster % splitK != 0)
    return emitError() << "schedule_c11: parts of a tile are in one cluster; "
                          "split_k must divide cluster, but is "
                       << splitK;
  return success();
}

LogicalResult ScheduleAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                   InstructionFamily family, int64_t tileRows,
                                   int64_t tileCols, int64_t tileK,
                                   int64_t warpRows, int64_t warpCols,
                                   int64_t stages, int64_t cluster,
                                   int64_t splitK, bool pingPong,
                                   bool splitTail) {
  bool isWgmma = family == InstructionFamily::wgmma_sp;
  int64_t minStages = isWgmma ? 2 : 3;
  // Far beyond what a multiprocessor holds, and products of some don't
  // overflow.
  constexpr int64_t limit = int64_t(1) << 16;
  auto isInside = [&](int64_t number) {
    return number >= 1 && number <= limit;
  };
  if (!llvm::all_of(ArrayRef<int64_t>{tileRows, tileCols, tileK, warpRows,
                                      warpCols, stages, cluster, splitK},
                    isInside) ||
      stages < minStages)
    return emitError() << "schedule_c1: all numbers must be from 1 to 2^16, "
                          "and stages at least "
                       << minStages;
  if (tileRows % warpRows != 0 || tileCols % warpCols != 0)
    return emitError() << "schedule_c2: warps [" << warpRows << ", " << warpCols
                       << "] don't divide the tile [" << tileRows << ", "
                       << tileCols << "]";
  int64_t warps =
      warpRows * warpCols + (isWgmma ? ::sparse24::wgmma_sp::kWarps : 0);
  if (warps > 32)
    return emitError() << "schedule_c3: " << warps
                       << " warps, but a CTA holds at most 32";
  if (!isWgmma && (cluster != 1 || splitK != 1 || pingPong || splitTail))
    return emitError() << "schedule_c4: cluster, split_k, ping_pong and "
                          "split_tail are for wgmma_sp only";
  if (isWgmma)
    return verifyWgmmaSp(emitError, tileRows, tileCols, warpRows, warpCols,
                         cluster, splitK, pingPong, splitTail);
  return success();
}

//===----------------------------------------------------------------------===//
// TargetAttr
//===----------------------------------------------------------------------===//

namespace {
/// What is known of a target.
struct TargetInfo {
  StringLiteral chip;
  int computeCapability;
  int64_t sharedMemoryBytes;
  int64_t multiprocessors;
  StringLiteral ptxFeatures;
  InstructionFamily family;
  ArrayRef<::sparse24::ElementType> elementTypes;
};

using ::sparse24::ElementType;
using Family = InstructionFamily;
} // namespace

/// What loops on the CPU multiply.
static constexpr ElementType kCpuTypes[] = {
    ElementType::F16, ElementType::BF16, ElementType::TF32,
    ElementType::S8,  ElementType::E4M3, ElementType::E5M2};
static constexpr ElementType kMmaSpTypes[] = {ElementType::F16,
                                              ElementType::BF16};

// Shared memory: the CUDA programming guide's "maximum per thread block".
// Multiprocessors: A100, RTX A6000, L40S, H100 SXM, B200 and RTX 5090. PTX
// version: 8.5 brings ordered metadata; the later targets need later ones.
static constexpr TargetInfo kTargets[] = {
    {"cpu", 0, 0, 0, "", Family::mma_sp, kCpuTypes},
    {"sm_80", 80, 163 * 1024, 108, "+ptx85", Family::mma_sp, kMmaSpTypes},
    {"sm_86", 86, 99 * 1024, 84, "+ptx85", Family::mma_sp, kMmaSpTypes},
    {"sm_89", 89, 99 * 1024, 142, "+ptx85", Family::mma_sp, kMmaSpTypes},
    {"sm_90", 90, 227 * 1024, 132, "+ptx85", Family::mma_sp, kMmaSpTypes},
    {"sm_90a", 90, 227 * 1024, 132, "+ptx85", Family::wgmma_sp,
     ::sparse24::kElementTypes},
    {"sm_100a", 100, 227 * 1024, 148, "+ptx86", Family::mma_sp, kMmaSpTypes},
    {"sm_120a", 120, 99 * 1024, 170, "+ptx87", Family::mma_sp, kMmaSpTypes},
};

static const TargetInfo *findTarget(StringRef chip) {
  return llvm::find_if(
      kTargets, [&](const TargetInfo &info) { return info.chip == chip; });
}

ArrayRef<StringLiteral> TargetAttr::getKnownChips() {
  static const SmallVector<StringLiteral> chips = llvm::map_to_vector(
      kTargets, [](const TargetInfo &info) { return info.chip; });
  return chips;
}

LogicalResult TargetAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                                 StringRef chip) {
  if (findTarget(chip) != std::end(kTargets))
    return success();
  InFlightDiagnostic diagnostic = emitError();
  diagnostic << "target_c1: unknown target '" << chip << "', known are ";
  llvm::interleaveComma(getKnownChips(), diagnostic);
  return diagnostic;
}

bool TargetAttr::isCpu() const { return getComputeCapability() == 0; }

int TargetAttr::getComputeCapability() const {
  return findTarget(getChip())->computeCapability;
}

int64_t TargetAttr::getSharedMemoryBytes() const {
  // Of what a CTA may have, gpu.dynamic_shared_memory's symbol takes a byte: in
  // PTX it is a variable.
  constexpr int64_t symbolBytes = 16;
  return findTarget(getChip())->sharedMemoryBytes - symbolBytes;
}

int64_t TargetAttr::getMultiprocessors() const {
  return findTarget(getChip())->multiprocessors;
}

InstructionFamily TargetAttr::getFamily() const {
  return findTarget(getChip())->family;
}

ArrayRef<ElementType> TargetAttr::getElementTypes() const {
  return findTarget(getChip())->elementTypes;
}

StringRef TargetAttr::getPtxFeatures(StringRef chip) {
  const TargetInfo *info = findTarget(chip);
  return info == std::end(kTargets) ? "" : info->ptxFeatures;
}

// The sparse24 dialect: registration and discardable attributes.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::sparse24;

#include "sparse24/Dialect/Sparse24/IR/Sparse24Dialect.cpp.inc"
#include "sparse24/Dialect/Sparse24/IR/Sparse24Enums.cpp.inc"

/// A schedule's options, of which only those that aren't default are printed.
static ParseResult parseScheduleOptions(AsmParser &parser, int64_t &cluster,
                                        int64_t &splitK, bool &pingPong,
                                        bool &splitTail) {
  cluster = 1;
  splitK = 1;
  pingPong = splitTail = false;
  auto parseValue = [&](auto &value) {
    return failure(parser.parseEqual() || parser.parseInteger(value));
  };
  while (succeeded(parser.parseOptionalComma())) {
    StringRef option;
    if (failed(parser.parseOptionalKeyword(
            &option, {"cluster", "split_k", "ping_pong", "split_tail"})))
      return parser.emitError(
          parser.getCurrentLocation(),
          "expected 'cluster', 'split_k', 'ping_pong' or 'split_tail'");
    LogicalResult result = option == "cluster"     ? parseValue(cluster)
                           : option == "split_k"   ? parseValue(splitK)
                           : option == "ping_pong" ? parseValue(pingPong)
                                                   : parseValue(splitTail);
    if (failed(result))
      return failure();
  }
  return success();
}

static void printScheduleOptions(AsmPrinter &printer, int64_t cluster,
                                 int64_t splitK, bool pingPong,
                                 bool splitTail) {
  if (cluster != 1)
    printer << ", cluster = " << cluster;
  if (splitK != 1)
    printer << ", split_k = " << splitK;
  if (pingPong)
    printer << ", ping_pong = true";
  if (splitTail)
    printer << ", split_tail = true";
}

#define GET_ATTRDEF_CLASSES
#include "sparse24/Dialect/Sparse24/IR/Sparse24Attributes.cpp.inc"

void Sparse24Dialect::initialize() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "sparse24/Dialect/Sparse24/IR/Sparse24Attributes.cpp.inc"
      >();
  addOperations<
#define GET_OP_LIST
#include "sparse24/Dialect/Sparse24/IR/Sparse24Ops.cpp.inc"
      >();
}

/// The discardable attributes that give permission, and what each may allow.
static LogicalResult verifyPermission(Operation *op, NamedAttribute attr,
                                      StringRef rule,
                                      ArrayRef<StringRef> allowed) {
  auto value = dyn_cast<StringAttr>(attr.getValue());
  if (value && llvm::is_contained(allowed, value.getValue()))
    return success();
  InFlightDiagnostic diagnostic = op->emitError();
  diagnostic << rule << ": attribute '" << attr.getName().getValue()
             << "' must be ";
  llvm::interleave(
      allowed, [&](StringRef name) { diagnostic << '"' << name << '"'; },
      [&] { diagnostic << " or "; });
  diagnostic << ", but is " << attr.getValue();
  return diagnostic;
}

static LogicalResult verifyScoresAttribute(Operation *op, NamedAttribute attr) {
  auto elements = dyn_cast<ElementsAttr>(attr.getValue());
  if (elements && isa<RankedTensorType>(elements.getType()) &&
      elements.getElementType().isF32())
    return success();
  return op->emitError() << "scores_c1: attribute '"
                         << attr.getName().getValue()
                         << "' must be a tensor of f32";
}

LogicalResult Sparse24Dialect::verifyOperationAttribute(Operation *op,
                                                        NamedAttribute attr) {
  if (attr.getName() == getAllowPruneAttrName()) {
    SmallVector<StringRef> allowed = getCriterionNames();
    allowed.push_back("none");
    return verifyPermission(op, attr, "allow_prune_c1", allowed);
  }
  if (attr.getName() == getScoresAttrName())
    return verifyScoresAttribute(op, attr);
  if (attr.getName() == getAllowPrecisionAttrName())
    return verifyPermission(op, attr, "allow_precision_c1",
                            {"bf16", "f16", "tf32", "none"});
  return success();
}

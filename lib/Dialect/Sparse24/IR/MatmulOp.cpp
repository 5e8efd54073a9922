// sparse24.matmul: builder, assembly and verification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

#include "Verification.h"

using namespace mlir;
using namespace mlir::sparse24;

static Type elementTypeOf(Value value) {
  return cast<ShapedType>(value.getType()).getElementType();
}

//===----------------------------------------------------------------------===//
// Queries
//===----------------------------------------------------------------------===//

Type MatmulOp::getOperandElementType() { return elementTypeOf(getDense()); }

Type MatmulOp::getOutputElementType() { return elementTypeOf(getInit()); }

int64_t MatmulOp::getSparseRows() {
  return cast<ShapedType>(getInit().getType())
      .getDimSize(isLhsSparse() ? 0 : 1);
}

//===----------------------------------------------------------------------===//
// Builder
//===----------------------------------------------------------------------===//

void MatmulOp::build(OpBuilder &builder, OperationState &state, Side side,
                     ValueRange sparse, Value dense, Value init, int64_t k,
                     Type accumulatorType, MatmulOptions options) {
  state.addOperands(sparse);
  state.addOperands(dense);
  state.addOperands(options.epilogueOperands);
  state.addOperands(init);

  Properties &properties = state.getOrAddProperties<Properties>();
  properties.operandSegmentSizes = {
      static_cast<int32_t>(sparse.size()), 1,
      static_cast<int32_t>(options.epilogueOperands.size()), 1};
  properties.side = SideAttr::get(builder.getContext(), side);
  properties.k = builder.getI64IntegerAttr(k);
  properties.accumulatorType = TypeAttr::get(accumulatorType);
  if (options.transposeDense)
    properties.transposeDense = builder.getUnitAttr();
  if (options.accumulate)
    properties.accumulate = builder.getUnitAttr();
  properties.layout = options.layout;
  properties.schedule = options.schedule;
  properties.epilogueMaps = builder.getAffineMapArrayAttr(options.epilogueMaps);

  if (isa<RankedTensorType>(init.getType()))
    state.addTypes(init.getType());

  Region *epilogue = state.addRegion();
  if (!options.buildEpilogue)
    return;
  SmallVector<Type> types{accumulatorType};
  for (Value operand : options.epilogueOperands)
    types.push_back(elementTypeOf(operand));
  OpBuilder::InsertionGuard guard(builder);
  Block *block =
      builder.createBlock(epilogue, epilogue->end(), types,
                          SmallVector<Location>(types.size(), state.location));
  options.buildEpilogue(builder, state.location, block->getArguments());
}

//===----------------------------------------------------------------------===//
// Assembly
//===----------------------------------------------------------------------===//

namespace {
/// `%a, %b : type, type` in parentheses, as parsed.
struct TypedOperands {
  SmallVector<OpAsmParser::UnresolvedOperand> operands;
  SmallVector<Type> types;
  SMLoc location;
};
} // namespace

static ParseResult parseTypedOperands(OpAsmParser &parser,
                                      TypedOperands &result) {
  result.location = parser.getCurrentLocation();
  return failure(
      parser.parseLParen() || parser.parseOperandList(result.operands) ||
      parser.parseColonTypeList(result.types) || parser.parseRParen());
}

static ParseResult parseTypedOperands(OpAsmParser &parser, StringRef keyword,
                                      TypedOperands &result) {
  return failure(parser.parseKeyword(keyword) ||
                 parseTypedOperands(parser, result));
}

/// Parses `keyword = attribute` if the keyword comes next.
template <typename AttrT>
static ParseResult parseOptionalAssignment(OpAsmParser &parser,
                                           StringRef keyword, AttrT &result) {
  if (failed(parser.parseOptionalKeyword(keyword)))
    return success();
  return failure(parser.parseEqual() || parser.parseAttribute(result));
}

ParseResult MatmulOp::parse(OpAsmParser &parser, OperationState &result) {
  Builder &builder = parser.getBuilder();
  Properties &properties = result.getOrAddProperties<Properties>();

  StringRef side;
  SMLoc sideLocation = parser.getCurrentLocation();
  if (parser.parseKeyword(&side))
    return failure();
  std::optional<Side> symbol = symbolizeSide(side);
  if (!symbol)
    return parser.emitError(sideLocation)
           << "expected 'lhs' or 'rhs', the side of the sparse operand";
  properties.side = SideAttr::get(builder.getContext(), *symbol);

  TypedOperands sparse, dense, init, epilogue;
  if (parseTypedOperands(parser, "ins", sparse) ||
      parseTypedOperands(parser, "dense", dense) ||
      parseTypedOperands(parser, "outs", init))
    return failure();

  int64_t k;
  Type accumulatorType;
  if (parser.parseKeyword("k") || parser.parseEqual() ||
      parser.parseInteger(k) || parser.parseKeyword("acc") ||
      parser.parseEqual() || parser.parseType(accumulatorType))
    return failure();
  properties.k = builder.getI64IntegerAttr(k);
  properties.accumulatorType = TypeAttr::get(accumulatorType);

  if (succeeded(parser.parseOptionalKeyword("accumulate")))
    properties.accumulate = builder.getUnitAttr();
  if (succeeded(parser.parseOptionalKeyword("transpose_dense")))
    properties.transposeDense = builder.getUnitAttr();
  if (parseOptionalAssignment(parser, "layout", properties.layout) ||
      parseOptionalAssignment(parser, "schedule", properties.schedule) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();

  properties.epilogueMaps = builder.getArrayAttr({});
  Region *region = result.addRegion();
  if (succeeded(parser.parseOptionalKeyword("epilogue"))) {
    if (succeeded(parser.parseOptionalLParen())) {
      epilogue.location = parser.getCurrentLocation();
      if (parser.parseOperandList(epilogue.operands) ||
          parser.parseColonTypeList(epilogue.types) || parser.parseRParen() ||
          parser.parseKeyword("maps") || parser.parseEqual() ||
          parser.parseAttribute(properties.epilogueMaps))
        return failure();
    }
    if (parser.parseRegion(*region))
      return failure();
  }
  if (parser.parseOptionalArrowTypeList(result.types))
    return failure();

  for (TypedOperands *group : {&sparse, &dense, &epilogue, &init})
    if (parser.resolveOperands(group->operands, group->types, group->location,
                               result.operands))
      return failure();
  properties.operandSegmentSizes = {
      static_cast<int32_t>(sparse.operands.size()),
      static_cast<int32_t>(dense.operands.size()),
      static_cast<int32_t>(epilogue.operands.size()),
      static_cast<int32_t>(init.operands.size())};
  return success();
}

static void printTypedOperands(OpAsmPrinter &printer, ValueRange values) {
  printer << '(' << values << " : " << values.getTypes() << ')';
}

void MatmulOp::print(OpAsmPrinter &printer) {
  printer << ' ' << stringifySide(getSide()) << " ins";
  printTypedOperands(printer, getSparse());
  printer << " dense";
  printTypedOperands(printer, getDense());
  printer << " outs";
  printTypedOperands(printer, getInit());
  printer << " k = " << getK() << " acc = " << getAccumulatorType();
  if (getAccumulate())
    printer << " accumulate";
  if (getTransposeDense())
    printer << " transpose_dense";
  if (LayoutAttr layout = getLayoutAttr())
    printer << " layout = " << layout;
  if (ScheduleAttr schedule = getScheduleAttr())
    printer << " schedule = " << schedule;
  printer.printOptionalAttrDictWithKeyword(
      llvm::to_vector((*this)->getDiscardableAttrs()));
  if (hasEpilogue()) {
    printer << " epilogue";
    if (!getEpilogueOperands().empty()) {
      printTypedOperands(printer, getEpilogueOperands());
      printer << " maps = " << getEpilogueMaps();
    }
    printer << ' ';
    printer.printRegion(getEpilogue());
  }
  printer.printOptionalArrowTypeList(getResultTypes());
}

//===----------------------------------------------------------------------===//
// Verification
//===----------------------------------------------------------------------===//

/// Rules about the sparse operand's form, types and k.
static LogicalResult verifyOperandForms(MatmulOp op) {
  if (op.getSparse().empty() || op.getSparse().size() > 2)
    return op.emitOpError() << "matmul_c1: operand 'sparse' must be one packed "
                               "buffer, or values and metadata, but there are "
                            << op.getSparse().size();
  SmallVector<NamedOperand> operands{{"dense", op.getDense()},
                                     {"init", op.getInit()}};
  for (Value value : op.getSparse())
    operands.push_back({"sparse", value});
  for (Value value : op.getEpilogueOperands())
    operands.push_back({"epilogueOperands", value});
  if (failed(verifyOneForm(op, "matmul_c2", operands)))
    return failure();
  if (op.isPacked() != static_cast<bool>(op.getLayoutAttr()))
    return op.emitOpError()
           << "matmul_c3: operand 'sparse' "
           << (op.isPacked() ? "is packed, which needs attribute 'layout'"
                             : "is not packed, but there is attribute "
                               "'layout'");
  return success();
}

static LogicalResult verifyOperandTypes(MatmulOp op) {
  NamedOperand dense{"dense", op.getDense()};
  if (failed(verifySparseElementType(op, "matmul_c4", dense)))
    return failure();
  Type type = dense.getElementType();
  if (!op.isPacked() && failed(verifyElementType(
                            op, "matmul_c5", {"values", op.getValues()}, type)))
    return failure();
  if (op.isPacked() && op.getLayoutAttr().getElementType() != type)
    return op.emitOpError()
           << "matmul_c5: attribute 'layout' must have the element type of "
              "operand 'dense', "
           << type << ", but has " << op.getLayoutAttr().getElementType();
  if (static_cast<int64_t>(op.getK()) < 1)
    return op.emitOpError() << "matmul_c7: attribute 'k' must be positive";
  Builder builder(op.getContext());
  Type accumulator = isa<FloatType>(type) ? Type(builder.getF32Type())
                                          : Type(builder.getI32Type());
  if (op.getAccumulatorType() != accumulator)
    return op.emitOpError()
           << "matmul_c8: the accumulator type must be " << accumulator
           << " where operand 'dense' has element type " << type << ", but is "
           << op.getAccumulatorType();
  return success();
}

static LogicalResult verifyOperandShapes(MatmulOp op) {
  auto init = cast<ShapedType>(op.getInit().getType());
  int64_t k = op.getK(), rows = op.getSparseRows();
  int64_t cols = init.getDimSize(op.isLhsSparse() ? 1 : 0);
  // As stored, k comes first for lhs; transposing and rhs each swap that.
  bool kFirst = op.isLhsSparse() != op.getTransposeDense();
  SmallVector<int64_t> denseShape{kFirst ? k : cols, kFirst ? cols : k};
  if (failed(
          verifyShape(op, "matmul_c9", {"dense", op.getDense()}, denseShape)))
    return failure();
  if (!op.isPacked()) {
    for (auto [name, value] : {NamedOperand{"values", op.getValues()},
                               NamedOperand{"metadata", op.getMetadata()}})
      if (cast<ShapedType>(value.getType()).getRank() != 2)
        return op.emitOpError()
               << (name == "values" ? "matmul_c10" : "matmul_c11")
               << ": operand '" << name << "' must have rank 2, but is of type "
               << value.getType();
    return verifyCompressed(op, {"matmul_c6", "matmul_c10", "matmul_c11"},
                            {"values", op.getValues()},
                            {"metadata", op.getMetadata()},
                            op.getOperandElementType(), rows, k);
  }
  LayoutAttr layout = op.getLayoutAttr();
  if (layout.getK() != k)
    return op.emitOpError()
           << "matmul_c12: attribute 'layout' must have k = " << k
           << ", but has k = " << layout.getK();
  if (!ShapedType::isDynamic(rows) && layout.getRows() != rows)
    return op.emitOpError()
           << "matmul_c12: attribute 'layout' must have as many rows as "
              "operand 'init' has on the sparse side, "
           << rows << ", but has " << layout.getRows();
  ScheduleAttr schedule = op.getScheduleAttr();
  if (schedule && schedule.getFamily() != layout.getFamily())
    return op.emitOpError() << "matmul_c23: attribute 'schedule' is for "
                            << stringifyInstructionFamily(schedule.getFamily())
                            << ", but attribute 'layout' for "
                            << stringifyInstructionFamily(layout.getFamily());
  return verifyPacked(op, "matmul_c13", {"packed", op.getPacked()}, layout);
}

/// Rules about the output's element type.
static LogicalResult verifyOutputType(MatmulOp op) {
  Type output = op.getOutputElementType();
  bool isFloat = isa<FloatType>(op.getAccumulatorType());
  if (op.getAccumulate() &&
      !(isFloat ? isa<FloatType>(output) && output.getIntOrFloatBitWidth() <= 32
                : output == op.getAccumulatorType()))
    return op.emitOpError()
           << "matmul_c14: operand 'init' can't start an accumulation in "
           << op.getAccumulatorType() << ", its element type is " << output;
  if (!op.hasEpilogue() &&
      !(isFloat ? isa<Float16Type, BFloat16Type, Float32Type, Float8E4M3FNType,
                      Float8E5M2Type>(output)
                : output == op.getAccumulatorType()))
    return op.emitOpError()
           << "matmul_c19: without an epilogue, operand 'init' can't have "
              "element type "
           << output << " where the accumulator is " << op.getAccumulatorType();
  return success();
}

static LogicalResult verifyEpilogueOperands(MatmulOp op) {
  size_t numOperands = op.getEpilogueOperands().size();
  if (op.getEpilogueMaps().size() != numOperands)
    return op.emitOpError()
           << "matmul_c15: there must be one map for each of the "
           << numOperands << " of operand 'epilogueOperands', but there are "
           << op.getEpilogueMaps().size();
  if (numOperands > 0 && !op.hasEpilogue())
    return op.emitOpError() << "matmul_c15: operand 'epilogueOperands' is of "
                               "no use without an epilogue";
  ArrayRef<int64_t> outputShape =
      cast<ShapedType>(op.getInit().getType()).getShape();
  for (auto [i, value] : llvm::enumerate(op.getEpilogueOperands())) {
    NamedOperand operand{"epilogueOperands", value};
    AffineMap map = op.getEpilogueMap(i);
    if (map.getNumDims() != 2 || map.getNumSymbols() != 0 ||
        !map.isProjectedPermutation() ||
        map.getNumResults() != operand.getType().getRank())
      return op.emitOpError()
             << "matmul_c16: the map of operand 'epilogueOperands' " << i
             << " must be a projected permutation of (m, n) with "
             << operand.getType().getRank() << " results, but is "
             << op.getEpilogueMaps()[i];
    SmallVector<int64_t> shape =
        llvm::map_to_vector(map.getResults(), [&](AffineExpr result) {
          return outputShape[cast<AffineDimExpr>(result).getPosition()];
        });
    if (failed(verifyShape(op, "matmul_c17", operand, shape)))
      return failure();
    if (!operand.getElementType().isIntOrFloat())
      return op.emitOpError()
             << "matmul_c18: operand 'epilogueOperands' " << i
             << " must have integer or float elements, but has "
             << operand.getElementType();
  }
  return success();
}

LogicalResult MatmulOp::verify() {
  return failure(
      failed(verifyOperandForms(*this)) || failed(verifyOperandTypes(*this)) ||
      failed(verifyOperandShapes(*this)) || failed(verifyOutputType(*this)) ||
      failed(verifyEpilogueOperands(*this)));
}

LogicalResult MatmulOp::verifyRegions() {
  if (!hasEpilogue())
    return success();
  Block &block = getEpilogue().front();
  SmallVector<Type> expected{getAccumulatorType()};
  for (Value operand : getEpilogueOperands())
    expected.push_back(elementTypeOf(operand));
  if (TypeRange(block.getArgumentTypes()) != TypeRange(expected))
    return emitOpError() << "matmul_c20: the epilogue's arguments must be of "
                            "types "
                         << expected << ", but are of types "
                         << llvm::to_vector(block.getArgumentTypes());

  auto yield = block.empty() ? YieldOp() : dyn_cast<YieldOp>(block.back());
  if (!yield)
    return emitOpError()
           << "matmul_c21: the epilogue must end with sparse24.yield";
  if (yield.getValue().getType() != getOutputElementType())
    return yield.emitOpError()
           << "matmul_c21: must yield the element type of operand 'init', "
           << getOutputElementType() << ", but yields "
           << yield.getValue().getType();

  auto isScalar = [](Type type) { return type.isIntOrIndexOrFloat(); };
  for (Operation &op : block.without_terminator())
    if (!isPure(&op) || op.getNumRegions() != 0 ||
        !llvm::all_of(op.getOperandTypes(), isScalar) ||
        !llvm::all_of(op.getResultTypes(), isScalar))
      return op.emitOpError() << "matmul_c22: only pure scalar operations "
                                 "without regions may stand in an epilogue";
  return success();
}

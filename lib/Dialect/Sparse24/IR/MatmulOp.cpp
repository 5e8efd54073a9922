// sparse24.matmul: builder, assembly and verification.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/IR/Sparse24.h"

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
  return cast<ShapedType>(getInit().getType()).getDimSize(isLhsSparse() ? 0 : 1);
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
  properties.epilogueMaps =
      builder.getAffineMapArrayAttr(options.epilogueMaps);

  if (isa<RankedTensorType>(init.getType()))
    state.addTypes(init.getType());

  Region *epilogue = state.addRegion();
  if (!options.buildEpilogue)
    return;
  SmallVector<Type> types{accumulatorType};
  for (Value operand : options.epilogueOperands)
    types.push_back(elementTypeOf(operand));
  OpBuilder::InsertionGuard guard(builder);
  Block *block = builder.createBlock(
      epilogue, epilogue->end(), types,
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
  return failure(parser.parseLParen() ||
                 parser.parseOperandList(result.operands) ||
                 parser.parseColonTypeList(result.types) ||
                 parser.parseRParen());
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

LogicalResult MatmulOp::verify() { return success(); }

LogicalResult MatmulOp::verifyRegions() { return success(); }

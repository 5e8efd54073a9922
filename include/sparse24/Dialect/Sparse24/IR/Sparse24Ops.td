// Operations of the sparse24 dialect. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPS_TD
#define SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPS_TD

include "mlir/IR/OpBase.td"
include "mlir/Interfaces/ControlFlowInterfaces.td"
include "mlir/Interfaces/DestinationStyleOpInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"
include "sparse24/Dialect/Sparse24/IR/Sparse24Attributes.td"

class Sparse24_Op<string mnemonic, list<Trait> traits = []>
    : Op<Sparse24_Dialect, mnemonic, traits>;

/// Operations that write their result into an operand, as tensors or memrefs.
class Sparse24_DestinationOp<string mnemonic, list<Trait> traits = []>
    : Sparse24_Op<mnemonic, traits # [
        DestinationStyleOpInterface,
        DeclareOpInterfaceMethods<MemoryEffectsOpInterface>,
        DeclareOpInterfaceMethods<ReifyRankedShapedTypeOpInterface, [
          "reifyResultShapes"]>]> {
  let hasVerifier = 1;
}

def Sparse24_Matrix : AnyTypeOf<[TensorRankOf<[AnyType], [2]>,
                                 MemRefRankOf<[AnyType], [2]>],
                                "2-D tensor or memref">;
def Sparse24_Packed : AnyTypeOf<[TensorRankOf<[I8], [1]>,
                                 MemRefRankOf<[I8], [1]>],
                                "1-D tensor or memref of i8">;
def Sparse24_Shaped : AnyTypeOf<[AnyRankedTensor, AnyMemRef],
                                "ranked tensor or memref">;

def Sparse24_PruneOp : Sparse24_DestinationOp<"prune"> {
  let summary = "makes a matrix 2:4 by dropping elements";
  let arguments = (ins Sparse24_CriterionAttr:$criterion,
                       Sparse24_Matrix:$input, Sparse24_Matrix:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $criterion `ins` `(` $input `:` type($input) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasFolder = 0;
  let hasCanonicalizer = 1;
  let builders = [
    OpBuilder<(ins "::mlir::sparse24::Criterion":$criterion, "::mlir::Value":$input,
      "::mlir::Value":$init)>
  ];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Sparse24_CompressOp : Sparse24_DestinationOp<"compress"> {
  let summary = "stores a 2:4 matrix as kept values and metadata";
  let arguments = (ins Sparse24_Matrix:$input,
                       Variadic<Sparse24_Matrix>:$inits);
  let results = (outs Variadic<AnyRankedTensor>:$results);
  let assemblyFormat = [{
    `ins` `(` $input `:` type($input) `)`
    `outs` `(` $inits `:` type($inits) `)` attr-dict (`->` type($results)^)?
  }];
  let hasCanonicalizer = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Value":$input, "::mlir::Value":$values,
      "::mlir::Value":$metadata)>
  ];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitsMutable(); }
  }];
}

def Sparse24_DecompressOp : Sparse24_DestinationOp<"decompress"> {
  let summary = "writes a compressed 2:4 matrix out with its zeros";
  let arguments = (ins Sparse24_Matrix:$values, Sparse24_Matrix:$metadata,
                       Sparse24_Matrix:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    `ins` `(` $values `,` $metadata `:` type($values) `,` type($metadata) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let hasCanonicalizer = 1;
  let builders = [
    OpBuilder<(ins "::mlir::Value":$values, "::mlir::Value":$metadata,
      "::mlir::Value":$init)>
  ];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Sparse24_PackOp : Sparse24_DestinationOp<"pack"> {
  let summary = "arranges values and metadata as an instruction reads them";
  let arguments = (ins Sparse24_LayoutAttr:$layout,
                       Sparse24_Matrix:$values, Sparse24_Matrix:$metadata,
                       Sparse24_Packed:$init);
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let assemblyFormat = [{
    $layout `ins` `(` $values `,` $metadata `:` type($values) `,` type($metadata) `)`
    `outs` `(` $init `:` type($init) `)` attr-dict (`->` type($result)^)?
  }];
  let builders = [
    OpBuilder<(ins "::mlir::sparse24::LayoutAttr":$layout, "::mlir::Value":$values,
      "::mlir::Value":$metadata, "::mlir::Value":$init)>
  ];
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
  }];
}

def Sparse24_WeightOp : Sparse24_Op<"weight", [Pure]> {
  let summary = "a constant that is kept in the weight file";
  let arguments = (ins StrAttr:$name, OptionalAttr<Sparse24_LayoutAttr>:$layout);
  let results = (outs Sparse24_Shaped:$result);
  let assemblyFormat = "$name ($layout^)? attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Sparse24_MatmulOp : Sparse24_DestinationOp<"matmul", [
    AttrSizedOperandSegments, IsolatedFromAbove]> {
  let summary = "the product of a 2:4 sparse and a dense matrix";
  let arguments = (ins
    Sparse24_SideAttr:$side,
    Variadic<Sparse24_Shaped>:$sparse,
    Sparse24_Matrix:$dense,
    Variadic<Sparse24_Shaped>:$epilogueOperands,
    Sparse24_Matrix:$init,
    I64Attr:$k,
    TypeAttr:$accumulatorType,
    UnitAttr:$transposeDense,
    UnitAttr:$accumulate,
    OptionalAttr<Sparse24_LayoutAttr>:$layout,
    OptionalAttr<Sparse24_ScheduleAttr>:$schedule,
    DefaultValuedAttr<AffineMapArrayAttr, "{}">:$epilogueMaps
  );
  let results = (outs Variadic<AnyRankedTensor>:$result);
  let regions = (region MaxSizedRegion<1>:$epilogue);
  let builders = [
    OpBuilder<(ins "::mlir::sparse24::Side":$side,
      "::mlir::ValueRange":$sparse, "::mlir::Value":$dense,
      "::mlir::Value":$init, "int64_t":$k, "::mlir::Type":$accumulatorType,
      "::mlir::sparse24::MatmulOptions":$options)>
  ];
  let hasRegionVerifier = 1;
  let hasCustomAssemblyFormat = 1;
  let extraClassDeclaration = [{
    ::mlir::MutableOperandRange getDpsInitsMutable() { return getInitMutable(); }
    /// Whether the sparse operand is one packed buffer.
    bool isPacked() { return getSparse().size() == 1; }
    ::mlir::Value getPacked() { return isPacked() ? getSparse()[0] : ::mlir::Value(); }
    ::mlir::Value getValues() { return isPacked() ? ::mlir::Value() : getSparse()[0]; }
    ::mlir::Value getMetadata() { return isPacked() ? ::mlir::Value() : getSparse()[1]; }
    bool isLhsSparse() { return getSide() == ::mlir::sparse24::Side::lhs; }
    /// The element type that the instruction multiplies.
    ::mlir::Type getOperandElementType();
    ::mlir::Type getOutputElementType();
    /// The number of rows of the sparse operand, from the output's type.
    int64_t getSparseRows();
    bool hasEpilogue() { return !getEpilogue().empty(); }
    /// The map of the i-th epilogue operand, from (m, n) to its indices.
    ::mlir::AffineMap getEpilogueMap(unsigned i) {
      return ::llvm::cast<::mlir::AffineMapAttr>(getEpilogueMaps()[i]).getValue();
    }
  }];
}

def Sparse24_YieldOp : Sparse24_Op<"yield", [Pure, Terminator, ReturnLike,
    ParentOneOf<["MatmulOp"]>]> {
  let summary = "ends an epilogue";
  let arguments = (ins AnyType:$value);
  let assemblyFormat = "$value attr-dict `:` type($value)";
}

#endif // SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPS_TD

// The sparse24 dialect: attributes and operations.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_IR_SPARSE24_H
#define SPARSE24_DIALECT_SPARSE24_IR_SPARSE24_H

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/Dialect.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/Interfaces/ControlFlowInterfaces.h"
#include "mlir/Interfaces/DestinationStyleOpInterface.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#include "sparse24/Dialect/Sparse24/IR/Sparse24Dialect.h.inc"
#include "sparse24/Dialect/Sparse24/IR/Sparse24Enums.h.inc"

#define GET_ATTRDEF_CLASSES
#include "sparse24/Dialect/Sparse24/IR/Sparse24Attributes.h.inc"

#define GET_OP_CLASSES
#include "sparse24/Dialect/Sparse24/IR/Sparse24Ops.h.inc"

#endif // SPARSE24_DIALECT_SPARSE24_IR_SPARSE24_H

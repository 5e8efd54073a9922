// What all operations of the sparse24 dialect begin with. -*- tablegen -*-
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPBASE_TD
#define SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPBASE_TD

include "mlir/IR/OpBase.td"
include "sparse24/Dialect/Sparse24/IR/Sparse24Attributes.td"

class Sparse24_Op<string mnemonic, list<Trait> traits = []>
    : Op<Sparse24_Dialect, mnemonic, traits>;

#endif // SPARSE24_DIALECT_SPARSE24_IR_SPARSE24OPBASE_TD

// How the operations of the sparse24 dialect bufferize.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_DIALECT_SPARSE24_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define SPARSE24_DIALECT_SPARSE24_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;
namespace sparse24 {

/// Adds the external models of BufferizableOpInterface: One-Shot Bufferize
/// turns each operation into its memref form.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);

} // namespace sparse24
} // namespace mlir

#endif // SPARSE24_DIALECT_SPARSE24_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

// The attribute by which sparse24-detect tells sparse24-sparsify what to do.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Annotation.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace mlir::sparse24;

DictionaryAttr SparsifyAnnotation::toAttribute() const {
  Builder builder(elementType.getContext());
  SmallVector<NamedAttribute> entries = {
      builder.getNamedAttr("side", builder.getStringAttr(stringifySide(side))),
      builder.getNamedAttr("element_type", TypeAttr::get(elementType))};
  if (prune)
    entries.push_back(builder.getNamedAttr(
        "prune", builder.getStringAttr(stringifyCriterion(*prune))));
  return builder.getDictionaryAttr(entries);
}

FailureOr<SparsifyAnnotation> SparsifyAnnotation::get(Operation *op) {
  auto malformed = [&](const Twine &what) {
    return op->emitOpError("attribute '") << attributeName << "' " << what;
  };
  auto dictionary = op->getAttrOfType<DictionaryAttr>(attributeName);
  if (!dictionary)
    return malformed("must be a dictionary");

  SparsifyAnnotation annotation;
  auto side = dictionary.getAs<StringAttr>("side");
  std::optional<Side> sideValue =
      side ? symbolizeSide(side.getValue()) : std::nullopt;
  if (!sideValue)
    return malformed("needs side = \"lhs\" or \"rhs\"");
  annotation.side = *sideValue;

  auto elementType = dictionary.getAs<TypeAttr>("element_type");
  if (!elementType)
    return malformed("needs an element_type");
  annotation.elementType = elementType.getValue();

  if (Attribute prune = dictionary.get("prune")) {
    auto name = dyn_cast<StringAttr>(prune);
    annotation.prune =
        name ? symbolizeCriterion(name.getValue()) : std::nullopt;
    if (!annotation.prune)
      return malformed("has an unknown way to prune, expected one of " +
                       llvm::join(getCriterionNames(), ", "));
  }
  return annotation;
}

// sparse24-fold-constants: compresses and packs constant weights.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Dialect/Sparse24/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Interfaces/FunctionInterfaces.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "sparse24/Dialect/Sparse24/Transforms/ConstantEvaluator.h"
#include "sparse24/Support/WeightFile.h"
#include "llvm/ADT/StringSet.h"

namespace mlir::sparse24 {
#define GEN_PASS_DEF_SPARSE24FOLDCONSTANTSPASS
#include "sparse24/Dialect/Sparse24/Transforms/Passes.h.inc"
} // namespace mlir::sparse24

using namespace mlir;
using namespace mlir::sparse24;
using ::sparse24::WeightFileWriter;

namespace {
/// Replaces constant values of one module, and keeps the weight file.
class Folder {
public:
  Folder(ModuleOp module, StringRef weightsFile, int numThreads)
      : module(module), evaluator(numThreads), builder(module.getContext()) {
    if (!weightsFile.empty())
      writer = std::make_unique<WeightFileWriter>(weightsFile.str());
  }

  LogicalResult run();
  int64_t getNumFolded() const { return numFolded; }

private:
  SmallVector<Value> collectRoots();
  LogicalResult replace(Value value, const HostTensor &tensor);
  LogicalResult writeWeight(StringRef name, LayoutAttr layout,
                            const HostTensor &tensor);
  LogicalResult movePlainConstants();
  void materializeSplat(arith::ConstantOp op);
  std::string makeName(Value value);

  ModuleOp module;
  ConstantEvaluator evaluator;
  OpBuilder builder;
  std::unique_ptr<WeightFileWriter> writer;
  llvm::StringSet<> names;
  int64_t numFolded = 0;
};
} // namespace

/// The evaluable values that something else uses.
SmallVector<Value> Folder::collectRoots() {
  SmallVector<Value> roots;
  module.walk([&](Operation *op) {
    if (!ConstantEvaluator::isEvaluated(op))
      return;
    for (Value result : op->getResults()) {
      bool isUsed = llvm::any_of(result.getUsers(), [&](Operation *user) {
        return user->getNumResults() == 0 ||
               !llvm::all_of(user->getResults(),
                             [&](Value v) { return evaluator.isEvaluable(v); });
      });
      if (isUsed && evaluator.isEvaluable(result))
        roots.push_back(result);
    }
  });
  return roots;
}

/// A name for a result of a compression.
static StringRef getResultName(unsigned number) {
  StringRef names[] = {".values", ".metadata", ".transposed.values",
                       ".transposed.metadata"};
  return names[number];
}

/// A name for the weight file: the function's, and the place's where it has
/// one.
std::string Folder::makeName(Value value) {
  std::string base = "weight";
  Operation *op = value.getDefiningOp();
  if (auto function = op->getParentOfType<FunctionOpInterface>())
    base = function.getName().str();
  if (auto loc = op->getLoc()->findInstanceOf<NameLoc>())
    base += "." + loc.getName().str();
  if (isa<CompressOp>(op))
    base += getResultName(cast<OpResult>(value).getResultNumber());
  std::string name = base;
  for (unsigned i = 0; !names.insert(name).second; ++i)
    name = base + "." + std::to_string(i);
  return name;
}

LogicalResult Folder::writeWeight(StringRef name, LayoutAttr layout,
                                  const HostTensor &tensor) {
  ArrayRef<char> data = tensor.getData();
  if (layout)
    return success(
        writer->addPacked(name.str(), layout.getPackedLayout(), data.data()));
  ArrayRef<int64_t> shape = tensor.getType().getShape();
  int64_t k = shape.empty() ? 1 : shape.back();
  int64_t rows = k ? tensor.getNumElements() / k : 0;
  std::string elementType;
  llvm::raw_string_ostream(elementType) << tensor.getType().getElementType();
  return success(writer->addPlain(name.str(), elementType, rows, k, data.data(),
                                  data.size()));
}

LogicalResult Folder::replace(Value value, const HostTensor &tensor) {
  Operation *op = value.getDefiningOp();
  builder.setInsertionPoint(op);
  std::string name = makeName(value);
  Value replacement;
  if (writer) {
    LayoutAttr layout;
    if (auto pack = dyn_cast<PackOp>(op))
      layout = pack.getLayout();
    if (failed(writeWeight(name, layout, tensor)))
      return op->emitError("can't write the weight file: ") << writer->error();
    replacement = WeightOp::create(builder, op->getLoc(), value.getType(),
                                   builder.getStringAttr(name), layout);
  } else {
    replacement = arith::ConstantOp::create(
        builder, op->getLoc(),
        cast<TypedAttr>(Attribute(makeResource(
            tensor.withType(cast<RankedTensorType>(value.getType())), name))));
  }
  value.replaceAllUsesWith(replacement);
  ++numFolded;
  return success();
}

/// One value throughout needs no memory: it is filled in where it is used.
void Folder::materializeSplat(arith::ConstantOp op) {
  auto splat = cast<SplatElementsAttr>(op.getValue());
  builder.setInsertionPoint(op);
  Location loc = op.getLoc();
  RankedTensorType type = cast<RankedTensorType>(op.getType());
  Value element = arith::ConstantOp::create(
      builder, loc, cast<TypedAttr>(splat.getSplatValue<Attribute>()));
  Value empty = tensor::EmptyOp::create(builder, loc, type.getShape(),
                                        type.getElementType());
  op.replaceAllUsesWith(
      linalg::FillOp::create(builder, loc, element, empty).getResult(0));
}

/// With a weight file, other constants (biases, dense weights) go there too:
/// a kernel can't read what lies in the host's memory.
LogicalResult Folder::movePlainConstants() {
  SmallVector<arith::ConstantOp> constants;
  module.walk([&](arith::ConstantOp op) {
    if (isa<RankedTensorType>(op.getType()) && !op->use_empty())
      constants.push_back(op);
  });
  for (arith::ConstantOp op : constants) {
    auto attribute = dyn_cast<ElementsAttr>(op.getValue());
    if (!attribute)
      continue;
    if (isa<SplatElementsAttr>(attribute))
      materializeSplat(op);
    else if (auto tensor = readConstant(attribute))
      if (failed(replace(op.getResult(), *tensor)))
        return failure();
  }
  return success();
}

/// Erases what became dead: evaluated operations, their destinations and the
/// constants that they read.
static void eraseDead(ModuleOp module) {
  SmallVector<Operation *> candidates;
  module.walk([&](Operation *op) {
    if (isa<arith::ConstantOp, tensor::EmptyOp>(op) ||
        ConstantEvaluator::isEvaluated(op))
      candidates.push_back(op);
  });
  for (Operation *op : llvm::reverse(candidates))
    if (isOpTriviallyDead(op))
      op->erase();
}

LogicalResult Folder::run() {
  for (Value root : collectRoots()) {
    FailureOr<HostTensor> tensor = evaluator.evaluate(root);
    if (failed(tensor) || failed(replace(root, *tensor)))
      return failure();
  }
  eraseDead(module);

  if (!writer)
    return success();
  if (failed(movePlainConstants()))
    return failure();
  eraseDead(module);
  if (!writer->finish())
    return module.emitError("can't write the weight file: ") << writer->error();
  return success();
}

namespace {
struct FoldConstantsPass
    : mlir::sparse24::impl::Sparse24FoldConstantsPassBase<FoldConstantsPass> {
  using Base::Base;

  void runOnOperation() override {
    Folder folder(getOperation(), weightsFile, threads);
    if (failed(folder.run()))
      signalPassFailure();
    numFolded = folder.getNumFolded();
  }
};
} // namespace

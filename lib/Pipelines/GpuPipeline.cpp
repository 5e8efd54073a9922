// The part of the pipeline that makes kernels and their host functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Pipelines/Pipelines.h"

using namespace mlir;
using namespace mlir::sparse24;

void mlir::sparse24::buildGpuPipeline(OpPassManager &manager,
                                      const PipelineOptions &options) {}

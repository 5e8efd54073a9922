//===- Mma.cpp - Matrix products of a warp --------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// mma.sync and mma.sp, dense and 2:4 sparse, with 16-bit, tf32 and 8-bit
// operands. The other types of the manual (f64, 4-bit, 1-bit and the
// block-scaled forms) are unsupported.
//
//===----------------------------------------------------------------------===//

#include "../Fragments.h"
#include "../MatrixProduct.h"
#include "Instructions.h"

#include <algorithm>

using namespace sparse24::emulator;

/// m16n8, and 16 or 32 bytes of A in a row.
static std::optional<MatrixForm> formOf(const Instruction &instruction) {
  std::optional<MatrixForm> form = parseMatrixForm(instruction.opcode, "dabc");
  if (!form || form->m != kWarpRows || form->n != 8)
    return std::nullopt;
  int64_t bytes = form->heldK() * sparse24::storageBytes(form->a);
  if (bytes != 16 && bytes != 32)
    return std::nullopt;
  return form;
}

/// PTX ISA, 9.7.14.5.14: mma. PTX ISA, 9.7.14.6.3: mma.sp.
/// in: A, B, C [, metadata, selector]; out: D
static void multiply(const Instruction &instruction, const Lanes &lanes) {
  std::optional<MatrixForm> form = formOf(instruction);
  if (!form)
    return lanes.first().report(FindingKind::unsupported,
                                "no such shape and types");
  int numA = form->registersA(form->m), numB = form->registersB();
  int numD = form->registersD(form->m), operands = numA + numB + numD;
  uint32_t selector =
      form->isSparse ? lanes.uniform(operands + 1, "the sparsity selector") : 0;
  if (form->isSparse &&
      selector >= static_cast<uint32_t>(numSelectors(form->groups()))) {
    lanes.first().report(FindingKind::invalidOperand,
                         "the sparsity selector is " +
                             std::to_string(selector) + ", but must be below " +
                             std::to_string(numSelectors(form->groups())));
    selector = 0;
  }

  MatrixProduct product(*form, form->m);
  for (int lane = 0; lane < int(kLanes); ++lane) {
    if (!lanes.has(lane))
      continue;
    const uint32_t *in = lanes.in[lane];
    Thread &thread = *lanes.threads[lane];
    checkNotPending(thread, {in, size_t(operands)});
    product.loadA(lane, 0, in);
    product.loadB(lane, in + numA);
    product.loadD(lane, 0, in + numA + numB);
    if (form->isSparse)
      product.loadMetadata(thread, 0, in[operands], selector);
  }
  product.multiply();
  // A warp's product gets less of the tensor cores than a warpgroup's: on an
  // H100, of 16-bit operands in registers, 64 % dense and 50 % sparse.
  double clocks = productClocks(*form, form->m) / (form->isSparse ? 0.5 : 0.64);
  Warp &warp = lanes.first().warp;
  warp.time = warp.cta.timing.math.use(warp.time, clocks);
  for (int lane = 0; lane < int(kLanes); ++lane)
    if (lanes.has(lane))
      product.storeD(lane, 0, lanes.out[lane]);
}

static void executeMma(Thread &thread, const Instruction &instruction,
                       const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, kFullMask, in, out, multiply);
}

void sparse24::emulator::registerMma(Registry &registry) {
  registry.add("mma.sync", executeMma);
  registry.add("mma.sp", executeMma);
  registry.add("mma.sp::ordered_metadata", executeMma);
}

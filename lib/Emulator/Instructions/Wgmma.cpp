//===- Wgmma.cpp - Matrix products of a warpgroup -------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// wgmma is asynchronous. Here a product reads its operands when it is issued,
// but keeps them in use, and its result hidden behind placeholders, until a
// wait covers its group. Opcodes have two parts that PTX doesn't write:
//
//   wgmma.mma_async….adesc         A comes from shared memory by a descriptor
//   wgmma.wait_group….x<count>     the wait takes and returns that many
//                                  accumulator registers
//
//===----------------------------------------------------------------------===//

#include "../Fragments.h"
#include "../MatrixProduct.h"
#include "../SharedMatrix.h"
#include "Instructions.h"

#include <algorithm>

using namespace sparse24;
using namespace sparse24::emulator;

namespace {
constexpr int kRows = 64;
constexpr uint32_t kPieceBytes = 16;

/// Where the operands are among the words of `in`.
struct Operands {
  bool hasDescriptorA;
  int numD, a, b, metadata, selector, scaleD;
  /// Negative where the form has none.
  int scaleA = -1, scaleB = -1, transposeA = -1, transposeB = -1;

  Operands(const MatrixForm &form, bool hasDescriptorA)
      : hasDescriptorA(hasDescriptorA), numD(form.registersD(kWarpRows)),
        a(numD), b(a + (hasDescriptorA ? 2 : form.registersA(kWarpRows))),
        metadata(b + 2), selector(metadata + 1),
        scaleD(form.isSparse ? selector + 1 : metadata) {
    int next = scaleD + 1;
    if (isInteger(form.a))
      return;
    scaleA = next++;
    scaleB = next++;
    // Only 16-bit operands may be MN-major.
    if (storageBytes(form.a) != 2)
      return;
    if (hasDescriptorA)
      transposeA = next++;
    transposeB = next;
  }
};
} // namespace

/// m64nN with 32 bytes of A in a row.
static std::optional<MatrixForm> formOf(const Opcode &opcode) {
  std::optional<MatrixForm> form =
      parseMatrixForm(opcode, opcode.has("adesc") ? "dab." : "dab");
  if (!form || form->m != kRows || form->n % 8 != 0 || form->n < 8 ||
      form->n > 256 || form->heldK() * storageBytes(form->a) != 32)
    return std::nullopt;
  bool isOddN = form->n % 16 != 0 && form->n != 8 && form->n != 24;
  if (isInteger(form->a) && isOddN)
    return std::nullopt;
  return form;
}

//===----------------------------------------------------------------------===//
// Operands in shared memory
//===----------------------------------------------------------------------===//

/// Reads an operand of `outer` rows of A or columns of B, each of `k` elements,
/// and passes each to `set(outer, k, value)`. With `mayBeUnwritten` it may have
/// some that nothing has written.
template <typename Set>
static void readOperand(const WarpgroupLanes &lanes, AsyncProduct &product,
                        uint64_t bits, const char *name, bool mayBeUnwritten,
                        bool isKMajor, ElementType type, uint32_t outer,
                        uint32_t k, Set &&set) {
  Thread &leader = *lanes.threads[0];
  MatrixDescriptor descriptor(bits);
  if (!descriptor.isValid)
    leader.report(FindingKind::invalidOperand,
                  std::string("the descriptor of ") + name +
                      " has bits set that must be zero");
  Cta &cta = leader.cta;
  SharedMemory &shared = cta.shared;
  VectorClock clock = lanes.clock(), visible = lanes.asyncVisible();
  auto size = static_cast<uint32_t>(storageBytes(type));
  uint32_t rows = isKMajor ? outer : k, perPiece = kPieceBytes / size;
  uint32_t pieces = (isKMajor ? k : outer) / perPiece;
  Conflict conflict;
  for (uint32_t row = 0; row < rows; ++row)
    for (uint32_t piece = 0; piece < pieces; ++piece) {
      uint32_t at = descriptor.address(isKMajor, row, piece);
      if (at + kPieceBytes > shared.size())
        return leader.report(FindingKind::outOfBounds,
                             std::string(name) + " reaches to byte " +
                                 std::to_string(at + kPieceBytes) +
                                 " of shared memory of " +
                                 std::to_string(shared.size()) + " bytes");
      Conflict found =
          shared.read(at, kPieceBytes, product.reader, clock, &visible);
      if (!conflict &&
          !(mayBeUnwritten && found.kind == Conflict::uninitialized))
        conflict = found;
      shared.beginRead(at, kPieceBytes);
      product.reads.push_back({&shared, at, kPieceBytes});
      cta.statistics.sharedReadBytes += kPieceBytes;
      for (uint32_t i = 0; i < perPiece; ++i) {
        uint32_t element = 0, along = piece * perPiece + i;
        std::memcpy(&element, shared.bytes(at + i * size), size);
        set(isKMajor ? row : along, isKMajor ? along : row,
            elementValue(type, element));
      }
    }
  leader.check({}, conflict);
}

//===----------------------------------------------------------------------===//
// Operands in registers
//===----------------------------------------------------------------------===//

/// Accumulators as the product sees them: results still hidden are known to it.
/// Others must not have been written since the last fence; what can be known of
/// that is found.
static std::vector<uint32_t> accumulatorsOf(Thread &thread, const uint32_t *in,
                                            int count, bool isUsed) {
  PendingAccumulators &pending = thread.accumulators;
  std::vector<uint32_t> values(in, in + count), written;
  if (!pending.isFenced)
    thread.report(FindingKind::missingFence,
                  "the first wgmma needs a wgmma.fence before it");
  for (uint32_t &value : values)
    if (std::optional<uint32_t> hidden = pending.find(value))
      value = *hidden;
    else
      written.push_back(value);
  if (isUsed && pending.isFenced && !pending.isFencedSinceWait &&
      std::search(pending.settled.begin(), pending.settled.end(),
                  written.begin(), written.end()) == pending.settled.end())
    thread.report(FindingKind::missingFence,
                  "accumulators were written after the last wgmma.wait_group, "
                  "and no wgmma.fence follows");
  pending.supersede({in, size_t(count)});
  return values;
}

/// Takes what registers hold: D, A if there, and metadata.
static void readRegisters(const MatrixForm &form, const Operands &operands,
                          const WarpgroupLanes &lanes, MatrixProduct &product) {
  uint32_t selector =
      form.isSparse ? lanes.uniform(operands.selector, "the sparsity selector")
                    : 0;
  if (form.isSparse &&
      selector >= static_cast<uint32_t>(numSelectors(form.groups())))
    lanes.threads[0]->report(FindingKind::invalidOperand,
                             "the sparsity selector is " +
                                 std::to_string(selector));
  bool isAccumulating = lanes.uniform(operands.scaleD, "scale-d") != 0;
  for (int i = 0; i < int(kWarpgroupThreads); ++i) {
    Thread &thread = *lanes.threads[i];
    int lane = i % int(kLanes), firstRow = kWarpRows * (i / int(kLanes));
    const uint32_t *in = lanes.in[i];
    if (!operands.hasDescriptorA) {
      checkNotPending(thread, {in + operands.a, in + operands.b});
      product.loadA(lane, firstRow, in + operands.a);
    }
    if (form.isSparse)
      product.loadMetadata(thread, firstRow, in[operands.metadata], selector);
    std::vector<uint32_t> values =
        accumulatorsOf(thread, in, operands.numD, isAccumulating);
    if (isAccumulating)
      product.loadD(lane, firstRow, values.data());
  }
}

/// 1 or -1.
static double scaleOf(const WarpgroupLanes &lanes, int word, const char *name) {
  if (word < 0)
    return 1;
  auto scale = static_cast<int32_t>(lanes.uniform(word, name));
  if (scale != 1 && scale != -1)
    lanes.threads[0]->report(FindingKind::invalidOperand,
                             std::string(name) + " must be 1 or -1");
  return scale;
}

/// Takes what is in shared memory: B, and A if there. Scales B by both signs.
static void readShared(const MatrixForm &form, const Operands &operands,
                       const WarpgroupLanes &lanes, MatrixProduct &product,
                       AsyncProduct &async) {
  auto descriptorAt = [&](int word, const char *name) {
    return lanes.uniform(word, name) | uint64_t(lanes.uniform(word + 1, name))
                                           << 32;
  };
  auto isKMajor = [&](int word, const char *name) {
    return word < 0 || lanes.uniform(word, name) == 0;
  };
  double scale = scaleOf(lanes, operands.scaleA, "imm-scale-a") *
                 scaleOf(lanes, operands.scaleB, "imm-scale-b");
  // Columns of B beyond a matrix needn't be there: they give columns of D that
  // nobody stores, or else a wrong result, as the memory looks like nothing
  // sensible.
  readOperand(
      lanes, async, descriptorAt(operands.b, "the descriptor of B"), "B",
      /*mayBeUnwritten=*/true, isKMajor(operands.transposeB, "imm-trans-b"),
      form.b, form.n, form.k,
      [&](int n, int k, double value) { product.b(k, n) = scale * value; });
  if (operands.hasDescriptorA)
    readOperand(lanes, async, descriptorAt(operands.a, "the descriptor of A"),
                "A", /*mayBeUnwritten=*/false,
                isKMajor(operands.transposeA, "imm-trans-a"), form.a, form.m,
                form.heldK(),
                [&](int m, int k, double value) { product.a(m, k) = value; });
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

/// When the product will be done, in the timing model.
static double endTime(const MatrixForm &form, const WarpgroupLanes &lanes) {
  double start = 0;
  for (const Thread *thread : lanes.threads)
    start = std::max(start, thread->time);
  return lanes.threads[0]->cta.timing.math.use(start,
                                               productClocks(form, kRows));
}

/// PTX ISA, 9.7.15.5.2: wgmma.mma_async; 9.7.15.6: wgmma.mma_async.sp.
/// in: D, A (registers or descriptor), descriptor of B [, metadata, selector],
/// scale-d [, scale-a, scale-b [, trans-a][, trans-b]]; out: D
static void multiply(const Instruction &instruction,
                     const WarpgroupLanes &lanes) {
  std::optional<MatrixForm> form = formOf(instruction.opcode);
  if (!form)
    return lanes.threads[0]->report(FindingKind::unsupported,
                                    "no such shape and types");
  Operands operands(*form, instruction.opcode.has("adesc"));
  MatrixProduct product(*form, kRows);
  auto async = std::make_shared<AsyncProduct>();
  async->instruction = &instruction;
  // The last thread's engine stands for the warpgroup: the first one's is more
  // likely to do copies, too.
  Thread &last = *lanes.threads[kWarpgroupThreads - 1];
  async->reader = {last.asyncAgent(), last.nextAsyncStep()};

  readShared(*form, operands, lanes, product, *async);
  readRegisters(*form, operands, lanes, product);
  product.multiply();
  async->endTime = endTime(*form, lanes);
  std::vector<uint32_t> results(operands.numD);
  for (int i = 0; i < int(kWarpgroupThreads); ++i) {
    product.storeD(i % int(kLanes), kWarpRows * (i / int(kLanes)),
                   results.data());
    lanes.threads[i]->accumulators.add(async, results, lanes.out[i]);
  }
}

static void executeMultiply(Thread &thread, const Instruction &instruction,
                            const uint32_t *in, uint32_t *out) {
  if (!Warpgroup::together(thread, instruction, in, out, multiply))
    thread.report(FindingKind::divergence,
                  "it needs four whole warps, the first a multiple of four");
}

/// PTX ISA, 9.7.15.7.1: wgmma.fence.
static void fence(const Instruction &, const Lanes &lanes) {
  for (Thread *thread : lanes.threads)
    if (thread)
      thread->accumulators.isFenced = thread->accumulators.isFencedSinceWait =
          true;
}

/// PTX ISA, 9.7.15.7.2: wgmma.commit_group.
static void commit(const Instruction &, const Lanes &lanes) {
  for (Thread *thread : lanes.threads)
    if (thread)
      thread->accumulators.commit();
}

/// PTX ISA, 9.7.15.7.3: wgmma.wait_group.
/// in: the number of groups that may stay in flight, accumulators; out: these
static void wait(const Instruction &instruction, const Lanes &lanes) {
  uint32_t inFlight = lanes.uniform(0, "the number of groups");
  int count = instruction.opcode.number("x", 0);
  for (uint32_t lane = 0; lane < kLanes; ++lane) {
    if (!lanes.has(lane))
      continue;
    Thread &thread = *lanes.threads[lane];
    thread.accumulators.wait(thread, inFlight);
    for (int i = 0; i < count; ++i)
      lanes.out[lane][i] = thread.accumulators.settle(lanes.in[lane][1 + i]);
  }
}

/// These are for whole warps; the warps of a warpgroup needn't meet.
template <Collective collective>
static void executeTogether(Thread &thread, const Instruction &instruction,
                            const uint32_t *in, uint32_t *out) {
  thread.warp.together(thread, instruction, kFullMask, in, out, collective);
}

void sparse24::emulator::registerWgmma(Registry &registry) {
  registry.add("wgmma.mma_async", executeMultiply);
  registry.add("wgmma.fence", executeTogether<fence>);
  registry.add("wgmma.commit_group", executeTogether<commit>);
  registry.add("wgmma.wait_group", executeTogether<wait>);
}

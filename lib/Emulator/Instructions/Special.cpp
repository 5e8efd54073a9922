//===- Special.cpp - Special registers and control ------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Instructions.h"

#include <chrono>

using namespace sparse24::emulator;

//===----------------------------------------------------------------------===//
// Special registers
//===----------------------------------------------------------------------===//

namespace {
struct SpecialRegister {
  const char *name;
  uint64_t (*value)(Thread &thread);
};
} // namespace

static Cluster &cluster(Thread &thread) { return thread.cta.cluster; }
static const Launch &launch(Thread &thread) {
  return cluster(thread).run.launch;
}
static Dim3 clusterPosition(Thread &thread) {
  Dim3 block = thread.cta.position, size = launch(thread).cluster;
  return {block.x / size.x, block.y / size.y, block.z / size.z};
}
static Dim3 ctaInCluster(Thread &thread) {
  Dim3 block = thread.cta.position, size = launch(thread).cluster;
  return {block.x % size.x, block.y % size.y, block.z % size.z};
}
static Dim3 numClusters(Thread &thread) {
  Dim3 grid = launch(thread).grid, size = launch(thread).cluster;
  return {grid.x / size.x, grid.y / size.y, grid.z / size.z};
}

/// A register of three components.
#define SPARSE24_COMPONENTS(name, dim3)                                        \
  {name ".x", [](Thread &t) -> uint64_t { return (dim3).x; }},                 \
      {name ".y", [](Thread &t) -> uint64_t { return (dim3).y; }}, {           \
    name ".z", [](Thread &t) -> uint64_t { return (dim3).z; }                  \
  }

/// PTX ISA, 10: Special Registers.
static constexpr SpecialRegister kRegisters[] = {
    SPARSE24_COMPONENTS("%tid", t.position()),
    SPARSE24_COMPONENTS("%ntid", launch(t).block),
    SPARSE24_COMPONENTS("%ctaid", t.cta.position),
    SPARSE24_COMPONENTS("%nctaid", launch(t).grid),
    SPARSE24_COMPONENTS("%clusterid", clusterPosition(t)),
    SPARSE24_COMPONENTS("%nclusterid", numClusters(t)),
    SPARSE24_COMPONENTS("%cluster_ctaid", ctaInCluster(t)),
    SPARSE24_COMPONENTS("%cluster_nctaid", launch(t).cluster),
    {"%cluster_ctarank", [](Thread &t) -> uint64_t { return t.cta.rank; }},
    {"%cluster_nctarank",
     [](Thread &t) -> uint64_t { return launch(t).cluster.count(); }},
    {"%is_explicit_cluster",
     [](Thread &t) -> uint64_t { return launch(t).cluster.count() > 1; }},
    {"%laneid", [](Thread &t) -> uint64_t { return t.lane; }},
    {"%warpid", [](Thread &t) -> uint64_t { return t.warp.index; }},
    {"%nwarpid", [](Thread &t) -> uint64_t { return t.cta.warps.size(); }},
    {"%lanemask_eq", [](Thread &t) -> uint64_t { return 1u << t.lane; }},
    {"%lanemask_lt", [](Thread &t) -> uint64_t { return (1u << t.lane) - 1; }},
    {"%lanemask_le",
     [](Thread &t) -> uint64_t { return kFullMask >> (31 - t.lane); }},
    {"%lanemask_gt",
     [](Thread &t) -> uint64_t { return ~(kFullMask >> (31 - t.lane)); }},
    {"%lanemask_ge", [](Thread &t) -> uint64_t { return kFullMask << t.lane; }},
    {"%smid", [](Thread &) -> uint64_t { return 0; }},
    {"%nsmid", [](Thread &) -> uint64_t { return 1; }},
    {"%gridid", [](Thread &) -> uint64_t { return 1; }},
    {"%clock", [](Thread &t) { return static_cast<uint64_t>(t.time); }},
    {"%clock64", [](Thread &t) { return static_cast<uint64_t>(t.time); }},
    {"%globaltimer",
     [](Thread &) -> uint64_t {
       auto now = std::chrono::system_clock::now().time_since_epoch();
       return std::chrono::nanoseconds(now).count();
     }},
    {"%dynamic_smem_size",
     [](Thread &t) -> uint64_t { return launch(t).dynamicSharedBytes; }},
    {"%total_smem_size",
     [](Thread &t) -> uint64_t { return t.cta.shared.size(); }},
};
#undef SPARSE24_COMPONENTS

/// PTX ISA, 9.7.9.3: mov, of a special register ("mov.u32.%tid.x").
/// out: its value, in two words if 64 bits wide.
static void mov(Thread &thread, const Instruction &instruction,
                const uint32_t *, uint32_t *out) {
  std::string_view text = instruction.opcode.text();
  std::string_view name = text.substr(std::min(text.find('%'), text.size()));
  for (const SpecialRegister &known : kRegisters) {
    if (name != known.name)
      continue;
    uint64_t value = known.value(thread);
    out[0] = static_cast<uint32_t>(value);
    if (instruction.opcode.parts()[1].ends_with("64"))
      setWide(out, value);
    return;
  }
  thread.report(FindingKind::unsupported,
                "the emulator doesn't know this register");
}

//===----------------------------------------------------------------------===//
// Addresses
//===----------------------------------------------------------------------===//

static constexpr uint64_t kRankMask = ~uint64_t(0) << kRankShift;

/// PTX ISA, 9.7.9.23: mapa. The same place in another CTA of the cluster.
/// in: address(2), rank. out: address(2).
static void mapa(Thread &thread, const Instruction &, const uint32_t *in,
                 uint32_t *out) {
  uint64_t address = wide(in);
  uint32_t rank = in[2];
  setWide(out, address);
  if (rank >= cluster(thread).ctas.size())
    return thread.report(FindingKind::invalidOperand,
                         "the cluster has no CTA " + std::to_string(rank));
  uint64_t generic = address & kGenericShared;
  setWide(out, generic | (address & ~kGenericShared & ~kRankMask) |
                   uint64_t(rank + 1) << kRankShift);
}

/// PTX ISA, 9.7.9.24: getctarank. The CTA that an address belongs to.
/// in: address(2). out: rank.
static void getctarank(Thread &thread, const Instruction &, const uint32_t *in,
                       uint32_t *out) {
  auto rank = static_cast<uint32_t>((wide(in) & ~kGenericShared) >> kRankShift);
  out[0] = rank ? rank - 1 : thread.cta.rank;
}

/// PTX ISA, 9.7.9.19: isspacep.
/// in: generic address(2). out: predicate.
static void isspacep(Thread &thread, const Instruction &instruction,
                     const uint32_t *in, uint32_t *out) {
  bool isShared = wide(in) & kGenericShared;
  if (spaceOf(instruction.opcode) != Space::shared) {
    out[0] = !isShared && instruction.opcode.has("global");
    return;
  }
  uint32_t rank;
  getctarank(thread, instruction, in, &rank);
  out[0] = isShared && (rank == thread.cta.rank ||
                        instruction.opcode.has("shared::cluster"));
}

/// PTX ISA, 9.7.9.20: cvta.
/// in: address(2). out: address(2).
static void cvta(Thread &, const Instruction &instruction, const uint32_t *in,
                 uint32_t *out) {
  uint64_t address = wide(in);
  if (spaceOf(instruction.opcode) == Space::shared)
    address = instruction.opcode.has("to") ? address & ~kGenericShared
                                           : address | kGenericShared;
  setWide(out, address);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

/// Registers of an SM.
static constexpr uint32_t kRegisterFile = 65536;

static void setRegisters(const Instruction &, const Lanes &lanes) {
  Thread &thread = lanes.first();
  thread.warp.registers = lanes.uniform(0, "the number of registers");
  uint32_t sum = 0;
  for (auto &warp : thread.cta.warps) {
    // What it was launched with isn't known.
    if (!warp->registers)
      return;
    sum += kLanes * warp->registers;
  }
  if (sum > kRegisterFile)
    thread.report(FindingKind::deadlock,
                  "the CTA's warps want " + std::to_string(sum) + " of " +
                      std::to_string(kRegisterFile) + " registers");
}

/// PTX ISA, 9.7.19.5: setmaxnreg. A warp that wants more waits until others
/// have given up theirs. in: number of registers.
static void setmaxnreg(Thread &thread, const Instruction &instruction,
                       const uint32_t *in, uint32_t *out) {
  if (in[0] % 8 || in[0] < 24 || in[0] > 256)
    thread.report(FindingKind::invalidOperand,
                  std::to_string(in[0]) +
                      " registers aren't a multiple of 8 from 24 to 256");
  thread.warp.together(thread, instruction, kFullMask, in, out, setRegisters);
}

/// PTX ISA, 9.7.19.2: nanosleep. Others run.
static void nanosleep(Thread &thread, const Instruction &, const uint32_t *,
                      uint32_t *) {
  thread.pause([] { return false; },
               [] { return std::string("sleeps again and again"); });
}

/// PTX ISA, 9.7.19.4: trap.
static void trap(Thread &thread, const Instruction &, const uint32_t *,
                 uint32_t *) {
  thread.report(FindingKind::trap, "the kernel gives up");
  thread.end();
}

/// PTX ISA, 9.7.12.7: exit.
static void exitThread(Thread &thread, const Instruction &, const uint32_t *,
                       uint32_t *) {
  thread.end();
}

/// Hints to caches and launches, which change no value.
static void ignore(Thread &, const Instruction &, const uint32_t *,
                   uint32_t *) {}

/// PTX ISA, 9.7.9.18: createpolicy. Any value does: policies are ignored.
/// out: policy(2).
static void createpolicy(Thread &, const Instruction &, const uint32_t *,
                         uint32_t *out) {
  setWide(out, 0);
}

void sparse24::emulator::registerSpecial(Registry &registry) {
  registry.add("mov", mov);
  registry.add("mapa", mapa);
  registry.add("getctarank", getctarank);
  registry.add("isspacep", isspacep);
  registry.add("cvta", cvta);
  registry.add("setmaxnreg", setmaxnreg);
  registry.add("nanosleep", nanosleep);
  registry.add("trap", trap);
  registry.add("brkpt", trap);
  registry.add("exit", exitThread);
  registry.add("createpolicy", createpolicy);
  for (const char *name : {"prefetch", "prefetchu", "applypriority", "discard",
                           "griddepcontrol", "pmevent"})
    registry.add(name, ignore);
}

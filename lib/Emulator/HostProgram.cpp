//===- HostProgram.cpp - What compiled code and emulator share ------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Emulator/HostProgram.h"

#include "sparse24/Support/WeightFile.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

using namespace sparse24;
using namespace sparse24::emulator;

static thread_local HostProgram *current = nullptr;

Program sparse24::emulator::makeProgram(const CompiledKernel &kernel,
                                        void **arguments) {
  Program program;
  for (int32_t site = 0; site < kernel.numSites; ++site)
    program.sites.push_back(
        {kernel.siteText + kernel.siteOffsets[2 * site],
         kernel.siteText + kernel.siteOffsets[2 * site + 1]});
  program.kernel = [entry = kernel.entry, arguments] { entry(arguments); };
  program.staticSharedBytes = static_cast<uint32_t>(kernel.staticSharedBytes);
  return program;
}

HostProgram::~HostProgram() {
  // Those that the program didn't free.
  for (void *begin : owned)
    std::free(begin);
}

HostProgram::Scope::Scope(HostProgram &program) : outer(current) {
  current = &program;
}

HostProgram::Scope::~Scope() { current = outer; }

void HostProgram::add(std::string name, void *begin, uint64_t bytes) {
  for (const Allocation &known : allocations)
    if (known.begin == begin && known.bytes == bytes)
      return;
  allocations.push_back({std::move(name), begin, bytes});
}

void *HostProgram::allocate(uint64_t bytes, uint64_t alignment) {
  alignment = std::max<uint64_t>(alignment, 16);
  uint64_t padded = (bytes + alignment) / alignment * alignment;
  void *begin = std::aligned_alloc(alignment, padded);
  std::memset(begin, 0xFF, padded);
  allocations.push_back({"allocation", begin, bytes});
  owned.insert(begin);
  return begin;
}

void HostProgram::free(void *begin) {
  std::erase_if(allocations, [&](const Allocation &allocation) {
    return allocation.begin == begin;
  });
  if (owned.erase(begin))
    std::free(begin);
}

void HostProgram::fill(void *begin, int32_t value, uint64_t count) {
  if (count == 0)
    return;
  auto address = reinterpret_cast<uintptr_t>(begin);
  bool isKnown = std::any_of(
      allocations.begin(), allocations.end(), [&](const Allocation &known) {
        uint64_t offset = address - reinterpret_cast<uintptr_t>(known.begin);
        return offset <= known.bytes &&
               count <= (known.bytes - offset) / sizeof(value);
      });
  std::string what =
      "the program fills " + std::to_string(count) + " words of memory ";
  if (!isKnown)
    return report(FindingKind::outOfBounds, what + "that it doesn't have");
  if (address % sizeof(value) != 0)
    return report(FindingKind::misaligned,
                  what + "that don't begin at a multiple of 4");
  std::fill_n(static_cast<int32_t *>(begin), count, value);
}

void *HostProgram::weight(const char *name, uint64_t bytes,
                          uint64_t layoutHash) {
  const WeightEntry *entry = weights ? weights->find(name) : nullptr;
  if (entry && entry->bytes == bytes && entry->layoutHash == layoutHash) {
    auto *payload = const_cast<void *>(weights->data(*entry));
    add(name, payload, bytes);
    return payload;
  }
  std::string what = !weights ? "there is no weight file"
                     : !entry ? "the weight file has no such entry"
                              : "the weight file's has another layout";
  report(FindingKind::invalidOperand,
         std::string("the program reads the weight '") + name + "', but " +
             what);
  return allocate(bytes, kWeightAlignment);
}

void HostProgram::encodeTensorMap(TensorMap *map, TensorMapType type,
                                  uint32_t rank, const void *memref,
                                  const int64_t *box, TensorMapSwizzle swizzle,
                                  TensorMapFill fill) {
  TensorMapParameters tensor;
  const char *wrong = tensor.set(type, rank, memref, box);
  *map = TensorMap();
  if (!wrong && !tensor.isEmpty())
    wrong = emulator::encodeTensorMap(map, tensor, swizzle, fill);
  if (wrong)
    report(FindingKind::invalidOperand,
           std::string("the program makes a malformed tensor map: ") + wrong);
}

void HostProgram::report(FindingKind kind, std::string message) {
  total.findings.push_back(
      {kind, std::move(message), {"host", "unknown"}, {0, 0, 0}, {0, 0, 0}});
}

void HostProgram::launch(const CompiledKernel &kernel, Dim3 grid, Dim3 block,
                         Dim3 cluster, uint32_t dynamicSharedBytes,
                         void **arguments) {
  ++launches;
  if (!total.findings.empty() || grid.count() * block.count() == 0)
    return;
  if (cluster.count() <= 1 && kernel.cluster[0] > 0)
    cluster = {static_cast<uint32_t>(kernel.cluster[0]),
               static_cast<uint32_t>(kernel.cluster[1]),
               static_cast<uint32_t>(kernel.cluster[2])};
  Launch what;
  what.grid = grid;
  what.block = block;
  what.cluster = cluster;
  what.dynamicSharedBytes = dynamicSharedBytes;
  what.global = allocations;
  what.threads = threads;
  what.seed = seed;
  Report report;
  try {
    report = run(makeProgram(kernel, arguments), what);
  } catch (const std::invalid_argument &error) {
    return this->report(FindingKind::invalidOperand,
                        std::string("the launch of '") + kernel.name +
                            "' is malformed: " + error.what());
  }
  total.findings.insert(total.findings.end(), report.findings.begin(),
                        report.findings.end());
  total.statistics.add(report.statistics);
}

static Dim3 makeDim3(int64_t x, int64_t y, int64_t z) {
  auto size = [](int64_t extent) {
    return static_cast<uint32_t>(std::max<int64_t>(extent, 0));
  };
  return {size(x), size(y), size(z)};
}

void sparse24EmulatorLaunch(const CompiledKernel *kernel, int64_t gridX,
                            int64_t gridY, int64_t gridZ, int64_t blockX,
                            int64_t blockY, int64_t blockZ, int64_t clusterX,
                            int64_t clusterY, int64_t clusterZ,
                            int32_t dynamicSharedBytes, void **arguments) {
  current->launch(*kernel, makeDim3(gridX, gridY, gridZ),
                  makeDim3(blockX, blockY, blockZ),
                  makeDim3(clusterX, clusterY, clusterZ),
                  static_cast<uint32_t>(dynamicSharedBytes), arguments);
}

void *sparse24EmulatorAllocate(int64_t bytes, int64_t alignment) {
  return current->allocate(static_cast<uint64_t>(bytes),
                           static_cast<uint64_t>(alignment));
}

void sparse24EmulatorFree(void *begin) { current->free(begin); }

void sparse24EmulatorMemset32(void *begin, int32_t value, int64_t count) {
  current->fill(begin, value, static_cast<uint64_t>(count));
}

void sparse24EmulatorConstant(void *begin, int64_t bytes) {
  current->add("constant", begin, static_cast<uint64_t>(bytes));
}

void *sparse24EmulatorWeight(const char *name, int64_t bytes,
                             uint64_t layoutHash) {
  return current->weight(name, static_cast<uint64_t>(bytes), layoutHash);
}

void sparse24EmulatorEncodeTensorMap(void *map, int32_t type, int32_t rank,
                                     const void *memref, const int64_t *box,
                                     int32_t swizzle, int32_t, int32_t fill) {
  current->encodeTensorMap(
      static_cast<TensorMap *>(map), static_cast<TensorMapType>(type),
      static_cast<uint32_t>(rank), memref, box,
      static_cast<TensorMapSwizzle>(swizzle), static_cast<TensorMapFill>(fill));
}

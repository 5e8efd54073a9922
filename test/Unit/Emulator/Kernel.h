// Kernels for tests of the emulator, written by hand:
//
//   Kernel kernel;
//   auto store = kernel.op("st.shared.b32");
//   auto load = kernel.op("ld.shared.b32", /*numOut=*/1);
//   Report report = kernel.run({.block = {32}}, [&] {
//     store(address, 7u);
//     uint32_t seven = load(address);
//   });
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TEST_UNIT_EMULATOR_KERNEL_H
#define SPARSE24_TEST_UNIT_EMULATOR_KERNEL_H

#include "sparse24/Emulator/Emulator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cassert>
#include <cstring>
#include <span>
#include <vector>

namespace sparse24::emulator::test {

/// Registers, on the stack: threads that deadlock are never unwound.
class Words {
public:
  using value_type = uint32_t;
  using const_iterator = const uint32_t *;

  Words() = default;
  explicit Words(uint32_t size) : count(size) { assert(size <= kCapacity); }

  uint32_t size() const { return count; }
  uint32_t *data() { return words; }
  const uint32_t *data() const { return words; }
  uint32_t *begin() { return words; }
  uint32_t *end() { return words + count; }
  const uint32_t *begin() const { return words; }
  const uint32_t *end() const { return words + count; }
  uint32_t &operator[](uint32_t i) { return words[i]; }
  uint32_t operator[](uint32_t i) const { return words[i]; }
  uint64_t wide(uint32_t i = 0) const {
    return words[i] | uint64_t(words[i + 1]) << 32;
  }
  operator uint32_t() const { return words[0]; }

  /// One register after another: a 64-bit one takes two words.
  void add(uint32_t word) {
    assert(count < kCapacity);
    words[count++] = word;
  }
  void add(int32_t word) { add(static_cast<uint32_t>(word)); }
  void add(float value) { add(std::bit_cast<uint32_t>(value)); }
  void add(uint64_t value) {
    add(static_cast<uint32_t>(value));
    add(static_cast<uint32_t>(value >> 32));
  }
  template <typename T>
  void add(T *pointer) {
    add(reinterpret_cast<uint64_t>(pointer));
  }
  void add(std::span<const uint32_t> more) {
    for (uint32_t word : more)
      add(word);
  }
  void add(const Words &more) { add(std::span(more.begin(), more.end())); }

private:
  static constexpr uint32_t kCapacity = 384;
  uint32_t words[kCapacity];
  uint32_t count = 0;
};

/// An instruction of a kernel. Operands are given as the kernel's IR would:
/// `uint64_t` and pointers are 64-bit registers, the others 32-bit ones.
class Op {
public:
  Op(uint32_t site, uint32_t numOut) : site(site), numOut(numOut) {}

  template <typename... Operands>
  Words operator()(const Operands &...operands) const {
    Words in, out(numOut);
    (in.add(operands), ...);
    std::memset(out.data(), 0, numOut * sizeof(uint32_t));
    sparse24EmulatorExecute(site, in.data(), out.data());
    return out;
  }

private:
  uint32_t site, numOut;
};

/// Collects a kernel's instructions, and runs it. An instruction's location is
/// "op:" and its number, in the order of the calls of `op`.
class Kernel {
public:
  Op op(std::string opcode, uint32_t numOut = 0) {
    auto site = static_cast<uint32_t>(program.sites.size());
    program.sites.push_back({std::move(opcode), "op:" + std::to_string(site)});
    return {site, numOut};
  }

  /// The linear index of the thread in a one-dimensional CTA.
  uint32_t tid() const { return threadIndex(); }
  uint32_t ctaid() const { return blockIndex(); }

  Report run(const Launch &launch, std::function<void()> function) {
    program.kernel = std::move(function);
    return emulator::run(program, launch);
  }

private:
  Program program;
  Op threadIndex = op("mov.u32.%tid.x", 1);
  Op blockIndex = op("mov.u32.%ctaid.x", 1);
};

/// A launch of one CTA.
inline Launch oneCta(uint32_t threads, uint32_t sharedBytes = 1024) {
  Launch launch;
  launch.block = {threads, 1, 1};
  launch.dynamicSharedBytes = sharedBytes;
  return launch;
}

/// Memory of a launch, by the name of its argument.
template <typename T>
Allocation allocation(std::vector<T> &data, std::string name = "argument") {
  return {std::move(name), data.data(), data.size() * sizeof(T)};
}

/// The kinds of findings, in the order in which they were found.
inline std::vector<FindingKind> kinds(const Report &report) {
  std::vector<FindingKind> result;
  for (const Finding &finding : report.findings)
    result.push_back(finding.kind);
  return result;
}

/// All findings, to say what is wrong where a test expects none.
inline std::string describe(const Report &report) {
  std::string result;
  for (const Finding &finding : report.findings)
    result += std::string(text(finding.kind)) + ": " + finding.message +
              " at " + finding.site.opcode + " (" + finding.site.location +
              "), thread " + std::to_string(finding.thread.x) + "\n";
  return result;
}

} // namespace sparse24::emulator::test

#endif // SPARSE24_TEST_UNIT_EMULATOR_KERNEL_H

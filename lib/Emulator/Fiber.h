//===- Fiber.h - A function on a stack of its own ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_FIBER_H
#define SPARSE24_LIB_EMULATOR_FIBER_H

#include <csetjmp>
#include <functional>
#include <memory>
#include <ucontext.h>

namespace sparse24::emulator {

/// Runs a function in pieces: `resume` runs it until it calls `suspend` or
/// ends. It begins by POSIX' ucontext, and jumps from then on: ucontext asks
/// the kernel for the mask of signals at each switch.
class Fiber {
public:
  Fiber() = default;
  Fiber(const Fiber &) = delete;
  Fiber &operator=(const Fiber &) = delete;

  void start(std::function<void()> function);
  void resume();
  /// From within the function.
  void suspend();
  bool isOver() const { return over; }

private:
  static constexpr size_t kStackBytes = 128 << 10;
  static void enter(unsigned high, unsigned low);

  std::function<void()> function;
  std::unique_ptr<char[]> stack;
  ucontext_t context{};
  jmp_buf own, caller;
  bool isStarted = false, over = false;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_FIBER_H

//===- Fiber.h - A function on a stack of its own ---------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_EMULATOR_FIBER_H
#define SPARSE24_LIB_EMULATOR_FIBER_H

#include <functional>
#include <memory>
#include <ucontext.h>

namespace sparse24::emulator {

/// Runs a function in pieces: `resume` runs it until it calls `suspend` or
/// ends. By POSIX' ucontext, which needs nothing beyond libc.
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
  ucontext_t own{}, caller{};
  bool over = false;
};

} // namespace sparse24::emulator

#endif // SPARSE24_LIB_EMULATOR_FIBER_H

//===- Fiber.cpp - A function on a stack of its own -----------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

// Its checks take a jump to another stack for an error.
#undef _FORTIFY_SOURCE

#include "Fiber.h"

using namespace sparse24::emulator;

void Fiber::enter(unsigned high, unsigned low) {
  // makecontext passes ints only.
  auto *fiber = reinterpret_cast<Fiber *>(uintptr_t(high) << 32 | low);
  fiber->function();
  fiber->over = true;
  fiber->suspend();
}

void Fiber::start(std::function<void()> what) {
  function = std::move(what);
  stack = std::make_unique_for_overwrite<char[]>(kStackBytes);
  getcontext(&context);
  context.uc_stack.ss_sp = stack.get();
  context.uc_stack.ss_size = kStackBytes;
  auto self = reinterpret_cast<uintptr_t>(this);
  makecontext(&context, reinterpret_cast<void (*)()>(enter), 2,
              static_cast<unsigned>(self >> 32), static_cast<unsigned>(self));
}

void Fiber::resume() {
  if (_setjmp(caller))
    return;
  if (isStarted)
    _longjmp(own, 1);
  isStarted = true;
  setcontext(&context);
}

void Fiber::suspend() {
  if (!_setjmp(own))
    _longjmp(caller, 1);
}

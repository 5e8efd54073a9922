//===- Threads.h - Work on several threads ----------------------*- C++ -*-===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#ifndef SPARSE24_LIB_SUPPORT_THREADS_H
#define SPARSE24_LIB_SUPPORT_THREADS_H

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace sparse24::detail {

/// What `numThreads` of the public functions means: 0 is one for each core.
inline int64_t getNumThreads(int numThreads) {
  return numThreads > 0
             ? numThreads
             : std::max<int64_t>(1, std::thread::hardware_concurrency());
}

/// Calls run(thread) for all threads, the calling one among them, and waits.
template <typename Run>
void runOnThreads(int64_t threads, const Run &run) {
  std::vector<std::thread> workers;
  for (int64_t thread = 1; thread < threads; ++thread)
    workers.emplace_back(run, thread);
  run(0);
  for (std::thread &worker : workers)
    worker.join();
}

} // namespace sparse24::detail

#endif // SPARSE24_LIB_SUPPORT_THREADS_H

// What programs that run compiled functions on a FakeCuda begin with.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#ifndef SPARSE24_TEST_FAKECUDA_PROGRAM_H
#define SPARSE24_TEST_FAKECUDA_PROGRAM_H

#include "FakeCuda.h"
#include "sparse24/Runtime/Runtime.h"

#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>

/// A tensor as compiled functions take it.
template <int rank>
struct MemRef {
  void *allocated, *aligned;
  int64_t offset, sizes[rank], strides[rank];
};

#define EXPECT(condition)                                                      \
  do {                                                                         \
    if (!(condition)) {                                                        \
      std::fprintf(stderr, "line %d: %s is false; last error: %s\n", __LINE__, \
                   #condition, sparse24LastError());                           \
      std::exit(1);                                                            \
    }                                                                          \
  } while (0)

/// The state of the driver that SPARSE24_LIBCUDA names.
inline FakeCuda &openFakeCuda() {
  void *library = dlopen(std::getenv("SPARSE24_LIBCUDA"), RTLD_NOW);
  EXPECT(library);
  return *reinterpret_cast<FakeCuda *(*)()>(dlsym(library, "fakeCudaState"))();
}

#endif // SPARSE24_TEST_FAKECUDA_PROGRAM_H

// Statuses with a thread's detail text.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Status.h"

#include <utility>

namespace {
std::string &lastError() {
  thread_local std::string text;
  return text;
}
} // namespace

Sparse24Status sparse24::runtime::fail(Sparse24Status status,
                                       std::string detail) {
  lastError() = std::move(detail);
  return status;
}

const char *sparse24LastError(void) { return lastError().c_str(); }

const char *sparse24StatusString(int32_t status) {
  switch (status) {
  case SPARSE24_SUCCESS:
    return "success";
  case SPARSE24_INVALID_ARGUMENT:
    return "invalid argument";
  case SPARSE24_DRIVER_NOT_FOUND:
    return "no CUDA driver found";
  case SPARSE24_NO_DEVICE:
    return "no CUDA device found";
  case SPARSE24_DRIVER_ERROR:
    return "a CUDA driver call failed";
  case SPARSE24_UNSUPPORTED_DEVICE:
    return "the device or its driver can't run the kernels";
  case SPARSE24_KERNEL_NOT_FOUND:
    return "kernel not found in the module";
  case SPARSE24_WEIGHT_FILE_ERROR:
    return "the weight file can't be read";
  case SPARSE24_WEIGHT_NOT_FOUND:
    return "weight not found in the weight file";
  case SPARSE24_WEIGHT_MISMATCH:
    return "a weight isn't what the kernels were compiled for";
  case SPARSE24_OUT_OF_MEMORY:
    return "out of device memory";
  case SPARSE24_MISALIGNED:
    return "a pointer isn't aligned";
  case SPARSE24_LAUNCH_FAILED:
    return "the launch was refused";
  case SPARSE24_VERSION_MISMATCH:
    return "compiled for another version of the runtime";
  }
  return "unknown status";
}

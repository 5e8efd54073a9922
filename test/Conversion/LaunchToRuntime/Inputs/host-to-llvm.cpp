// Calls the entries of host-to-llvm.mlir and looks at what the driver was
// asked. SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Program.h"

extern "C" {
int32_t f_create(const char *weightsPath, void **context);
int32_t _mlir_ciface_f_run(void *context, MemRef<2> *x, MemRef<2> *y,
                           int64_t steps, void *stream);
int32_t f_destroy(void *context);
int32_t g_create(const char *weightsPath, void **context);
int32_t _mlir_ciface_g_run(void *context, MemRef<1> *x, void *stream);
int32_t g_destroy(void *context);
}

static uint64_t word(const void *pointer) {
  return reinterpret_cast<uint64_t>(pointer);
}

int main() {
  FakeCuda &fake = openFakeCuda();
  fake.kernels = {"scale", "store"};
  char current, stream;
  fake.current = &current;

  void *context = nullptr;
  EXPECT(f_create(nullptr, &context) == SPARSE24_SUCCESS);
  EXPECT(fake.sharedMemoryAttribute["scale"] == 1024);
  fake.calls.clear();

  // A run of two rounds.
  alignas(16) float x[4][5] = {{1, 2, 3}}, y[2][5];
  MemRef<2> dx{x, x, 0, {4, 5}, {5, 1}}, dy{y, y, 0, {2, 5}, {5, 1}};
  fake.paramWords = 8;
  EXPECT(_mlir_ciface_f_run(context, &dx, &dy, 2, &stream) == SPARSE24_SUCCESS);
  std::vector<std::string> expected = {
      "cuMemAllocFromPoolAsync", "cuMemcpyDtoDAsync", "cuLaunchKernel",
      "cuLaunchKernel",          "cuLaunchKernel",    "cuMemFreeAsync"};
  EXPECT(fake.calls == expected);
  EXPECT(fake.memory.empty());
  EXPECT(fake.launches.size() == 3);
  for (uint64_t i = 0; i < 2; ++i) {
    const FakeCuda::Launch &launch = fake.launches[i];
    EXPECT(launch.kernel == "scale");
    EXPECT(launch.grid[0] == 5 && launch.grid[1] == 4 && launch.grid[2] == 1);
    EXPECT(launch.block[0] == 128 && launch.block[1] == 1);
    EXPECT(launch.sharedMemoryBytes == 1024);
    EXPECT(launch.stream == &stream);
    uint64_t t = launch.params[0];
    EXPECT(t != 0);
    std::vector<uint64_t> params = {t, t, 0, 4, 5, 5, 1, i};
    EXPECT(launch.params == params);
  }
  const FakeCuda::Launch &last = fake.launches[2];
  uint64_t t = fake.launches[0].params[0];
  std::vector<uint64_t> params = {t, t, 5, 2, 5, 5, 1, word(y)};
  EXPECT(last.kernel == "store");
  EXPECT(last.params == params);

  // A failing launch ends the run but for freeing; its status is returned.
  fake.calls.clear();
  fake.failures["cuLaunchKernel"] = 719;
  EXPECT(_mlir_ciface_f_run(context, &dx, &dy, 2, &stream) ==
         SPARSE24_LAUNCH_FAILED);
  EXPECT(fake.count("cuLaunchKernel") == 1);
  EXPECT(fake.count("cuMemFreeAsync") == 1);
  EXPECT(fake.memory.empty());
  fake.failures.clear();

  // So does a failing allocation; there is nothing to free then.
  fake.calls.clear();
  fake.failures["cuMemAllocFromPoolAsync"] = 2;
  EXPECT(_mlir_ciface_f_run(context, &dx, &dy, 2, &stream) ==
         SPARSE24_OUT_OF_MEMORY);
  EXPECT(fake.calls.size() == 1);
  fake.failures.clear();

  // Nothing is done with an argument that isn't aligned.
  fake.calls.clear();
  dy.aligned = &y[0][1];
  EXPECT(_mlir_ciface_f_run(context, &dx, &dy, 2, &stream) ==
         SPARSE24_MISALIGNED);
  EXPECT(fake.calls.empty());

  // An empty result is no work.
  MemRef<2> empty{x, x, 0, {4, 0}, {0, 1}};
  dy = {y, y, 0, {2, 0}, {0, 1}};
  EXPECT(_mlir_ciface_f_run(context, &empty, &dy, 0, &stream) ==
         SPARSE24_SUCCESS);
  EXPECT(f_destroy(context) == SPARSE24_SUCCESS);
  EXPECT(fake.modules.empty());

  // Flags are filled after the allocation that they are a part of and before
  // the kernel, and freed with it.
  EXPECT(g_create(nullptr, &context) == SPARSE24_SUCCESS);
  fake.calls.clear();
  fake.launches.clear();
  fake.paramWords = 5;
  MemRef<1> row{x, x, 0, {5}, {1}};
  EXPECT(_mlir_ciface_g_run(context, &row, &stream) == SPARSE24_SUCCESS);
  expected = {"cuMemAllocFromPoolAsync", "cuMemsetD32Async", "cuLaunchKernel",
              "cuMemFreeAsync"};
  EXPECT(fake.calls == expected);
  EXPECT(fake.memory.empty());
  t = fake.launches[0].params[0];
  params = {t, t + 64, 0, 5, 1};
  EXPECT(fake.launches[0].params == params);

  // No kernel runs on flags that aren't filled.
  fake.calls.clear();
  fake.failures["cuMemsetD32Async"] = 700;
  EXPECT(_mlir_ciface_g_run(context, &row, &stream) == SPARSE24_DRIVER_ERROR);
  EXPECT(fake.count("cuLaunchKernel") == 0);
  EXPECT(fake.memory.empty());
  fake.failures.clear();
  EXPECT(g_destroy(context) == SPARSE24_SUCCESS);
  return 0;
}

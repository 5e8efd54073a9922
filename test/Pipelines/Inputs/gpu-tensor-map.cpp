// Runs the function of Integration/Emulator/tensor-map.mlir on a driver that
// records its calls.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Program.h"

#include <cstring>

extern "C" {
int32_t copy_create(const char *weightsPath, void **context);
int32_t _mlir_ciface_copy_run(void *context, MemRef<2> *in, MemRef<3> *out,
                              void *stream);
int32_t copy_destroy(void *context);
}

static bool lastErrorHas(const char *text) {
  return std::strstr(sparse24LastError(), text);
}

int main(int argc, char **) {
  bool isOldDriver = argc > 1;
  FakeCuda &fake = openFakeCuda();
  fake.hasAllKernels = true;
  fake.paramWords = 10;

  void *context = nullptr;
  EXPECT(copy_create(nullptr, &context) == SPARSE24_SUCCESS);
  char stream;
  alignas(16) static float in[48 * 48], out[2 * 48 * 32];
  auto run = [&](int64_t rows, int64_t columns) {
    fake.calls.clear();
    fake.launches.clear();
    fake.tensorMaps.clear();
    MemRef<2> inRef{in, in, 0, {rows, columns}, {columns, 1}};
    MemRef<3> outRef{out, out, 0, {2, rows, 32}, {rows * 32, 32, 1}};
    return _mlir_ciface_copy_run(context, &inRef, &outRef, &stream);
  };

  if (isOldDriver) {
    EXPECT(run(48, 48) == SPARSE24_UNSUPPORTED_DEVICE);
    EXPECT(lastErrorHas("no function 'cuTensorMapEncodeTiled'"));
    EXPECT(fake.launches.empty());
    EXPECT(sparse24Launch(context, 0, 2, 1, 1, 32, 1, 1, 2, 1, 1, 0, &stream,
                          nullptr) == SPARSE24_UNSUPPORTED_DEVICE);
    EXPECT(lastErrorHas("no function 'cuLaunchKernelEx'"));
    return 0;
  }

  EXPECT(run(48, 48) == SPARSE24_SUCCESS);
  EXPECT(fake.count("cuStreamSynchronize") == 0);
  // The first is of columns 8 to 40 of the input.
  EXPECT(fake.tensorMaps.size() == 2);
  const FakeCuda::TensorMap &from = fake.tensorMaps[0];
  EXPECT(from.type == 7);
  EXPECT(from.address == in + 8);
  EXPECT(from.sizes == (std::vector<uint64_t>{32, 48}));
  EXPECT(from.strides == (std::vector<uint64_t>{192}));
  EXPECT(from.box == (std::vector<uint32_t>{32, 8}));
  EXPECT(from.swizzle == 3 && from.promotion == 2 && from.fill == 0);
  const FakeCuda::TensorMap &to = fake.tensorMaps[1];
  EXPECT(to.address == out);
  EXPECT(to.sizes == (std::vector<uint64_t>{32, 48, 2}));
  EXPECT(to.strides == (std::vector<uint64_t>{128, 128 * 48}));
  EXPECT(to.box == (std::vector<uint32_t>{32, 16, 1}));
  EXPECT(to.swizzle == 3 && to.promotion == 0 && to.fill == 0);

  // Three tiles for a cluster each, fewer than the device has room for.
  EXPECT(fake.launches.size() == 1);
  const FakeCuda::Launch &launch = fake.launches[0];
  EXPECT(launch.stream == &stream);
  EXPECT(launch.grid[0] == 6 && launch.grid[1] == 1 && launch.grid[2] == 1);
  EXPECT(launch.block[0] == 32);
  EXPECT(launch.cluster[0] == 2 && launch.cluster[1] == 1 &&
         launch.cluster[2] == 1);
  EXPECT(launch.params[7] == 1); // The number of the first map,
  EXPECT(launch.params[8] == 3); // of tiles,
  EXPECT(launch.params[9] == 2); // and of the second map.

  fake.multiprocessorCount = 4;
  void *other = context;
  EXPECT(copy_create(nullptr, &context) == SPARSE24_SUCCESS);
  EXPECT(run(48, 48) == SPARSE24_SUCCESS);
  EXPECT(fake.launches.size() == 1 && fake.launches[0].grid[0] == 4);
  EXPECT(copy_destroy(other) == SPARSE24_SUCCESS);

  // Nothing to do, and what can't be done.
  EXPECT(run(0, 48) == SPARSE24_SUCCESS);
  EXPECT(fake.tensorMaps.empty() && fake.launches.empty());
  EXPECT(run(48, 47) == SPARSE24_MISALIGNED);
  EXPECT(lastErrorHas("a stride of 188 bytes isn't a multiple of 16"));
  EXPECT(fake.tensorMaps.empty() && fake.launches.empty());
  EXPECT(copy_destroy(context) == SPARSE24_SUCCESS);
  return 0;
}

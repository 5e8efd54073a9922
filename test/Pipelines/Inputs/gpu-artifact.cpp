// Runs the function of gpu-artifact.mlir on a driver that records its calls.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Program.h"
#include "sparse24/Support/PackedLayout.h"

#include <cstring>

using namespace sparse24;

using Matrix = MemRef<2>;

extern "C" {
int32_t layer_create(const char *weightsPath, void **context);
int32_t _mlir_ciface_layer_run(void *context, Matrix *x, Matrix *y,
                               void *stream);
int32_t layer_destroy(void *context);
}

int main(int argc, char **argv) {
  EXPECT(argc == 2);
  FakeCuda &fake = openFakeCuda();
  fake.hasAllKernels = true;

  void *context = nullptr;
  EXPECT(layer_create(argv[1], &context) == SPARSE24_SUCCESS);
  fake.calls.clear();
  fake.paramWords = 1;
  char stream;
  alignas(16) uint16_t x[8 * 64] = {}, y[8 * 32] = {};
  Matrix dx{x, x, 0, {8, 64}, {64, 1}}, dy{y, y, 0, {8, 32}, {32, 1}};
  EXPECT(_mlir_ciface_layer_run(context, &dx, &dy, &stream) ==
         SPARSE24_SUCCESS);

  // One kernel on the caller's stream, no temporaries and no copies.
  EXPECT(fake.launches.size() == 1);
  EXPECT(fake.launches[0].stream == &stream);
  EXPECT(fake.count("cuLaunchKernel") == 1);
  EXPECT(fake.count("cuMemAllocFromPoolAsync") == 0);
  EXPECT(fake.count("cuMemcpyDtoDAsync") == 0);
  EXPECT(fake.count("cuStreamSynchronize") == 0);

  // Its first argument is the weight, packed as Support packs it.
  const PackedLayout layout{PackedFamily::MmaSp, ElementType::BF16, 32, 64};
  std::vector<uint16_t> dense(32 * 64, floatToBF16(1.5f));
  std::vector<uint8_t> packed(layout.bytes());
  packDense(layout, MatrixRef::rowMajor(dense.data(), 32, 64), packed.data(),
            Selection::Magnitude);
  auto *weight = reinterpret_cast<void *>(fake.launches[0].params[0]);
  EXPECT(fake.memory.count(weight));
  EXPECT(std::memcmp(weight, packed.data(), packed.size()) == 0);

  EXPECT(layer_destroy(context) == SPARSE24_SUCCESS);
  EXPECT(fake.memory.empty());
  return 0;
}

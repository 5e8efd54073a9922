// The runtime over a recording driver.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "sparse24/Runtime/Runtime.h"

#include "FakeCuda.h"
#include "sparse24/Support/WeightFile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <thread>
#include <unistd.h>

using namespace sparse24;
using testing::ElementsAre;
using testing::ElementsAreArray;
using testing::HasSubstr;

namespace {

const char kPtx[] = ".version 8.5";
const PackedLayout kLayout{PackedFamily::MmaSp, ElementType::BF16, 16, 64};

/// A module with one kernel and, by default, one weight.
struct TestModule {
  Sparse24Image image{kPtx, sizeof(kPtx)};
  Sparse24Kernel kernel{"gemm", 0, 65536, /*threads=*/384, /*cluster=*/4};
  Sparse24WeightRef weight{"w", kLayout.hash(),
                           static_cast<uint64_t>(kLayout.bytes())};
  Sparse24Module module{SPARSE24_RUNTIME_ABI_VERSION,
                        /*numImages=*/1,
                        &image,
                        /*numKernels=*/1,
                        /*numWeights=*/1,
                        &kernel,
                        &weight,
                        /*hasTemporaries=*/1};
};

class RuntimeTest : public testing::Test {
protected:
  static void SetUpTestSuite() {
    // The first call must fail, and the next one, with a driver, work.
    setenv("SPARSE24_LIBCUDA", "/nonexistent/libcuda.so", 1);
    TestModule test;
    void *context = &test;
    missingDriverStatus =
        sparse24ContextCreate(&test.module, nullptr, &context);
    missingDriverText = sparse24LastError();
    missingDriverContext = context;
    setenv("SPARSE24_LIBCUDA", SPARSE24_FAKE_CUDA, 1);
    void *library = dlopen(SPARSE24_FAKE_CUDA, RTLD_NOW | RTLD_LOCAL);
    ASSERT_TRUE(library) << dlerror();
    fake = reinterpret_cast<FakeCuda *(*)()>(dlsym(library, "fakeCudaState"))();
  }

  void SetUp() override {
    *fake = FakeCuda();
    fake->kernels = {"gemm", "bias"};
    path = testing::TempDir() + "sparse24-runtime-test-" +
           std::to_string(getpid()) + ".sp24w";
    packed.resize(kLayout.bytes());
    for (size_t i = 0; i < packed.size(); ++i)
      packed[i] = static_cast<uint8_t>(i * 7 + 1);
    WeightFileWriter writer(path);
    ASSERT_TRUE(writer.addPacked("w", kLayout, packed.data()));
    ASSERT_TRUE(writer.finish()) << writer.error();
  }

  void TearDown() override { std::remove(path.c_str()); }

  /// Creates a context that must come to be.
  void *create(const Sparse24Module &module) {
    void *context = nullptr;
    EXPECT_EQ(sparse24ContextCreate(&module, path.c_str(), &context), 0)
        << sparse24LastError();
    EXPECT_TRUE(context);
    return context;
  }

  static int32_t launch(void *context, int64_t gridX = 1,
                        int64_t clusterX = 1) {
    return sparse24Launch(context, 0, gridX, 1, 1, 32, 1, 1, clusterX, 1, 1, 0,
                          nullptr, nullptr);
  }

  using Extents = std::array<unsigned, 3>;
  static void expectGemm(const FakeCuda::Launch &launch, const Extents &grid,
                         const Extents &block, const Extents &cluster,
                         unsigned sharedMemoryBytes) {
    EXPECT_EQ(launch.kernel, "gemm");
    EXPECT_THAT(launch.grid, ElementsAreArray(grid));
    EXPECT_THAT(launch.block, ElementsAreArray(block));
    EXPECT_THAT(launch.cluster, ElementsAreArray(cluster));
    EXPECT_EQ(launch.sharedMemoryBytes, sharedMemoryBytes);
  }

  /// Tries to create a context, which must fail and leave nothing behind.
  void expectRefused(const Sparse24Module &module, const char *weights,
                     int32_t status, const std::string &text) {
    void *context = this;
    EXPECT_EQ(sparse24ContextCreate(&module, weights, &context), status);
    EXPECT_THAT(sparse24LastError(), HasSubstr(text));
    EXPECT_FALSE(context);
    EXPECT_TRUE(fake->modules.empty());
    EXPECT_TRUE(fake->memory.empty());
    EXPECT_EQ(fake->primaryRetains, 0);
    EXPECT_EQ(fake->current, nullptr);
  }

  static FakeCuda *fake;
  static int32_t missingDriverStatus;
  static std::string missingDriverText;
  static void *missingDriverContext;
  std::string path;
  std::vector<uint8_t> packed;
  TestModule test;
};

FakeCuda *RuntimeTest::fake;
int32_t RuntimeTest::missingDriverStatus;
std::string RuntimeTest::missingDriverText;
void *RuntimeTest::missingDriverContext;

TEST_F(RuntimeTest, MissingDriverIsAStatus) {
  EXPECT_EQ(missingDriverStatus, SPARSE24_DRIVER_NOT_FOUND);
  EXPECT_THAT(missingDriverText, HasSubstr("/nonexistent/libcuda.so"));
  EXPECT_THAT(missingDriverText, HasSubstr("SPARSE24_LIBCUDA"));
  EXPECT_EQ(missingDriverContext, nullptr);
}

TEST_F(RuntimeTest, StatusesHaveTexts) {
  for (int32_t status = 0; status <= SPARSE24_VERSION_MISMATCH; ++status)
    EXPECT_STRNE(sparse24StatusString(status), "unknown status") << status;
  EXPECT_STREQ(sparse24StatusString(-1), "unknown status");
}

TEST_F(RuntimeTest, CreateUploadsWeightsAndWaits) {
  void *context = create(test.module);
  void *weight = sparse24ContextWeight(context, 0);
  ASSERT_TRUE(weight);
  EXPECT_EQ(std::memcmp(weight, packed.data(), packed.size()), 0);
  EXPECT_EQ(sparse24ContextWeight(context, 1), nullptr);
  EXPECT_EQ(sparse24ContextWeight(context, -1), nullptr);
  EXPECT_EQ(fake->sharedMemoryAttribute["gemm"], 65536);
  EXPECT_EQ(sparse24ContextDestroy(context), 0);
  EXPECT_TRUE(fake->memory.empty());
  EXPECT_TRUE(fake->modules.empty());
  EXPECT_EQ(fake->primaryRetains, 0);
}

TEST_F(RuntimeTest, CreateUsesTheCurrentContext) {
  char callers;
  fake->current = &callers;
  void *context = create(test.module);
  EXPECT_EQ(fake->count("cuDevicePrimaryCtxRetain"), 0u);
  EXPECT_EQ(fake->count("cuCtxPushCurrent"), 0u);

  // From a thread where no context is current the launch goes to the same one.
  fake->current = nullptr;
  EXPECT_EQ(launch(context), 0);
  ASSERT_EQ(fake->launches.size(), 1u);
  EXPECT_EQ(fake->launches[0].context, &callers);
  EXPECT_EQ(fake->current, nullptr);
  sparse24ContextDestroy(context);
  EXPECT_EQ(fake->primaryRetains, 0);
}

TEST_F(RuntimeTest, ContextsShareAnImage) {
  void *first = create(test.module);
  void *second = create(test.module);
  EXPECT_EQ(fake->count("cuModuleLoadDataEx"), 1u);
  sparse24ContextDestroy(first);
  EXPECT_EQ(fake->modules.size(), 1u);
  sparse24ContextDestroy(second);
  EXPECT_TRUE(fake->modules.empty());
  sparse24ContextDestroy(create(test.module));
  EXPECT_EQ(fake->count("cuModuleLoadDataEx"), 2u);
}

TEST_F(RuntimeTest, LaunchPassesItsParameters) {
  void *context = create(test.module);
  int64_t words[] = {42, -7};
  void *params[] = {&words[0], &words[1]};
  fake->paramWords = 2;
  char stream;
  EXPECT_EQ(sparse24Launch(context, 0, 12, 3, 2, 256, 2, 1, 1, 1, 1, 40000,
                           &stream, params),
            0);
  ASSERT_EQ(fake->launches.size(), 1u);
  const FakeCuda::Launch &launch = fake->launches[0];
  expectGemm(launch, {12, 3, 2}, {256, 2, 1}, {1, 1, 1}, 40000);
  EXPECT_EQ(launch.stream, &stream);
  EXPECT_THAT(launch.params, ElementsAre(42u, static_cast<uint64_t>(-7)));
  sparse24ContextDestroy(context);
}

TEST_F(RuntimeTest, LaunchesClusters) {
  void *context = create(test.module);
  int64_t word = 42;
  void *params[] = {&word};
  fake->paramWords = 1;
  char stream;
  EXPECT_EQ(sparse24Launch(context, 0, 12, 4, 2, 256, 2, 1, 2, 4, 1, 40000,
                           &stream, params),
            0);
  EXPECT_EQ(fake->count("cuLaunchKernel"), 0u);
  ASSERT_EQ(fake->launches.size(), 1u);
  const FakeCuda::Launch &launched = fake->launches[0];
  expectGemm(launched, {12, 4, 2}, {256, 2, 1}, {2, 4, 1}, 40000);
  EXPECT_EQ(launched.stream, &stream);
  EXPECT_THAT(launched.params, ElementsAre(42u));

  EXPECT_EQ(launch(context, 0, 2), 0);
  EXPECT_EQ(fake->launches.size(), 1u);
  EXPECT_EQ(launch(context, 4, -1), SPARSE24_INVALID_ARGUMENT);
  fake->failures["cuLaunchKernelEx"] = 912;
  EXPECT_EQ(launch(context, 4, 16), SPARSE24_LAUNCH_FAILED);
  EXPECT_THAT(sparse24LastError(), HasSubstr("cluster (16, 1, 1)"));
  sparse24ContextDestroy(context);
}

TEST_F(RuntimeTest, CountsResidentClusters) {
  fake->residentClusters = 30;
  void *context = create(test.module);
  fake->residentClusters = 7;
  EXPECT_EQ(sparse24ResidentClusters(context, 0), 30);
  EXPECT_EQ(sparse24ResidentClusters(context, 1), 0);
  EXPECT_EQ(sparse24ResidentClusters(context, -1), 0);
  EXPECT_EQ(sparse24ResidentClusters(nullptr, 0), 0);
  ASSERT_EQ(fake->counted.size(), 1u);
  expectGemm(fake->counted[0], {4, 1, 1}, {384, 1, 1}, {4, 1, 1}, 65536);
  sparse24ContextDestroy(context);

  test.kernel.cluster = 0;
  context = create(test.module);
  EXPECT_EQ(sparse24ResidentClusters(context, 0), 0);
  EXPECT_EQ(fake->counted.size(), 1u);
  sparse24ContextDestroy(context);
}

TEST_F(RuntimeTest, RefusesDevicesWithoutRoomForACluster) {
  fake->residentClusters = 0;
  expectRefused(test.module, path.c_str(), SPARSE24_UNSUPPORTED_DEVICE,
                "kernel 'gemm' needs clusters of 4 blocks, for which this "
                "device (sm_90) has no room");
  fake->failures["cuOccupancyMaxActiveClusters"] = 801;
  expectRefused(test.module, path.c_str(), SPARSE24_DRIVER_ERROR,
                "counting clusters of 4 blocks of kernel 'gemm'");
}

TEST_F(RuntimeTest, EncodesTensorMaps) {
  void *context = create(test.module);
  struct {
    char *allocated, *aligned;
    int64_t offset = 8, sizes[2] = {30, 384}, strides[2] = {400, 1};
  } memref;
  alignas(16) char memory[16];
  memref.allocated = memref.aligned = memory;
  int64_t box[] = {16, 64};
  alignas(64) uint64_t map[16];
  auto encode = [&](int32_t rank = 2) {
    std::fill(map, map + 16, ~uint64_t(0));
    return sparse24EncodeTensorMap(context, map, /*type=*/9, rank, &memref, box,
                                   /*swizzle=*/3, /*promotion=*/2, /*fill=*/1);
  };
  ASSERT_EQ(encode(), 0) << sparse24LastError();
  ASSERT_EQ(fake->tensorMaps.size(), 1u);
  EXPECT_EQ(map[0], 1u);
  const FakeCuda::TensorMap &made = fake->tensorMaps[0];
  EXPECT_EQ(made.type, 9);
  EXPECT_EQ(made.address, memory + 16);
  EXPECT_THAT(made.sizes, ElementsAre(384u, 30u));
  EXPECT_THAT(made.strides, ElementsAre(800u));
  EXPECT_THAT(made.box, ElementsAre(64u, 16u));
  EXPECT_THAT(made.elementStrides, ElementsAre(1u, 1u));
  EXPECT_EQ(made.interleave, 0);
  EXPECT_EQ(made.swizzle, 3);
  EXPECT_EQ(made.promotion, 2);
  EXPECT_EQ(made.fill, 1);

  // Nothing to map is no mistake.
  memref.sizes[0] = 0;
  EXPECT_EQ(encode(), 0);
  EXPECT_THAT(map, testing::Each(0u));
  EXPECT_EQ(fake->tensorMaps.size(), 1u);
  memref.sizes[0] = 30;

  memref.offset = 4;
  EXPECT_EQ(encode(), SPARSE24_MISALIGNED);
  memref.offset = 8;
  memref.strides[0] = 396;
  EXPECT_EQ(encode(), SPARSE24_MISALIGNED);
  EXPECT_THAT(sparse24LastError(), HasSubstr("a stride of 792 bytes"));
  memref.strides[0] = 400;
  EXPECT_EQ(encode(6), SPARSE24_INVALID_ARGUMENT);
  EXPECT_THAT(sparse24LastError(), HasSubstr("1 to 5 dimensions"));
  fake->failures["cuTensorMapEncodeTiled"] = 1;
  EXPECT_EQ(encode(), SPARSE24_INVALID_ARGUMENT);
  EXPECT_THAT(sparse24LastError(),
              HasSubstr("2 dimensions, sizes 384 30, strides 800 bytes, box 64 "
                        "16: a made-up error"));
  sparse24ContextDestroy(context);
  context = nullptr;
  EXPECT_EQ(encode(), SPARSE24_INVALID_ARGUMENT);
}

TEST_F(RuntimeTest, RunsNeverSynchronise) {
  void *context = create(test.module);
  fake->calls.clear();
  void *temporary = nullptr;
  EXPECT_EQ(sparse24Alloc(context, 512, nullptr, &temporary), 0);
  EXPECT_TRUE(temporary);
  EXPECT_EQ(launch(context), 0);
  EXPECT_EQ(sparse24Memcpy(context, temporary,
                           sparse24ContextWeight(context, 0), 512, nullptr),
            0);
  EXPECT_EQ(std::memcmp(temporary, packed.data(), 512), 0);
  EXPECT_EQ(sparse24Memset32(context, temporary, 0, 2, nullptr), 0);
  EXPECT_EQ(sparse24Free(context, temporary, nullptr), 0);
  EXPECT_THAT(
      fake->calls,
      ElementsAre("cuCtxPushCurrent", "cuMemAllocFromPoolAsync",
                  "cuCtxPopCurrent", "cuCtxPushCurrent", "cuLaunchKernel",
                  "cuCtxPopCurrent", "cuCtxPushCurrent", "cuMemcpyDtoDAsync",
                  "cuCtxPopCurrent", "cuCtxPushCurrent", "cuMemsetD32Async",
                  "cuCtxPopCurrent", "cuCtxPushCurrent", "cuMemFreeAsync",
                  "cuCtxPopCurrent"));
  sparse24ContextDestroy(context);
}

TEST_F(RuntimeTest, FillsWords) {
  void *context = create(test.module);
  alignas(16) int32_t words[] = {1, 2, 3, 4};
  EXPECT_EQ(sparse24Memset32(context, words + 1, -5, 2, nullptr), 0);
  EXPECT_THAT(words, ElementsAre(1, -5, -5, 4));

  fake->calls.clear();
  auto fill = [&](void *context, void *destination, int64_t count) {
    return sparse24Memset32(context, destination, 0, count, nullptr);
  };
  EXPECT_EQ(fill(nullptr, words, 1), SPARSE24_INVALID_ARGUMENT);
  EXPECT_EQ(fill(context, nullptr, 1), SPARSE24_INVALID_ARGUMENT);
  EXPECT_EQ(fill(context, words, -1), SPARSE24_INVALID_ARGUMENT);
  EXPECT_THAT(sparse24LastError(), HasSubstr("sparse24Memset32"));
  EXPECT_EQ(fill(context, reinterpret_cast<char *>(words) + 2, 1),
            SPARSE24_MISALIGNED);
  EXPECT_TRUE(fake->calls.empty());

  fake->failures["cuMemsetD32Async"] = 700;
  EXPECT_EQ(fill(context, words, 3), SPARSE24_DRIVER_ERROR);
  EXPECT_THAT(sparse24LastError(), HasSubstr("filling 3 words"));
  fake->failures = {{"cuCtxPushCurrent", 201}};
  EXPECT_EQ(fill(context, words, 3), SPARSE24_DRIVER_ERROR);
  EXPECT_THAT(sparse24LastError(), HasSubstr("cuCtxPushCurrent"));
  EXPECT_THAT(words, ElementsAre(1, -5, -5, 4));
  fake->failures.clear();
  sparse24ContextDestroy(context);
}

TEST_F(RuntimeTest, NoWorkSucceeds) {
  void *context = create(test.module);
  fake->calls.clear();
  EXPECT_EQ(launch(context, /*gridX=*/0), 0);
  void *temporary = this;
  EXPECT_EQ(sparse24Alloc(context, 0, nullptr, &temporary), 0);
  EXPECT_EQ(temporary, nullptr);
  EXPECT_EQ(sparse24Free(context, nullptr, nullptr), 0);
  EXPECT_EQ(sparse24Memcpy(context, nullptr, nullptr, 0, nullptr), 0);
  EXPECT_EQ(sparse24Memset32(context, nullptr, 1, 0, nullptr), 0);
  EXPECT_TRUE(fake->calls.empty());
  EXPECT_EQ(sparse24ContextDestroy(context), 0);
  EXPECT_EQ(sparse24ContextDestroy(nullptr), 0);
}

TEST_F(RuntimeTest, WrongLaunchesAreRefused) {
  void *context = create(test.module);
  auto launch = [&](int32_t kernel, int64_t gridX, int64_t shared) {
    return sparse24Launch(context, kernel, gridX, 1, 1, 32, 1, 1, 1, 1, 1,
                          shared, nullptr, nullptr);
  };
  EXPECT_EQ(launch(1, 1, 0), SPARSE24_INVALID_ARGUMENT);
  EXPECT_EQ(launch(-1, 1, 0), SPARSE24_INVALID_ARGUMENT);
  EXPECT_EQ(launch(0, int64_t(1) << 32, 0), SPARSE24_INVALID_ARGUMENT);
  EXPECT_EQ(launch(0, -1, 0), SPARSE24_INVALID_ARGUMENT);
  EXPECT_EQ(launch(0, 1, 65537), SPARSE24_INVALID_ARGUMENT);
  EXPECT_THAT(sparse24LastError(), HasSubstr("65537"));
  EXPECT_TRUE(fake->launches.empty());

  fake->failures["cuLaunchKernel"] = 701;
  EXPECT_EQ(launch(0, 3, 0), SPARSE24_LAUNCH_FAILED);
  EXPECT_THAT(sparse24LastError(), HasSubstr("kernel 'gemm' with grid (3, 1, 1)"
                                             ", block (32, 1, 1)"));
  EXPECT_THAT(sparse24LastError(), HasSubstr("CUresult 701"));
  EXPECT_EQ(RuntimeTest::launch(nullptr), SPARSE24_INVALID_ARGUMENT);
  sparse24ContextDestroy(context);
}

TEST_F(RuntimeTest, AlignmentIsChecked) {
  EXPECT_EQ(sparse24CheckAligned(reinterpret_cast<void *>(0x1230), 16), 0);
  EXPECT_EQ(sparse24CheckAligned(nullptr, 16), 0);
  EXPECT_EQ(sparse24CheckAligned(reinterpret_cast<void *>(0x1238), 16),
            SPARSE24_MISALIGNED);
  EXPECT_THAT(sparse24LastError(), HasSubstr("0x1238"));
  EXPECT_EQ(sparse24CheckAligned(nullptr, 0), SPARSE24_INVALID_ARGUMENT);
}

TEST_F(RuntimeTest, WeightsAreChecked) {
  expectRefused(test.module, nullptr, SPARSE24_INVALID_ARGUMENT,
                "reads 1 weights");
  expectRefused(test.module, "/nonexistent/file", SPARSE24_WEIGHT_FILE_ERROR,
                "/nonexistent/file");
  test.weight.layoutHash ^= 1;
  expectRefused(test.module, path.c_str(), SPARSE24_WEIGHT_MISMATCH,
                "mma_sp,bf16,rows=16,k=64");
  test.weight.layoutHash ^= 1;
  test.weight.bytes += 1;
  expectRefused(test.module, path.c_str(), SPARSE24_WEIGHT_MISMATCH,
                std::to_string(kLayout.bytes()) + " bytes");
  test.weight.name = "v";
  expectRefused(test.module, path.c_str(), SPARSE24_WEIGHT_NOT_FOUND,
                "weight 'v'");
}

TEST_F(RuntimeTest, ModuleWithoutWeightsNeedsNoFile) {
  test.module.numWeights = 0;
  void *context = nullptr;
  EXPECT_EQ(sparse24ContextCreate(&test.module, nullptr, &context), 0);
  EXPECT_EQ(fake->count("cuStreamSynchronize"), 0u);
  sparse24ContextDestroy(context);
}

TEST_F(RuntimeTest, LoadingFailures) {
  fake->kernels.clear();
  expectRefused(test.module, path.c_str(), SPARSE24_KERNEL_NOT_FOUND, "'gemm'");
  fake->kernels = {"gemm"};

  fake->failures["cuModuleLoadDataEx"] = 222;
  fake->jitLog = "ptxas fatal : Unsupported .version 9.9";
  expectRefused(test.module, path.c_str(), SPARSE24_UNSUPPORTED_DEVICE,
                "Unsupported .version 9.9");
  EXPECT_THAT(sparse24LastError(), HasSubstr("sm_90"));
  fake->failures.clear();

  fake->sharedMemoryLimit = 49152;
  expectRefused(test.module, path.c_str(), SPARSE24_UNSUPPORTED_DEVICE,
                "needs 65536 bytes of shared memory");
  fake->sharedMemoryLimit = 232448;

  fake->failures["cuMemAlloc"] = 2;
  expectRefused(test.module, path.c_str(), SPARSE24_OUT_OF_MEMORY,
                "uploading weight 'w'");
  fake->failures.clear();

  test.image.bytes -= 1;
  expectRefused(test.module, path.c_str(), SPARSE24_INVALID_ARGUMENT, "NUL");
  test.image.bytes += 1;
  test.module.abiVersion += 1;
  expectRefused(test.module, path.c_str(), SPARSE24_VERSION_MISMATCH,
                "version 4");
}

TEST_F(RuntimeTest, TemporariesNeedAPool) {
  fake->hasMemoryPools = false;
  expectRefused(test.module, path.c_str(), SPARSE24_UNSUPPORTED_DEVICE,
                "no memory pools");

  test.module.hasTemporaries = 0;
  void *context = create(test.module);
  void *temporary = this;
  EXPECT_EQ(fake->count("cuMemPoolCreate"), 0u);
  EXPECT_EQ(sparse24Alloc(context, 16, nullptr, &temporary),
            SPARSE24_INVALID_ARGUMENT);
  EXPECT_EQ(temporary, nullptr);
  sparse24ContextDestroy(context);

  fake->hasMemoryPools = true;
  test.module.hasTemporaries = 1;
  context = create(test.module);
  fake->failures["cuMemAllocFromPoolAsync"] = 2;
  EXPECT_EQ(sparse24Alloc(context, 16, nullptr, &temporary),
            SPARSE24_OUT_OF_MEMORY);
  EXPECT_EQ(sparse24Alloc(context, -1, nullptr, &temporary),
            SPARSE24_INVALID_ARGUMENT);
  sparse24ContextDestroy(context);
  EXPECT_EQ(fake->count("cuMemPoolDestroy"), 1u);
}

TEST_F(RuntimeTest, ErrorsBelongToTheirThread) {
  sparse24CheckAligned(reinterpret_cast<void *>(1), 16);
  std::string other = "unset";
  std::thread([&] { other = sparse24LastError(); }).join();
  EXPECT_EQ(other, "");
  EXPECT_STRNE(sparse24LastError(), "");
}

} // namespace

//===- interop_cutlass.cpp - CUTLASS's compressor for sm_90, on a CPU -----===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//
//
// Runs cutlass::transform::kernel::SM90StructuredSparseCompressor without a
// GPU: a thread for each of a block's threads, a barrier for __syncthreads().
//
//   interop_cutlass TYPE TILE_K ROWS K < dense > compressed_A_then_E
//
// make_interop.py compiles and calls it.
//
//===----------------------------------------------------------------------===//

#include <cuda_runtime.h>

#include <barrier>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <thread>
#include <vector>

// What nvcc would define for the kernel.
static thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;
static thread_local std::barrier<> *blockBarrier;
inline void __syncthreads() { blockBarrier->arrive_and_wait(); }

#include "cutlass/gemm/collective/builders/sm90_sparse_config.inl"
#include "cutlass/transform/kernel/sm90_sparse_gemm_compressor.hpp"

template <typename Kernel>
static void runGrid(typename Kernel::Params params) {
  dim3 grid = Kernel::get_grid_shape(params), block = Kernel::get_block_shape();
  for (unsigned z = 0; z < grid.z; ++z)
    for (unsigned y = 0; y < grid.y; ++y)
      for (unsigned x = 0; x < grid.x; ++x) {
        std::barrier<> barrier(block.x);
        std::vector<char> shared(Kernel::SharedStorageSize + 128);
        void *aligned = shared.data();
        size_t space = shared.size();
        std::align(128, Kernel::SharedStorageSize, aligned, space);
        std::vector<std::jthread> threads;
        for (unsigned thread = 0; thread < block.x; ++thread)
          threads.emplace_back([&, thread] {
            threadIdx = dim3(thread), blockIdx = dim3(x, y, z);
            blockDim = block, gridDim = grid;
            blockBarrier = &barrier;
            Kernel()(params, aligned);
          });
      }
}

template <typename Element, int tileK>
static void compress(int rows, int k) {
  using namespace cute;
  constexpr bool isTF32 = sizeof(Element) == 4;
  using Config =
      cutlass::Sm90GemmSparseConfig<sparse_elem<2, Element>, GMMA::Major::K,
                                    sparse_elem<isTF32 ? 4 : 8, uint8_t>,
                                    Int<tileK>>;
  using Shape = cute::Shape<int, int, int, int>;
  using Kernel = cutlass::transform::kernel::SM90StructuredSparseCompressor<
      Shape, Element, cutlass::layout::RowMajor, Config>;

  Shape shape(rows, 0, k, 1);
  // Layouts count logical elements; of A two, of E 8 (tf32: 4) have one stored.
  std::vector<Element> dense(size_t(rows) * k);
  std::vector<Element> a(size(Config::fill_layoutA(shape)) / 2);
  std::vector<uint8_t> e(size(Config::fill_layoutE(shape)) / (isTF32 ? 4 : 8));
  memset(static_cast<void *>(a.data()), 0xAB, a.size() * sizeof(Element));
  memset(e.data(), 0xAB, e.size());
  if (fread(dense.data(), sizeof(Element), dense.size(), stdin) != dense.size())
    exit(1);

  auto stride = cutlass::gemm::TagToStrideA_t<cutlass::layout::RowMajor>(
      int64_t(k), _1{}, int64_t(0));
  typename Kernel::Arguments arguments{
      shape, {dense.data(), stride, a.data(), e.data()}, {}};
  if (Kernel::can_implement(arguments) != cutlass::Status::kSuccess)
    exit(2);
  runGrid<Kernel>(Kernel::to_underlying_arguments(arguments));
  fwrite(a.data(), sizeof(Element), a.size(), stdout);
  fwrite(e.data(), 1, e.size(), stdout);
}

template <typename Element>
static void dispatch(int tileK, int rows, int k) {
  constexpr int step = 64 / sizeof(Element);
  if (tileK == step)
    compress<Element, step>(rows, k);
  else if (tileK == 2 * step)
    compress<Element, 2 * step>(rows, k);
  else if constexpr (step <= 32) {
    if (tileK == 3 * step)
      compress<Element, 3 * step>(rows, k);
    else if (tileK == 4 * step)
      compress<Element, 4 * step>(rows, k);
    else
      exit(3);
  } else
    exit(3);
}

int main(int, char **arguments) {
  std::string type = arguments[1];
  int tileK = atoi(arguments[2]), rows = atoi(arguments[3]),
      k = atoi(arguments[4]);
  if (type == "f16")
    dispatch<cutlass::half_t>(tileK, rows, k);
  else if (type == "bf16")
    dispatch<cutlass::bfloat16_t>(tileK, rows, k);
  else if (type == "tf32")
    dispatch<cutlass::tfloat32_t>(tileK, rows, k);
  else if (type == "s8")
    dispatch<int8_t>(tileK, rows, k);
  else if (type == "u8")
    dispatch<uint8_t>(tileK, rows, k);
  else if (type == "e4m3")
    dispatch<cutlass::float_e4m3_t>(tileK, rows, k);
  else if (type == "e5m2")
    dispatch<cutlass::float_e5m2_t>(tileK, rows, k);
  else
    return 4;
}

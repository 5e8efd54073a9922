// What compiled programs call on the host.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// A C interface over the CUDA driver. It has two kinds of users:
//
// 1. Programs that call compiled functions. The compiler turns a public
//    function @f into three symbols of the object file:
//
//      int32_t f_create(const char *weightsPath, void **context);
//      int32_t _mlir_ciface_f_run(void *context, <arguments>, void *stream);
//      int32_t f_destroy(void *context);
//
//    The arguments are those of @f, then one for each of its results: a scalar
//    by value, a tensor as a pointer to a Sparse24MemRef<rank>-like descriptor
//    whose pointers are device pointers, contiguous and row-major, with base
//    addresses aligned to 16 bytes. All return a Sparse24Status, and
//    sparse24LastError() tells more about the latest failure of a thread.
//
// 2. Compiled functions themselves, which call the entry points in the second
//    half of this file.
//
// Contracts of a compiled function
//   * f_create loads the kernels, uploads the weights and waits for the upload.
//     It must not be called while a stream of the thread is being captured.
//   * f_run only enqueues work on `stream` (a CUstream or cudaStream_t; null is
//     the default stream). It never synchronises, and allocates nothing but
//     stream-ordered temporaries, so that it may be captured into a CUDA graph.
//   * A context may be used by many threads and streams at once; weights are
//     only read. f_destroy must come after all of its work has finished.
//   * The first failing step ends a run: later kernels aren't launched, and its
//     status is returned. What was enqueued before runs.
//
// Which device: the CUDA context that is current in the thread that calls
// f_create (PyTorch and the CUDA runtime keep one current); if there is none,
// the primary context of device 0. Calls from threads in which another context
// or none is current are right too.
//
// libcuda.so.1 is opened at the first call, not linked: programs load and fail
// with SPARSE24_DRIVER_NOT_FOUND on machines without a driver. The environment
// variable SPARSE24_LIBCUDA names another file to open.

#ifndef SPARSE24_RUNTIME_RUNTIME_H
#define SPARSE24_RUNTIME_RUNTIME_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define SPARSE24_RUNTIME_EXPORT __attribute__((visibility("default")))
#else
#define SPARSE24_RUNTIME_EXPORT
#endif

#ifdef __cplusplus
extern "C" {
#endif

/// What functions return. Values never change their meaning; new ones are added
/// at the end.
enum Sparse24Status {
  SPARSE24_SUCCESS = 0,
  /// A null pointer, a negative size or another mistake of the caller.
  SPARSE24_INVALID_ARGUMENT = 1,
  /// libcuda.so.1 could not be opened or lacks a function: no NVIDIA driver, or
  /// one older than CUDA 11.3.
  SPARSE24_DRIVER_NOT_FOUND = 2,
  /// The driver is there, but no device is.
  SPARSE24_NO_DEVICE = 3,
  /// A driver call failed in a way that no other status names.
  SPARSE24_DRIVER_ERROR = 4,
  /// The device or the driver can't run the kernels: PTX for a newer GPU or
  /// newer than the driver knows, more shared memory than the device has, or
  /// clusters and tensor maps with a driver older than CUDA 12.
  SPARSE24_UNSUPPORTED_DEVICE = 5,
  /// The module has no kernel of a name that the program launches.
  SPARSE24_KERNEL_NOT_FOUND = 6,
  /// The weight file can't be opened or isn't a sound weight file.
  SPARSE24_WEIGHT_FILE_ERROR = 7,
  /// The weight file has no entry of a name that the program uses.
  SPARSE24_WEIGHT_NOT_FOUND = 8,
  /// An entry's layout hash or size isn't what the kernels were compiled for.
  SPARSE24_WEIGHT_MISMATCH = 9,
  /// Device memory ran out.
  SPARSE24_OUT_OF_MEMORY = 10,
  /// A pointer isn't aligned as the kernels assume.
  SPARSE24_MISALIGNED = 11,
  /// The driver refused a launch.
  SPARSE24_LAUNCH_FAILED = 12,
  /// The program was compiled for another version of this runtime.
  SPARSE24_VERSION_MISMATCH = 13
};

/// A short English text for a status; "unknown status" for other numbers.
SPARSE24_RUNTIME_EXPORT const char *sparse24StatusString(int32_t status);

/// The detail of the calling thread's latest failure, "" if there was none. The
/// text stays valid until the thread's next call that fails.
SPARSE24_RUNTIME_EXPORT const char *sparse24LastError(void);

//===----------------------------------------------------------------------===//
// What the compiler writes into the object file
//===----------------------------------------------------------------------===//

/// The version of the structures and functions below; a program compiled for
/// another one is refused by sparse24ContextCreate().
#define SPARSE24_RUNTIME_ABI_VERSION 4

/// Device code: PTX text that ends in a NUL, a cubin or a fat binary.
typedef struct Sparse24Image {
  const void *data;
  /// With the NUL of PTX.
  uint64_t bytes;
} Sparse24Image;

/// A kernel that the program launches.
typedef struct Sparse24Kernel {
  const char *name;
  /// Which of the module's images it is in.
  int32_t image;
  /// The largest dynamic shared memory that any launch of it asks for.
  uint32_t dynamicSharedMemoryBytes;
  /// Threads of a block and blocks of a cluster, if the program calls
  /// sparse24ResidentClusters(), else 0.
  int32_t threads;
  int32_t cluster;
} Sparse24Kernel;

/// A weight that the program reads.
typedef struct Sparse24WeightRef {
  const char *name;
  /// fnv1a64 of the layout's canonical text: Support/PackedLayout.h,
  /// Support/WeightFile.h.
  uint64_t layoutHash;
  uint64_t bytes;
} Sparse24WeightRef;

/// All that a context is made from. Lives as long as the program.
typedef struct Sparse24Module {
  /// SPARSE24_RUNTIME_ABI_VERSION of the compiler.
  int32_t abiVersion;
  int32_t numImages;
  const Sparse24Image *images;
  int32_t numKernels;
  int32_t numWeights;
  const Sparse24Kernel *kernels;
  const Sparse24WeightRef *weights;
  /// Not 0 if the program calls sparse24Alloc().
  int32_t hasTemporaries;
} Sparse24Module;

//===----------------------------------------------------------------------===//
// What compiled functions call
//===----------------------------------------------------------------------===//

/// Makes a context: loads the images (contexts in one CUDA context share an
/// image's module), looks up the kernels, and uploads the weights from the file
/// at `weightsPath`, which may be null where the module has none. On failure
/// `*context` is null.
SPARSE24_RUNTIME_EXPORT int32_t sparse24ContextCreate(
    const Sparse24Module *module, const char *weightsPath, void **context);

/// Frees all that a context holds. Null is allowed.
SPARSE24_RUNTIME_EXPORT int32_t sparse24ContextDestroy(void *context);

/// The device address of the module's weight `index`; null if there is none.
SPARSE24_RUNTIME_EXPORT void *sparse24ContextWeight(void *context,
                                                    int32_t index);

/// As many clusters of the module's kernel `kernel` run on the context's device
/// at a time, at least 1: sparse24ContextCreate() asks the driver, and fails
/// with SPARSE24_UNSUPPORTED_DEVICE if there is room for none. Drivers older
/// than CUDA 12 can't say; then it's multiprocessors by blocks of a cluster. 0
/// without a context or such a kernel.
SPARSE24_RUNTIME_EXPORT int64_t sparse24ResidentClusters(void *context,
                                                         int32_t kernel);

/// Launches the module's kernel `kernel` with `params` as cuLaunchKernel takes
/// them. A grid or block with a zero extent is no work and succeeds. Clusters
/// of more than one block need a driver of CUDA 12.
SPARSE24_RUNTIME_EXPORT int32_t
sparse24Launch(void *context, int32_t kernel, int64_t gridX, int64_t gridY,
               int64_t gridZ, int64_t blockX, int64_t blockY, int64_t blockZ,
               int64_t clusterX, int64_t clusterY, int64_t clusterZ,
               int64_t dynamicSharedMemoryBytes, void *stream, void **params);

/// Writes a tensor map into the 128 bytes at `map`, a multiple of 64. `memref`
/// is the descriptor of a memref of `rank` dimensions, `box` has as many
/// extents. The other numbers are those of CUtensorMapDataType and the like.
/// The base address and the strides must be multiples of 16 bytes (else
/// SPARSE24_MISALIGNED). There is no map of a tensor without elements: zeros
/// are written, and no kernel may use them. Needs a driver of CUDA 12.
SPARSE24_RUNTIME_EXPORT int32_t sparse24EncodeTensorMap(
    void *context, void *map, int32_t type, int32_t rank, const void *memref,
    const int64_t *box, int32_t swizzle, int32_t promotion, int32_t fill);

/// Allocates device memory in stream order; the module must have said that it
/// would (hasTemporaries). On failure and for 0 bytes `*ptr` is null.
SPARSE24_RUNTIME_EXPORT int32_t sparse24Alloc(void *context, int64_t bytes,
                                              void *stream, void **ptr);

/// Frees what sparse24Alloc() gave, in stream order. Null is allowed.
SPARSE24_RUNTIME_EXPORT int32_t sparse24Free(void *context, void *ptr,
                                             void *stream);

/// Copies device memory in stream order.
SPARSE24_RUNTIME_EXPORT int32_t sparse24Memcpy(void *context, void *destination,
                                               const void *source,
                                               int64_t bytes, void *stream);

/// Fills device memory with `count` words of 32 bits, in stream order.
/// `destination` must be a multiple of 4 (else SPARSE24_MISALIGNED).
SPARSE24_RUNTIME_EXPORT int32_t sparse24Memset32(void *context,
                                                 void *destination,
                                                 int32_t value, int64_t count,
                                                 void *stream);

/// SPARSE24_MISALIGNED unless `ptr` is a multiple of `alignment`.
SPARSE24_RUNTIME_EXPORT int32_t sparse24CheckAligned(const void *ptr,
                                                     int64_t alignment);

#ifdef __cplusplus
} // extern "C"
#endif

#endif // SPARSE24_RUNTIME_RUNTIME_H

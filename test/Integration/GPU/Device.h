// A CUDA device for test programs and benchmarks, through a dlopen'ed driver.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Whatever fails ends the program with a message: these are programs that a
// person runs, and after a failed launch nothing else is worth its time.

#ifndef SPARSE24_TEST_INTEGRATION_GPU_DEVICE_H
#define SPARSE24_TEST_INTEGRATION_GPU_DEVICE_H

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <dlfcn.h>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace sparse24::gpu {

/// The memref descriptor of compiled functions (MLIR's StridedMemRefType).
template <int Rank>
struct MemRef {
  void *allocated;
  void *aligned;
  int64_t offset;
  int64_t sizes[Rank];
  int64_t strides[Rank];
};

inline MemRef<1> memref(void *data, int64_t size) {
  return {data, data, 0, {size}, {1}};
}
inline MemRef<2> memref(void *data, int64_t rows, int64_t columns) {
  return {data, data, 0, {rows, columns}, {columns, 1}};
}
/// The words of a contiguous tensor's descriptor, of any rank.
inline std::vector<int64_t> memref(void *data,
                                   const std::vector<int64_t> &sizes) {
  auto address = reinterpret_cast<int64_t>(data);
  std::vector<int64_t> words = {address, address, 0}, strides;
  words.insert(words.end(), sizes.begin(), sizes.end());
  for (size_t i = 0; i < sizes.size(); ++i)
    strides.push_back(std::accumulate(sizes.begin() + i + 1, sizes.end(),
                                      int64_t(1), std::multiplies<>()));
  words.insert(words.end(), strides.begin(), strides.end());
  return words;
}

/// Opens the driver and makes device 0's primary context current.
class Device {
public:
  using Address = unsigned long long;
  using Stream = void *;
  using Event = void *;
  using Graph = void *;

  Device() {
    const char *path = std::getenv("SPARSE24_LIBCUDA");
    library = dlopen(path && *path ? path : "libcuda.so.1", RTLD_NOW);
    if (!library)
      die(std::string("can't open the CUDA driver: ") + dlerror());
    call("cuInit", 0u);
    int device = 0, major = 0, minor = 0;
    call("cuDeviceGet", &device, 0);
    call("cuDevicePrimaryCtxRetain", &context, device);
    call("cuCtxPushCurrent_v2", context);
    call("cuDeviceGetAttribute", &major, 75, device);
    call("cuDeviceGetAttribute", &minor, 76, device);
    char text[256] = "";
    call("cuDeviceGetName", text, static_cast<int>(sizeof(text)), device);
    name = std::string(text) + " (sm_" + std::to_string(major) +
           std::to_string(minor) + ")";
  }

  /// Makes the context current in another thread, too.
  void attachThread() { call("cuCtxPushCurrent_v2", context); }

  void *allocate(size_t bytes) {
    Address address = 0;
    call("cuMemAlloc_v2", &address, bytes);
    return reinterpret_cast<void *>(address);
  }
  void release(void *pointer) { call("cuMemFree_v2", address(pointer)); }
  /// Pinned host memory.
  void *allocateHost(size_t bytes) {
    void *pointer = nullptr;
    call("cuMemAllocHost_v2", &pointer, bytes);
    return pointer;
  }
  void releaseHost(void *pointer) { call("cuMemFreeHost", pointer); }

  void fill(void *pointer, unsigned char byte, size_t bytes, Stream stream) {
    if (bytes)
      call("cuMemsetD8Async", address(pointer), byte, bytes, stream);
  }
  void upload(void *to, const void *from, size_t bytes, Stream stream) {
    if (bytes)
      call("cuMemcpyHtoDAsync_v2", address(to), from, bytes, stream);
  }
  void download(void *to, const void *from, size_t bytes, Stream stream) {
    if (bytes)
      call("cuMemcpyDtoHAsync_v2", to, address(from), bytes, stream);
  }

  /// A stream that doesn't wait for the default one.
  Stream createStream() {
    Stream stream = nullptr;
    call("cuStreamCreate", &stream, 1u);
    return stream;
  }
  void synchronize(Stream stream) { call("cuStreamSynchronize", stream); }

  Event createEvent() {
    Event event = nullptr;
    call("cuEventCreate", &event, 0u);
    return event;
  }
  void record(Event event, Stream stream) {
    call("cuEventRecord", event, stream);
  }
  /// Microseconds between two events that have happened.
  double elapsed(Event begin, Event end) {
    float milliseconds = 0;
    call("cuEventSynchronize", end);
    if (auto newer = find<int(float *, Event, Event)>("cuEventElapsedTime_v2"))
      check(newer(&milliseconds, begin, end), "cuEventElapsedTime_v2");
    else
      call("cuEventElapsedTime", &milliseconds, begin, end);
    return milliseconds * 1e3;
  }

  /// Captures what `work` enqueues on the stream into an executable graph.
  template <typename Work>
  Graph capture(Stream stream, Work &&work) {
    void *graph = nullptr, *executable = nullptr;
    call("cuStreamBeginCapture_v2", stream, 1 /* thread local */);
    work();
    call("cuStreamEndCapture", stream, &graph);
    call("cuGraphInstantiateWithFlags", &executable, graph, 0ull);
    call("cuGraphDestroy", graph);
    return executable;
  }
  void launch(Graph graph, Stream stream) {
    call("cuGraphLaunch", graph, stream);
  }
  void release(Graph graph, Stream stream) {
    synchronize(stream);
    call("cuGraphExecDestroy", graph);
  }

  /// The card's name and target.
  std::string name;

  [[noreturn]] static void die(const std::string &message) {
    std::fflush(stdout);
    std::fprintf(stderr, "\nerror: %s\n", message.c_str());
    std::exit(2);
  }

private:
  static Address address(const void *pointer) {
    return reinterpret_cast<Address>(pointer);
  }

  template <typename Signature>
  Signature *find(const char *symbol) {
    return reinterpret_cast<Signature *>(dlsym(library, symbol));
  }

  void check(int result, const char *function) {
    if (result == 0)
      return;
    const char *text = nullptr;
    if (auto describe = find<int(int, const char **)>("cuGetErrorString"))
      describe(result, &text);
    die(std::string(function) + ": " + (text ? text : "unknown error") +
        " (CUresult " + std::to_string(result) + ")");
  }

  /// Calls a driver function. The arguments must have exactly its types.
  template <typename... Arguments>
  void call(const char *symbol, Arguments... arguments) {
    auto *function = find<int(Arguments...)>(symbol);
    if (!function)
      die(std::string("the CUDA driver has no function ") + symbol);
    check(function(arguments...), symbol);
  }

  void *library = nullptr;
  void *context = nullptr;
};

} // namespace sparse24::gpu

#endif // SPARSE24_TEST_INTEGRATION_GPU_DEVICE_H

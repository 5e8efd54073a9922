// Times compiled 2:4 products beside cuBLAS' dense ones, in one process.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// Both multiply the same pruned weight with the same random activations. Each
// product is captured into a CUDA graph; the two graphs take turns, so that
// both see the same clocks, and the L2 cache is flushed before every replay.
// Before each the card rests (--rest): replays of big products one after the
// other draw more than it may, and its clock falls, by how much depends on
// the card and its temperature. --rest 0 measures that state. The median of the
// replays counts. Rates are dense-equivalent: 2·M·N·K / time.
// The results of both are compared, so that nothing wrong is timed.
//
// cuBLAS is opened at run time (--cublas PATH, default libcublas.so.13 or .12);
// without it only our times are given.

#include "Cases.h"
#include "sparse24/Runtime/Runtime.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <memory>
#include <thread>

using namespace sparse24;
using namespace sparse24::gpu;

namespace {

constexpr int kWarmUps = 3;
constexpr size_t kFlushBytes = size_t(256) << 20;

struct Options {
  std::string filter, cublas, json;
  int repetitions = 31;
  /// Milliseconds before each replay.
  int rest = 20;
};

//===----------------------------------------------------------------------===//
// cuBLAS
//===----------------------------------------------------------------------===//

/// The little of cuBLAS that is needed, declared here as in its documentation.
class Cublas {
public:
  /// Null, with a warning, if there is no cuBLAS that works here.
  static std::unique_ptr<Cublas> open(const std::string &path, Device &device,
                                      Device::Stream stream) {
    std::unique_ptr<Cublas> cublas(new Cublas());
    for (const std::string &name :
         {path, std::string("libcublas.so.13"), std::string("libcublas.so.12")})
      if (!cublas->library && !name.empty())
        cublas->library = dlopen(name.c_str(), RTLD_NOW);
    auto *create = cublas->library ? reinterpret_cast<int (*)(void **)>(dlsym(
                                         cublas->library, "cublasCreate_v2"))
                                   : nullptr;
    int status = create ? create(&cublas->handle) : -1;
    if (status) {
      std::fprintf(stderr, "warning: no cuBLAS: %s (status %d)\n",
                   cublas->library ? "cublasCreate failed" : dlerror(), status);
      return nullptr;
    }
    cublas->call("cublasSetStream_v2", cublas->handle, stream);
    // A workspace of our own: cuBLAS can't allocate one during a capture.
    constexpr size_t kWorkspaceBytes = size_t(64) << 20;
    cublas->call("cublasSetWorkspace_v2", cublas->handle,
                 device.allocate(kWorkspaceBytes), kWorkspaceBytes);
    return cublas;
  }

  /// What `product` computes, from the dense weight.
  void multiply(const Case &product, const void *weight, const void *dense,
                void *output) {
    // cuBLAS is column-major: what is rows × columns to us is its transpose to
    // cuBLAS, which computes Dᵀ.
    auto m = static_cast<int>(product.rows), k = static_cast<int>(product.k),
         n = static_cast<int>(product.columns);
    float one = 1, zero = 0;
    int type = product.element == Scalar::f16 ? 2 : 14; // CUDA_R_16F, _16BF
    const int kNormal = 0, kTransposed = 1, kCompute32F = 68, kDefault = -1;
    bool byColumns = product.isDenseByColumns();
    const void *pOne = &one, *pZero = &zero;
    if (product.side == Side::lhs)
      call("cublasGemmEx", handle, byColumns ? kTransposed : kNormal, kNormal,
           n, m, k, pOne, dense, type, byColumns ? k : n, weight, type, k,
           pZero, output, type, n, kCompute32F, kDefault);
    else
      call("cublasGemmEx", handle, kTransposed,
           byColumns ? kNormal : kTransposed, m, n, k, pOne, weight, type, k,
           dense, type, byColumns ? k : n, pZero, output, type, m, kCompute32F,
           kDefault);
  }

private:
  template <typename... Arguments>
  void call(const char *symbol, Arguments... arguments) {
    auto *function =
        reinterpret_cast<int (*)(Arguments...)>(dlsym(library, symbol));
    if (!function)
      Device::die(std::string("cuBLAS has no function ") + symbol);
    if (int status = function(arguments...))
      Device::die(std::string(symbol) + ": cuBLAS status " +
                  std::to_string(status));
  }

  void *library = nullptr;
  void *handle = nullptr;
};

//===----------------------------------------------------------------------===//
// Measuring
//===----------------------------------------------------------------------===//

/// A matrix of random numbers between −1 and 1.
std::vector<uint16_t> randomMatrix(Scalar type, int64_t size, uint64_t seed) {
  std::vector<uint16_t> data(size);
  parallelFor(size, 1 << 16, [&](int64_t begin, int64_t end) {
    uint64_t state = (seed + 1) * 0x9E3779B97F4A7C15ull +
                     static_cast<uint64_t>(begin) * 0xD1342543DE82EF95ull;
    for (int64_t i = begin; i < end; ++i) {
      state = state * 6364136223846793005ull + 1442695040888963407ull;
      float value =
          static_cast<float>(static_cast<int32_t>(state >> 32)) * 0x1p-31f;
      data[i] = type == Scalar::f16 ? floatToF16(value) : floatToBF16(value);
    }
  });
  return data;
}

struct Timing {
  double median = 0, best = 0;

  explicit Timing(std::vector<double> times) {
    if (times.empty())
      return;
    std::sort(times.begin(), times.end());
    median = times[times.size() / 2];
    best = times.front();
  }
};

struct Result {
  const Case *product;
  Timing ours, dense;
  /// ‖ours − cuBLAS‖ / ‖cuBLAS‖.
  double difference;

  double rate(double microseconds) const {
    return 2e-6 * static_cast<double>(product->rows) *
           static_cast<double>(product->columns) *
           static_cast<double>(product->k) / microseconds;
  }
};

/// The weight that several products share, on the device.
struct Weight {
  const Case *product = nullptr;
  void *dense = nullptr, *packed = nullptr;
  int64_t packedBytes = 0;
};

class Benchmark {
public:
  Benchmark(Device &device, const Options &options)
      : device(device), options(options), stream(device.createStream()),
        cublas(Cublas::open(options.cublas, device, stream)),
        flush(device.allocate(kFlushBytes)) {}

  int run();

private:
  void loadWeight(const Case &product);
  Result measure(const Case &product);
  double difference(const Case &product, const void *ours, const void *dense);
  void print(const Result &result);
  bool writeJson() const;

  Device &device;
  const Options &options;
  Device::Stream stream;
  std::unique_ptr<Cublas> cublas;
  void *flush;
  Weight weight;
  std::vector<Result> results;
};

void Benchmark::loadWeight(const Case &product) {
  if (weight.product && weight.product->rows == product.rows &&
      weight.product->k == product.k &&
      weight.product->element == product.element)
    return;
  if (weight.product) {
    device.release(weight.dense);
    device.release(weight.packed);
  }
  ElementType type =
      product.element == Scalar::f16 ? ElementType::F16 : ElementType::BF16;
  std::vector<uint16_t> dense =
      randomMatrix(product.element, product.rows * product.k, 1);
  auto matrix = MatrixRef::rowMajor(dense.data(), product.rows, product.k);
  prune(type, matrix,
        MutableMatrixRef::rowMajor(dense.data(), product.rows, product.k));
  PackedLayout layout{PackedFamily::MmaSp, type, product.rows, product.k};
  std::vector<uint8_t> packed(layout.bytes());
  packDense(layout, matrix, packed.data());

  weight = {&product, device.allocate(2 * dense.size()),
            device.allocate(packed.size()), layout.bytes()};
  device.upload(weight.dense, dense.data(), 2 * dense.size(), stream);
  device.upload(weight.packed, packed.data(), packed.size(), stream);
  device.synchronize(stream);
}

double Benchmark::difference(const Case &product, const void *ours,
                             const void *dense) {
  int64_t size = product.rows * product.columns;
  std::vector<uint16_t> a(size), b(size);
  device.download(a.data(), ours, 2 * size, stream);
  device.download(b.data(), dense, 2 * size, stream);
  device.synchronize(stream);
  std::vector<float> x(size), y(size);
  ElementType type =
      product.output == Scalar::f16 ? ElementType::F16 : ElementType::BF16;
  convertToFloat(type, a.data(), x.data(), size);
  convertToFloat(type, b.data(), y.data(), size);
  double error = 0, norm = 0;
  for (int64_t i = 0; i < size; ++i) {
    double delta = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    error += delta * delta;
    norm += static_cast<double>(y[i]) * static_cast<double>(y[i]);
  }
  return std::sqrt(error / norm);
}

Result Benchmark::measure(const Case &product) {
  loadWeight(product);
  int64_t denseSize = product.k * product.columns;
  size_t outputBytes = 2 * product.rows * product.columns;
  std::vector<uint16_t> activations =
      randomMatrix(product.element, denseSize, 2);
  void *dense = device.allocate(2 * denseSize);
  device.upload(dense, activations.data(), 2 * denseSize, stream);
  void *ours = device.allocate(outputBytes);
  void *theirs = device.allocate(outputBytes);
  device.fill(ours, 0xFF, outputBytes, stream);
  device.synchronize(stream);

  void *context = nullptr;
  auto check = [&](int32_t status) {
    if (status)
      Device::die(std::string(product.name) + ": " +
                  sparse24StatusString(status) + ": " + sparse24LastError());
  };
  check(product.create(nullptr, &context));
  MemRef<1> w = memref(weight.packed, weight.packedBytes);
  MemRef<2> x = product.denseRef(dense, product.columns);
  MemRef<2> d = product.outputRef(ours, product.columns);
  // Once outside of a capture: that loads what is loaded lazily.
  check(product.run(context, &w, &x, &d, stream));
  if (cublas)
    cublas->multiply(product, weight.dense, dense, theirs);
  device.synchronize(stream);

  std::vector<Device::Graph> graphs;
  graphs.push_back(device.capture(
      stream, [&] { check(product.run(context, &w, &x, &d, stream)); }));
  if (cublas)
    graphs.push_back(device.capture(stream, [&] {
      cublas->multiply(product, weight.dense, dense, theirs);
    }));

  Device::Event begin = device.createEvent(), end = device.createEvent();
  std::vector<double> times[2];
  for (int i = 0; i < kWarmUps + options.repetitions; ++i)
    for (size_t side = 0; side < graphs.size(); ++side) {
      device.synchronize(stream);
      std::this_thread::sleep_for(std::chrono::milliseconds(options.rest));
      device.fill(flush, static_cast<unsigned char>(i), kFlushBytes, stream);
      device.record(begin, stream);
      device.launch(graphs[side], stream);
      device.record(end, stream);
      double time = device.elapsed(begin, end);
      if (i >= kWarmUps)
        times[side].push_back(time);
    }
  Result result{&product, Timing(times[0]), Timing(times[1]),
                cublas ? difference(product, ours, theirs) : NAN};

  for (Device::Graph graph : graphs)
    device.release(graph, stream);
  check(product.destroy(context));
  for (void *buffer : {dense, ours, theirs})
    device.release(buffer);
  return result;
}

/// Accumulation order and one rounding to bf16 on each side.
constexpr double kAllowedDifference = 1e-2;

void Benchmark::print(const Result &result) {
  const Case &product = *result.product;
  std::printf("%s %-4s %c  %6lld %6lld %6lld  %9.1f %6.0f", text(product.side),
              text(product.element), product.transposeDense ? 't' : ' ',
              static_cast<long long>(product.rows),
              static_cast<long long>(product.k),
              static_cast<long long>(product.columns), result.ours.median,
              result.rate(result.ours.median));
  if (cublas)
    std::printf("  %9.1f %6.0f  %7.2f  %.1e%s", result.dense.median,
                result.rate(result.dense.median),
                result.dense.median / result.ours.median, result.difference,
                result.difference <= kAllowedDifference ? "" : "  WRONG");
  std::printf("\n");
  std::fflush(stdout);
}

bool Benchmark::writeJson() const {
  std::FILE *file = std::fopen(options.json.c_str(), "w");
  if (!file) {
    std::fprintf(stderr, "error: can't write %s\n", options.json.c_str());
    return false;
  }
  std::fprintf(file,
               "{\"device\": \"%s\", \"repetitions\": %d, \"rest_ms\": %d, "
               "\"products\": [",
               device.name.c_str(), options.repetitions, options.rest);
  for (size_t i = 0; i < results.size(); ++i) {
    const Result &result = results[i];
    const Case &product = *result.product;
    std::fprintf(file,
                 "%s\n  {\"side\": \"%s\", \"type\": \"%s\", "
                 "\"transpose_dense\": %s, \"m\": %lld, \"k\": %lld, "
                 "\"n\": %lld, \"us\": %.3f, \"us_best\": %.3f, "
                 "\"tflops\": %.1f",
                 i ? "," : "", text(product.side), text(product.element),
                 product.transposeDense ? "true" : "false",
                 static_cast<long long>(product.rows),
                 static_cast<long long>(product.k),
                 static_cast<long long>(product.columns), result.ours.median,
                 result.ours.best, result.rate(result.ours.median));
    if (cublas)
      std::fprintf(file,
                   ", \"cublas_us\": %.3f, \"cublas_us_best\": %.3f, "
                   "\"cublas_tflops\": %.1f, \"difference\": %.3e",
                   result.dense.median, result.dense.best,
                   result.rate(result.dense.median), result.difference);
    std::fprintf(file, "}");
  }
  std::fprintf(file, "\n]}\n");
  return std::fclose(file) == 0;
}

int Benchmark::run() {
  std::vector<Case> cases;
  for (const Case &product : allCases())
    if (std::strstr(product.name, options.filter.c_str()))
      cases.push_back(product);
  std::printf(
      "%s, cold L2, median of %d graph replays, %d ms rest before each%s\n"
      "W is M × K and sparse; t: X is given transposed\n\n"
      "side type        M      K      N   sparse µs TFLOP/s  "
      "cuBLAS µs TFLOP/s  speed-up  difference\n",
      device.name.c_str(), options.repetitions, options.rest,
      cublas ? "" : ", cuBLAS not found");
  bool isRight = !cases.empty();
  for (const Case &product : cases) {
    results.push_back(measure(product));
    print(results.back());
    isRight &= !cublas || results.back().difference <= kAllowedDifference;
  }
  if (!options.json.empty())
    isRight &= writeJson();
  return isRight ? 0 : 1;
}

[[noreturn]] void usage(const char *program, int status) {
  std::fprintf(status ? stderr : stdout,
               "usage: %s [--filter TEXT] [--repetitions COUNT] [--rest MS] "
               "[--cublas LIBRARY] [--json FILE]\n",
               program);
  std::exit(status);
}

} // namespace

int main(int argc, char **argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    bool hasValue = i + 1 < argc;
    if (argument == "--filter" && hasValue)
      options.filter = argv[++i];
    else if (argument == "--cublas" && hasValue)
      options.cublas = argv[++i];
    else if (argument == "--json" && hasValue)
      options.json = argv[++i];
    else if (argument == "--repetitions" && hasValue)
      options.repetitions = std::max(1, std::atoi(argv[++i]));
    else if (argument == "--rest" && hasValue)
      options.rest = std::max(0, std::atoi(argv[++i]));
    else
      usage(argv[0], argument == "--help" ? 0 : 2);
  }
  Device device;
  return Benchmark(device, options).run();
}

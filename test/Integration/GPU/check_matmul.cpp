// Checks every element of compiled 2:4 products on a GPU.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
// For each function of cases.inc and each size of the dense operand: outputs
// are poisoned and lie between guard zones; all inputs are random and fresh;
// every element is compared with a float64 reference, once within an error
// bound and once, on small integers, exactly; a second run, with another
// poison, must give the same bits. Pointers are aligned to 16 bytes and no
// more, and what lies behind the inputs is NaN or a large integer. Links with
// the compiled functions, Support and Runtime; needs no CUDA.

#include "Cases.h"
#include "sparse24/Runtime/Runtime.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <tuple>
#include <unistd.h>

using namespace sparse24;
using namespace sparse24::gpu;

namespace {

struct Options {
  std::string filter;
  int64_t maxSize = INT64_MAX;
  bool useGraphs = true;
};

double secondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start)
      .count();
}

/// Bytes to fill memory with: NaN as any float, −1 or 255 as integers.
constexpr unsigned char kPoison = 0xFF;
/// Of the second run: what wasn't written is another value then, whatever the
/// type.
constexpr unsigned char kSecondPoison = 0x55;

/// A device buffer with poison all around what is in use.
class GuardedBuffer {
public:
  static constexpr int64_t kGuard = 4096;
  /// Of the data: as little as the kernels ask for.
  static constexpr int64_t kAlignment = 16;
  static constexpr int64_t kDataOffset = kGuard + kAlignment;

  GuardedBuffer(Device &device, int64_t capacity)
      : base(static_cast<char *>(
            device.allocate(kDataOffset + capacity + kGuard))) {}

  void *data() const { return base + kDataOffset; }
  static int64_t wholeBytes(int64_t bytes) {
    return kDataOffset + bytes + kGuard;
  }
  void poison(Device &device, int64_t bytes, Device::Stream stream,
              unsigned char poison = kPoison) {
    device.fill(base, poison, wholeBytes(bytes), stream);
  }
  void upload(Device &device, const void *from, int64_t bytes,
              Device::Stream stream) {
    poison(device, bytes, stream);
    device.upload(data(), from, bytes, stream);
  }
  void download(Device &device, void *to, int64_t bytes,
                Device::Stream stream) const {
    device.download(to, base, wholeBytes(bytes), stream);
  }
  /// Whether a downloaded buffer's guard zones are untouched.
  static bool isIntact(const char *whole, int64_t bytes, unsigned char poison) {
    auto isPoison = [&](char byte) {
      return static_cast<unsigned char>(byte) == poison;
    };
    return std::all_of(whole, whole + kDataOffset, isPoison) &&
           std::all_of(whole + kDataOffset + bytes, whole + wholeBytes(bytes),
                       isPoison);
  }

private:
  char *base;
};

/// One line of the final table.
struct Summary {
  int64_t products = 0, runs = 0, failed = 0;
  double worst = 0;
};

class Checker {
public:
  Checker(Device &device, const Options &options)
      : device(device), options(options), stream(device.createStream()) {}

  /// Returns whether all is right.
  bool run();

private:
  using Key = std::tuple<Side, ElementType, int64_t>;
  static Key keyOf(const Case &product) {
    return {product.side, product.operation.element, product.expectedColumns};
  }

  void selectCases();
  void createContexts();
  void allocate();
  void checkInterface();
  void checkDepth(ElementType element, int64_t k, Data data);
  std::vector<EpilogueOperand> uploadOperands(const Case &product,
                                              int64_t columns, Data data);
  void checkProduct(const Case &product, const Reference &reference, Data data);
  /// Poisons, runs and downloads; whether the run reported success.
  bool runOnce(const Case &product, int64_t columns,
               const std::vector<EpilogueOperand> &operands, char *result,
               unsigned char poison, bool isCaptured);
  void fail(const Case &product, int64_t columns, const std::string &what);
  void showProgress();
  bool printSummary();

  Device &device;
  const Options &options;
  Device::Stream stream;
  std::vector<Case> cases;
  std::map<std::string, void *> contexts;
  std::unique_ptr<GuardedBuffer> packed, denseByRows, denseByColumns, output;
  /// Of the epilogue and the sum's start.
  std::unique_ptr<GuardedBuffer> operandBuffers[2];
  char *firstResult = nullptr, *secondResult = nullptr;
  int64_t totalProducts = 0, doneProducts = 0;
  double lastProgress = 0;
  std::map<Key, Summary> summaries;
  std::vector<std::string> failures;
  std::chrono::steady_clock::time_point start =
      std::chrono::steady_clock::now();
};

void Checker::selectCases() {
  for (Case &product : allCases()) {
    if (!std::strstr(product.name, options.filter.c_str()) ||
        product.rows() > options.maxSize || product.k() > options.maxSize)
      continue;
    std::vector<int64_t> &columns = product.columns;
    columns.erase(
        std::remove_if(columns.begin(), columns.end(),
                       [&](int64_t size) { return size > options.maxSize; }),
        columns.end());
    totalProducts += 2 * static_cast<int64_t>(columns.size());
    cases.push_back(product);
  }
}

/// Kernels may be PTX that the driver compiles now: a thread for each module.
void Checker::createContexts() {
  std::map<Key, std::vector<const Case *>> modules;
  for (const Case &product : cases)
    modules[keyOf(product)].push_back(&product);
  std::vector<std::thread> threads;
  std::mutex mutex;
  for (const auto &entry : modules)
    threads.emplace_back([&, members = entry.second] {
      device.attachThread();
      for (const Case *product : members) {
        void *context = nullptr;
        if (int32_t status = product->create(nullptr, &context))
          Device::die(std::string(product->name) +
                      "_create: " + sparse24StatusString(status) + ": " +
                      sparse24LastError());
        std::lock_guard<std::mutex> lock(mutex);
        contexts[product->name] = context;
      }
    });
  for (std::thread &thread : threads)
    thread.join();
  std::printf("loaded %zu functions of %zu modules in %.1f s\n", cases.size(),
              modules.size(), secondsSince(start));
}

void Checker::allocate() {
  int64_t packedBytes = 0, denseBytes = 0, outputBytes = 0;
  for (const Case &product : cases) {
    packedBytes = std::max(packedBytes, product.layout.bytes());
    for (int64_t columns : product.columns) {
      denseBytes =
          std::max(denseBytes, product.k() * columns *
                                   storageBytes(product.operation.element));
      outputBytes = std::max(outputBytes, product.outputBytes(columns));
    }
  }
  auto allocate = [&](int64_t bytes) {
    return std::make_unique<GuardedBuffer>(device, bytes);
  };
  packed = allocate(packedBytes);
  denseByRows = allocate(denseBytes);
  denseByColumns = allocate(denseBytes);
  output = allocate(outputBytes);
  // No operand is larger than an s32 or f32 output.
  for (std::unique_ptr<GuardedBuffer> &buffer : operandBuffers)
    buffer = allocate(4 * outputBytes);
  int64_t whole = GuardedBuffer::wholeBytes(outputBytes);
  firstResult = static_cast<char *>(device.allocateHost(whole));
  secondResult = static_cast<char *>(device.allocateHost(whole));
}

void Checker::fail(const Case &product, int64_t columns,
                   const std::string &what) {
  ++summaries[keyOf(product)].failed;
  failures.push_back(std::string(product.name) + ", dense size " +
                     std::to_string(columns) + ": " + what);
}

/// An empty product is no work, and a misaligned argument is refused.
void Checker::checkInterface() {
  std::set<Key> seen;
  for (const Case &product : cases) {
    if (!product.operation.operands().empty() ||
        !seen.insert(keyOf(product)).second)
      continue;
    void *context = contexts[product.name];
    MemRef<1> w = memref(packed->data(), product.layout.bytes());
    MemRef<2> x = product.denseRef(denseByRows->data(), 0);
    MemRef<2> d = product.outputRef(output->data(), 0);
    if (int32_t status = product.run(context, &w, &x, {}, &d, stream))
      fail(product, 0,
           std::string("an empty product gives the status '") +
               sparse24StatusString(status) + "': " + sparse24LastError());
    x = product.denseRef(static_cast<char *>(denseByRows->data()) + 4, 8);
    d = product.outputRef(output->data(), 8);
    if (product.run(context, &w, &x, {}, &d, stream) != SPARSE24_MISALIGNED)
      fail(product, 8, "a misaligned dense operand isn't refused");
  }
  device.synchronize(stream);
}

std::vector<EpilogueOperand>
Checker::uploadOperands(const Case &product, int64_t columns, Data data) {
  std::vector<EpilogueOperand> operands;
  for (const OperandType &type : product.operation.operands()) {
    size_t number = operands.size();
    operands.emplace_back(type, product.operation, product.rows(), columns,
                          product.isOutputTransposed(), data,
                          columns * 4 + static_cast<int64_t>(number));
    const std::vector<uint8_t> &bytes = operands.back().bytes;
    operandBuffers[number]->upload(device, bytes.data(),
                                   static_cast<int64_t>(bytes.size()), stream);
  }
  device.synchronize(stream);
  return operands;
}

bool Checker::runOnce(const Case &product, int64_t columns,
                      const std::vector<EpilogueOperand> &operands,
                      char *result, unsigned char poison, bool isCaptured) {
  int64_t bytes = product.outputBytes(columns);
  MemRef<1> w = memref(packed->data(), product.layout.bytes());
  GuardedBuffer &dense =
      product.isDenseByColumns() ? *denseByColumns : *denseByRows;
  MemRef<2> x = product.denseRef(dense.data(), columns);
  MemRef<2> d = product.outputRef(output->data(), columns);
  std::vector<std::vector<int64_t>> descriptors;
  std::vector<void *> pointers;
  for (const EpilogueOperand &operand : operands) {
    const GuardedBuffer &buffer = *operandBuffers[descriptors.size()];
    descriptors.push_back(memref(buffer.data(), operand.sizes));
    pointers.push_back(descriptors.back().data());
  }

  int32_t status = 0;
  auto enqueue = [&] {
    status = product.run(contexts[product.name], &w, &x, pointers, &d, stream);
  };
  output->poison(device, bytes, stream, poison);
  if (isCaptured) {
    Device::Graph graph = device.capture(stream, enqueue);
    device.launch(graph, stream);
    device.release(graph, stream);
  } else {
    enqueue();
  }
  output->download(device, result, bytes, stream);
  device.synchronize(stream);
  if (status)
    fail(product, columns,
         std::string(sparse24StatusString(status)) + ": " +
             sparse24LastError());
  return status == 0;
}

void Checker::checkProduct(const Case &product, const Reference &reference,
                           Data data) {
  int64_t columns = reference.columns;
  int64_t bytes = product.outputBytes(columns);
  Summary &summary = summaries[keyOf(product)];
  ++summary.products;
  ++summary.runs;
  ++doneProducts;
  std::vector<EpilogueOperand> operands =
      uploadOperands(product, columns, data);
  if (!runOnce(product, columns, operands, firstResult, kPoison,
               /*isCaptured=*/false))
    return;
  const char *first = firstResult + GuardedBuffer::kDataOffset;
  Comparison comparison =
      compare(first, product.operation, product.isOutputTransposed(), reference,
              operands, data, product.k());
  summary.worst = std::max(summary.worst, comparison.worst);
  if (comparison.wrong) {
    fail(product, columns,
         std::to_string(comparison.wrong) + " of " +
             std::to_string(product.rows() * columns) + " elements wrong (" +
             (data == Data::Exact ? "integers" : "reals") + "), the first at " +
             comparison.first);
    return;
  }

  ++summary.runs;
  bool isCaptured = options.useGraphs &&
                    columns == product.columns[product.columns.size() / 2];
  if (!runOnce(product, columns, operands, secondResult, kSecondPoison,
               isCaptured))
    return;
  if (!GuardedBuffer::isIntact(firstResult, bytes, kPoison) ||
      !GuardedBuffer::isIntact(secondResult, bytes, kSecondPoison))
    fail(product, columns, "wrote outside of its output");
  else if (std::memcmp(first, secondResult + GuardedBuffer::kDataOffset, bytes))
    fail(product, columns,
         isCaptured ? "another result in a CUDA graph"
                    : "another result in the second run: a race, or an output "
                      "that isn't written");
}

/// All products of one type and k, on fresh operands.
void Checker::checkDepth(ElementType element, int64_t k, Data data) {
  std::map<int64_t, std::vector<const Case *>> byRows;
  for (const Case &product : cases)
    if (product.operation.element == element && product.k() == k)
      byRows[product.rows()].push_back(&product);

  std::map<int64_t, std::unique_ptr<DenseOperand>> operands;
  uint64_t seed = static_cast<uint64_t>(k) * 64 +
                  static_cast<uint64_t>(element) * 2 +
                  static_cast<uint64_t>(data);
  for (const auto &[rows, products] : byRows) {
    SparseOperand sparse(products.front()->layout, data, seed * 8192 + rows);
    packed->upload(device, sparse.packed.data(),
                   static_cast<int64_t>(sparse.packed.size()), stream);
    std::set<int64_t> sizes;
    for (const Case *product : products)
      sizes.insert(product->columns.begin(), product->columns.end());

    for (int64_t columns : sizes) {
      std::unique_ptr<DenseOperand> &dense = operands[columns];
      if (!dense)
        dense = std::make_unique<DenseOperand>(element, k, columns, data,
                                               ~seed * 8192 + columns);
      auto bytes = static_cast<int64_t>(dense->byRows.size());
      denseByRows->upload(device, dense->byRows.data(), bytes, stream);
      denseByColumns->upload(device, dense->byColumns.data(), bytes, stream);
      device.synchronize(stream);
      Reference reference(sparse, *dense, data);
      for (const Case *product : products)
        if (std::count(product->columns.begin(), product->columns.end(),
                       columns))
          checkProduct(*product, reference, data);
      showProgress();
    }
  }
}

void Checker::showProgress() {
  double seconds = secondsSince(start);
  bool isTerminal = isatty(fileno(stderr));
  if (seconds - lastProgress < (isTerminal ? 0.2 : 10.0) &&
      doneProducts != totalProducts)
    return;
  lastProgress = seconds;
  constexpr int kWidth = 40;
  auto filled = static_cast<int>(kWidth * doneProducts /
                                 std::max<int64_t>(1, totalProducts));
  std::string bar(kWidth, '.');
  std::fill_n(bar.begin(), filled, '#');
  std::fprintf(stderr, "%s[%s] %lld of %lld products, %zu failures, %.0f s%s",
               isTerminal ? "\r" : "", bar.c_str(),
               static_cast<long long>(doneProducts),
               static_cast<long long>(totalProducts), failures.size(), seconds,
               isTerminal && doneProducts != totalProducts ? "" : "\n");
}

bool Checker::printSummary() {
  constexpr size_t kShown = 25;
  for (size_t i = 0; i < std::min(failures.size(), kShown); ++i)
    std::printf("FAILED %s\n", failures[i].c_str());
  if (failures.size() > kShown)
    std::printf("… and %zu more\n", failures.size() - kShown);

  std::printf("\nside  type  schedule for N  products   runs  failed  "
              "worst error / allowed\n");
  int64_t products = 0;
  for (const auto &[key, summary] : summaries) {
    const auto &[side, element, expected] = key;
    std::printf("%-5s %-5s %14lld  %8lld %6lld  %6lld  %21.3f\n", text(side),
                elementTypeName(element), static_cast<long long>(expected),
                static_cast<long long>(summary.products),
                static_cast<long long>(summary.runs),
                static_cast<long long>(summary.failed), summary.worst);
    products += summary.products;
  }
  bool isRight = failures.empty() && products > 0;
  std::printf("\n%s: %lld products, %zu failures, %.0f s on %s\n",
              isRight ? "PASSED" : "FAILED", static_cast<long long>(products),
              failures.size(), secondsSince(start), device.name.c_str());
  return isRight;
}

bool Checker::run() {
  selectCases();
  if (cases.empty())
    Device::die("no function matches");
  createContexts();
  allocate();
  checkInterface();
  std::set<std::pair<ElementType, int64_t>> depths;
  for (const Case &product : cases)
    depths.insert({product.operation.element, product.k()});
  for (auto [element, k] : depths)
    for (Data data : {Data::Exact, Data::Real})
      checkDepth(element, k, data);
  for (const Case &product : cases)
    product.destroy(contexts[product.name]);
  return printSummary();
}

[[noreturn]] void usage(const char *program, int status) {
  std::fprintf(status ? stderr : stdout,
               "usage: %s [--filter TEXT] [--max-size SIZE] [--no-graphs]\n"
               "  --filter TEXT    only functions whose name has TEXT in it\n"
               "  --max-size SIZE  no size above SIZE (for slow tools such as "
               "compute-sanitizer)\n"
               "  --no-graphs      don't run products in CUDA graphs\n",
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
    else if (argument == "--max-size" && hasValue)
      options.maxSize = std::atoll(argv[++i]);
    else if (argument == "--no-graphs")
      options.useGraphs = false;
    else
      usage(argv[0], argument == "--help" ? 0 : 2);
  }
  Device device;
  Checker checker(device, options);
  return checker.run() ? 0 : 1;
}

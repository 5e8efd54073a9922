//===- ChannelPermutation.cpp - Channels in a better order ----------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/ChannelPermutation.h"

#include "Threads.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

// The search is all the time in one loop over rows: where the compiler can, it
// makes it for wider vectors, too, and the machine chooses.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) &&          \
    !defined(__clang__)
#define SPARSE24_WIDE_VECTORS                                                  \
  __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define SPARSE24_WIDE_VECTORS
#endif

namespace sparse24 {

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

/// Less work (rows times pairs) than this is not worth a thread.
static constexpr int64_t kMinWorkPerThread = 1 << 15;

/// Calls body(i) for all i < count, each of which is `work`.
static void parallelFor(int64_t count, int64_t work, int numThreads,
                        const std::function<void(int64_t)> &body) {
  int64_t threads = std::min({detail::getNumThreads(numThreads), count,
                              1 + count * work / kMinWorkPerThread});
  auto run = [&](int64_t thread) {
    for (int64_t i = thread; i < count; i += threads)
      body(i);
  };
  detail::runOnThreads(threads, run);
}

//===----------------------------------------------------------------------===//
// Squares
//===----------------------------------------------------------------------===//

namespace {

/// The squares of a matrix's elements, column by column, as multiples of the
/// largest, so that they are finite. Rows are filled up with zeros to whole
/// vectors.
class Squares {
public:
  /// Rows that are handled at once.
  static constexpr int64_t kLanes = 16;

  Squares(ElementType type, const MatrixRef &matrix, int64_t rows,
          int numThreads);

  int64_t getRows() const { return rows; }
  /// A column beyond the last is zero.
  const float *column(int64_t k) const {
    return data.data() + std::min(k, columns) * rows;
  }

private:
  int64_t rows, columns;
  std::vector<float> data;
};

} // namespace

Squares::Squares(ElementType type, const MatrixRef &matrix, int64_t searched,
                 int numThreads)
    : rows(ceilDiv(searched, kLanes) * kLanes), columns(matrix.k),
      data((columns + 1) * rows) {
  int64_t bytes = storageBytes(type);
  std::vector<float> largest(columns);
  auto readColumn = [&](int64_t k) {
    std::vector<unsigned char> elements(searched * bytes);
    for (int64_t i = 0; i < searched; ++i) {
      int64_t row = i * matrix.rows / searched;
      std::memcpy(elements.data() + i * bytes,
                  static_cast<const unsigned char *>(matrix.data) +
                      (row * matrix.rowStride + k * matrix.kStride) * bytes,
                  bytes);
    }
    float *values = data.data() + k * rows;
    convertToFloat(type, elements.data(), values, searched);
    for (int64_t i = 0; i < searched; ++i) {
      values[i] = std::isfinite(values[i]) ? std::fabs(values[i]) : 0.0f;
      largest[k] = std::max(largest[k], values[i]);
    }
  };
  parallelFor(columns, searched, numThreads, readColumn);
  float scale = *std::max_element(largest.begin(), largest.end());
  if (scale == 0.0f)
    return;
  parallelFor(columns, searched, numThreads, [&](int64_t k) {
    float *values = data.data() + k * rows;
    for (int64_t i = 0; i < searched; ++i)
      values[i] = (values[i] / scale) * (values[i] / scale);
  });
}

//===----------------------------------------------------------------------===//
// Two groups
//===----------------------------------------------------------------------===//

namespace {

/// The ways to share out the channels of two groups of `size`: the positions of
/// the first group's, then those of the second. The last channel stays in the
/// second, so that no way comes twice; the first way leaves all as it is.
template <int size>
struct Partitions {
  static constexpr int kCount = size == 4 ? 35 : 3;
  std::array<std::array<int, 2 * size>, kCount> ways;

  Partitions() {
    int way = 0;
    for (unsigned mask = 0; mask < 1u << (2 * size - 1); ++mask) {
      int first = 0, second = size;
      std::array<int, 2 * size> positions;
      if (__builtin_popcount(mask) != size)
        continue;
      for (int i = 0; i < 2 * size; ++i)
        positions[mask >> i & 1 ? first++ : second++] = i;
      ways[way++] = positions;
    }
  }
};

/// Largest and sum of two channels, for some rows.
struct PairOfChannels {
  float max[Squares::kLanes];
  float sum[Squares::kLanes];
};

} // namespace

template <int size>
static const Partitions<size> &getPartitions() {
  static const Partitions<size> partitions;
  return partitions;
}

/// What is kept of four channels: two from either pair, or the largest of both.
static inline float keptOfFour(const PairOfChannels &a, const PairOfChannels &b,
                               int lane) {
  return std::max(std::max(a.sum[lane], b.sum[lane]),
                  a.max[lane] + b.max[lane]);
}

/// Adds up what either way to share out the channels keeps.
SPARSE24_WIDE_VECTORS
static void sumKept4(const float *const *columns, int64_t rows, double *kept) {
  constexpr int lanes = Squares::kLanes;
  const Partitions<4> &partitions = getPartitions<4>();
  float sums[Partitions<4>::kCount][lanes] = {};
  PairOfChannels pairs[8][8];
  for (int64_t row = 0; row < rows; row += lanes) {
    for (int i = 0; i < 8; ++i)
      for (int j = i + 1; j < 8; ++j)
        for (int lane = 0; lane < lanes; ++lane) {
          float a = columns[i][row + lane], b = columns[j][row + lane];
          pairs[i][j].max[lane] = std::max(a, b);
          pairs[i][j].sum[lane] = a + b;
        }
    for (int way = 0; way < Partitions<4>::kCount; ++way) {
      const std::array<int, 8> &p = partitions.ways[way];
      for (int lane = 0; lane < lanes; ++lane)
        sums[way][lane] +=
            keptOfFour(pairs[p[0]][p[1]], pairs[p[2]][p[3]], lane) +
            keptOfFour(pairs[p[4]][p[5]], pairs[p[6]][p[7]], lane);
    }
  }
  for (int way = 0; way < Partitions<4>::kCount; ++way)
    kept[way] = std::accumulate(sums[way], sums[way] + lanes, 0.0);
}

/// The same where one of two is kept.
static void sumKept2(const float *const *columns, int64_t rows, double *kept) {
  for (int way = 0; way < Partitions<2>::kCount; ++way) {
    const std::array<int, 4> &p = getPartitions<2>().ways[way];
    float sums[Squares::kLanes] = {};
    for (int64_t row = 0; row < rows; row += Squares::kLanes)
      for (int lane = 0; lane < Squares::kLanes; ++lane)
        sums[lane] +=
            std::max(columns[p[0]][row + lane], columns[p[1]][row + lane]) +
            std::max(columns[p[2]][row + lane], columns[p[3]][row + lane]);
    kept[way] = std::accumulate(sums, sums + Squares::kLanes, 0.0);
  }
}

/// Shares the channels at `first` and at `second` out among them in the best
/// way; false if they are so already. Channels at or beyond k, which only the
/// matrix's last group has, stay where they are.
template <int size>
static bool improvePair(const Squares &squares, int64_t k, int64_t *first,
                        int64_t *second) {
  using Ways = Partitions<size>;
  int64_t channels[2 * size];
  const float *columns[2 * size];
  std::copy_n(first, size, channels);
  std::copy_n(second, size, channels + size);
  for (int i = 0; i < 2 * size; ++i)
    columns[i] = squares.column(channels[i]);

  double kept[Ways::kCount];
  if constexpr (size == 4)
    sumKept4(columns, squares.getRows(), kept);
  else
    sumKept2(columns, squares.getRows(), kept);

  // Less than this is rounding, which could go round in circles.
  constexpr double minGain = 1e-6;
  int best = 0;
  for (int way = 1; way < Ways::kCount; ++way) {
    const auto &positions = getPartitions<size>().ways[way];
    bool isAllowed =
        std::all_of(positions.begin(), positions.begin() + size,
                    [&](int position) { return channels[position] < k; });
    double least = best == 0 ? kept[0] * (1 + minGain) : kept[best];
    if (isAllowed && kept[way] > least)
      best = way;
  }
  const auto &positions = getPartitions<size>().ways[best];
  for (int i = 0; i < size; ++i) {
    first[i] = channels[positions[i]];
    second[i] = channels[positions[size + i]];
  }
  return best != 0;
}

//===----------------------------------------------------------------------===//
// Sweeps
//===----------------------------------------------------------------------===//

namespace {

/// All groups of a matrix, on their way to a better order.
template <int size>
class Tournament {
public:
  Tournament(const Squares &squares, int64_t k)
      : squares(squares), k(k), groups(ceilDiv(k, size)),
        teams(groups + groups % 2), channels(groups * size),
        lastChange(groups, 0) {
    std::iota(channels.begin(), channels.end(), 0);
  }

  /// Lets every two groups meet; false if nothing changed.
  bool sweep(int numThreads);
  std::vector<int64_t> getPermutation();

private:
  bool meet(int64_t a, int64_t b);

  const Squares &squares;
  int64_t k;
  int64_t groups;
  /// An even number of groups: where one is missing, it is always another's
  /// turn to have a rest.
  int64_t teams;
  std::vector<int64_t> channels;
  /// The round in which each group changed last.
  std::vector<int64_t> lastChange;
  int64_t round = 0;
};

} // namespace

template <int size>
bool Tournament<size>::meet(int64_t a, int64_t b) {
  if (std::max(a, b) >= groups)
    return false;
  if (a > b)
    std::swap(a, b);
  // They met as many rounds ago as a sweep has. If they are still the same,
  // there is nothing to gain.
  if (std::max(lastChange[a], lastChange[b]) <= round - (teams - 1))
    return false;
  if (!improvePair<size>(squares, k, &channels[a * size], &channels[b * size]))
    return false;
  lastChange[a] = lastChange[b] = round;
  return true;
}

template <int size>
bool Tournament<size>::sweep(int numThreads) {
  std::vector<char> changes(teams / 2, false);
  // The last team stays, the others move on by one in a circle.
  int64_t circle = teams - 1;
  for (int64_t turn = 0; turn < circle; ++turn, ++round)
    parallelFor(teams / 2, squares.getRows(), numThreads, [&](int64_t i) {
      int64_t a = i == 0 ? circle : (turn + i) % circle;
      int64_t b = (turn + circle - i) % circle;
      changes[i] |= meet(a, b);
    });
  return std::any_of(changes.begin(), changes.end(),
                     [](char changed) { return changed; });
}

/// Which group is where makes no difference, but what is near in memory should
/// stay near. A group that isn't whole must be the last.
template <int size>
std::vector<int64_t> Tournament<size>::getPermutation() {
  std::vector<std::array<int64_t, size>> sorted(groups);
  for (int64_t g = 0; g < groups; ++g) {
    std::copy_n(&channels[g * size], size, sorted[g].begin());
    std::sort(sorted[g].begin(), sorted[g].end());
  }
  std::sort(sorted.begin(), sorted.begin() + k / size);
  std::vector<int64_t> permutation;
  for (const auto &group : sorted)
    permutation.insert(permutation.end(), group.begin(), group.end());
  permutation.resize(k);
  return permutation;
}

template <int size>
static std::vector<int64_t> search(const Squares &squares, int64_t k,
                                   int sweeps, int numThreads) {
  Tournament<size> tournament(squares, k);
  while (sweeps-- > 0 && tournament.sweep(numThreads)) {
  }
  return tournament.getPermutation();
}

int64_t PermutationBounds::searchedRows(ElementType type, int64_t rows,
                                        int64_t k) const {
  int64_t groups = groupsPerRow(type, k);
  int64_t pairs = std::max<int64_t>(1, groups * (groups - 1) / 2);
  return std::min(rows, std::max<int64_t>(256, workPerSweep / pairs));
}

std::vector<int64_t> findChannelPermutation(ElementType type,
                                            const MatrixRef &matrix,
                                            const PermutationBounds &bounds,
                                            int numThreads) {
  if (matrix.rows == 0 || groupsPerRow(type, matrix.k) < 2) {
    std::vector<int64_t> identity(matrix.k);
    std::iota(identity.begin(), identity.end(), 0);
    return identity;
  }
  Squares squares(type, matrix,
                  bounds.searchedRows(type, matrix.rows, matrix.k), numThreads);
  return groupSize(type) == 4
             ? search<4>(squares, matrix.k, bounds.sweeps, numThreads)
             : search<2>(squares, matrix.k, bounds.sweeps, numThreads);
}

} // namespace sparse24

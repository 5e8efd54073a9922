//===- WeightFileTest.cpp -------------------------------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Support/WeightFile.h"

#include "Reference.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <unistd.h>

using namespace sparse24;
using namespace sparse24::test;

namespace {

class WeightFileTest : public testing::Test {
protected:
  std::string path =
      testing::TempDir() + "sparse24-weights-" + std::to_string(getpid()) +
      "-" + testing::UnitTest::GetInstance()->current_test_info()->name();
  PackedLayout layout{PackedFamily::MmaSp, ElementType::BF16, 40, 100};
  Bytes packed = Bytes(layout.bytes());
  std::vector<float> bias = {1, 2, 3};

  void SetUp() override {
    std::mt19937 random(5);
    for (uint8_t &byte : packed)
      byte = static_cast<uint8_t>(random());
  }
  void TearDown() override {
    std::remove(path.c_str());
    std::remove((path + ".partial").c_str());
  }

  /// A file with a packed weight, appended in pieces, and a plain one.
  void writeSample() {
    WeightFileWriter writer(path);
    ASSERT_TRUE(writer.beginPacked("layer0.weight", layout)) << writer.error();
    for (size_t begin = 0; begin < packed.size(); begin += 1001)
      ASSERT_TRUE(writer.append(packed.data() + begin,
                                std::min<size_t>(1001, packed.size() - begin)));
    ASSERT_TRUE(writer.addPlain("layer0.bias", "f32", 1, 3, bias.data(),
                                bias.size() * sizeof(float)));
    ASSERT_TRUE(writer.finish()) << writer.error();
  }

  std::string readBytes() {
    std::ifstream stream(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(stream), {});
  }
  void writeBytes(const std::string &bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }

  /// Opens what must be refused; the reason, without the path.
  std::string refusal() {
    std::string error;
    std::unique_ptr<WeightFile> file = WeightFile::open(path, error);
    EXPECT_EQ(file, nullptr);
    EXPECT_EQ(error.rfind(path + ": ", 0), 0u) << error;
    return error.substr(std::min(error.size(), path.size() + 2));
  }
};

TEST_F(WeightFileTest, RoundTrip) {
  writeSample();
  std::string error;
  std::unique_ptr<WeightFile> file = WeightFile::open(path, error);
  ASSERT_NE(file, nullptr) << error;
  ASSERT_EQ(file->entries().size(), 2u);
  EXPECT_TRUE(file->verify(error)) << error;

  const WeightEntry *weight = file->find("layer0.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_TRUE(weight->isPacked);
  EXPECT_EQ(weight->elementType, "bf16");
  EXPECT_EQ(weight->layout, layout.text());
  EXPECT_EQ(weight->layoutHash, layout.hash());
  EXPECT_EQ(weight->rows, 40);
  EXPECT_EQ(weight->k, 100);
  ASSERT_EQ(weight->bytes, packed.size());
  EXPECT_EQ(std::memcmp(file->data(*weight), packed.data(), packed.size()), 0);

  const WeightEntry *plain = file->find("layer0.bias");
  ASSERT_NE(plain, nullptr);
  EXPECT_FALSE(plain->isPacked);
  EXPECT_EQ(plain->elementType, "f32");
  EXPECT_EQ(plain->layout, "plain,f32,rows=1,k=3");
  EXPECT_EQ(plain->layoutHash, plainLayoutHash("f32", 1, 3));
  EXPECT_EQ(std::memcmp(file->data(*plain), bias.data(), plain->bytes), 0);

  for (const WeightEntry &entry : file->entries()) {
    EXPECT_EQ(entry.offset % kWeightAlignment, 0u);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(file->data(entry)) % kWeightAlignment,
              0u);
  }
  EXPECT_EQ(file->find("layer0"), nullptr);
}

TEST_F(WeightFileTest, EmptyFileOfWeights) {
  WeightFileWriter writer(path);
  ASSERT_TRUE(writer.finish());
  std::string error;
  std::unique_ptr<WeightFile> file = WeightFile::open(path, error);
  ASSERT_NE(file, nullptr) << error;
  EXPECT_TRUE(file->entries().empty());
}

TEST_F(WeightFileTest, EmptyWeightAndOddName) {
  {
    WeightFileWriter writer(path);
    ASSERT_TRUE(writer.addPlain("", "i1", 0, 7, nullptr, 0));
    ASSERT_TRUE(writer.addPlain("größe \"1\"", "i8", 1, 1, "x", 1));
    ASSERT_TRUE(writer.finish()) << writer.error();
  }
  std::string error;
  std::unique_ptr<WeightFile> file = WeightFile::open(path, error);
  ASSERT_NE(file, nullptr) << error;
  ASSERT_NE(file->find(""), nullptr);
  EXPECT_EQ(file->find("")->bytes, 0u);
  ASSERT_NE(file->find("größe \"1\""), nullptr);
}

TEST_F(WeightFileTest, ChecksumIsTheSameInPieces) {
  WeightChecksum whole, pieces;
  whole.update(packed.data(), packed.size());
  for (size_t begin = 0, step = 1; begin < packed.size(); begin += step, ++step)
    pieces.update(packed.data() + begin, std::min(step, packed.size() - begin));
  EXPECT_EQ(whole.value(), pieces.value());
  EXPECT_EQ(WeightChecksum().value(), fnv1a64(""));
}

//===----------------------------------------------------------------------===//
// Files that are refused
//===----------------------------------------------------------------------===//

TEST_F(WeightFileTest, MissingFile) {
  EXPECT_EQ(refusal(), "cannot be opened: No such file or directory");
}

TEST_F(WeightFileTest, Directory) {
  std::string error;
  EXPECT_EQ(WeightFile::open(testing::TempDir(), error), nullptr);
  EXPECT_NE(error.find("is not a regular file"), std::string::npos) << error;
}

TEST_F(WeightFileTest, OtherFile) {
  writeBytes("");
  EXPECT_EQ(refusal(), "is not a weight file: it is too short for a header");
  writeBytes(std::string(1000, 'x'));
  EXPECT_EQ(refusal(), "is not a weight file: it doesn't begin with SP24WGT1");
  writeBytes(std::string(1000, '\0'));
  EXPECT_EQ(refusal(), "was not finished by its writer");
}

TEST_F(WeightFileTest, EveryTruncationIsNoticed) {
  writeSample();
  std::string bytes = readBytes();
  for (size_t size = 0; size < bytes.size(); size += size < 64 ? 1 : 37) {
    writeBytes(bytes.substr(0, size));
    std::string reason = refusal();
    if (size < 64)
      EXPECT_EQ(reason, "is not a weight file: it is too short for a header");
    else
      EXPECT_EQ(reason, "is truncated: it has " + std::to_string(size) +
                            " bytes, its header says " +
                            std::to_string(bytes.size()));
  }
  writeBytes(bytes + "more");
  EXPECT_EQ(refusal().rfind("has something appended", 0), 0u);
}

TEST_F(WeightFileTest, EveryCorruptByteIsNoticed) {
  writeSample();
  std::string bytes = readBytes();
  uint64_t tableOffset;
  std::memcpy(&tableOffset, bytes.data() + 16, 8);
  for (size_t i = 0; i < bytes.size();
       i += i < 64 || i >= tableOffset ? 1 : 97) {
    std::string corrupt = bytes;
    corrupt[i] ^= 0x10;
    writeBytes(corrupt);
    if (i < 64 || i >= tableOffset) {
      refusal();
      continue;
    }
    // A payload is looked at by verify() only; the gaps between them by nobody.
    std::string error;
    std::unique_ptr<WeightFile> file = WeightFile::open(path, error);
    ASSERT_NE(file, nullptr) << error;
    bool isPayload = false;
    for (const WeightEntry &entry : file->entries())
      isPayload |= i >= entry.offset && i < entry.offset + entry.bytes;
    EXPECT_EQ(file->verify(error), !isPayload);
    if (isPayload) {
      EXPECT_NE(error.find("don't match their checksum"), std::string::npos);
    }
  }
}

//===----------------------------------------------------------------------===//
// Writers that go wrong
//===----------------------------------------------------------------------===//

TEST_F(WeightFileTest, UnwritablePath) {
  WeightFileWriter writer("/nonexistent/weights");
  EXPECT_FALSE(writer.addPlain("a", "i8", 1, 1, "x", 1));
  EXPECT_FALSE(writer.finish());
  EXPECT_EQ(
      writer.error(),
      "/nonexistent/weights: cannot be written: No such file or directory");
}

TEST_F(WeightFileTest, WriterRefusesMistakes) {
  {
    WeightFileWriter writer(path);
    EXPECT_TRUE(writer.addPlain("a", "i8", 1, 1, "x", 1));
    EXPECT_FALSE(writer.addPlain("a", "i8", 1, 1, "x", 1));
    EXPECT_EQ(writer.error(), path + ": weight 'a' is added twice");
    EXPECT_FALSE(writer.finish());
  }
  {
    WeightFileWriter writer(path);
    EXPECT_FALSE(writer.addPlain("a", "i8", 1, 1, "xy", 1) &&
                 writer.append("z", 1));
    EXPECT_EQ(writer.error(), path + ": too much data for weight 'a'");
  }
  {
    WeightFileWriter writer(path);
    EXPECT_TRUE(writer.beginPacked("w", layout));
    EXPECT_TRUE(writer.append(packed.data(), packed.size() - 5));
    EXPECT_FALSE(writer.finish());
    EXPECT_EQ(writer.error(), path + ": weight 'w' lacks 5 of its " +
                                  std::to_string(packed.size()) + " bytes");
  }
  {
    WeightFileWriter writer(path);
    EXPECT_FALSE(writer.append("x", 1));
    EXPECT_EQ(writer.error(), path + ": data without a weight");
  }
}

TEST_F(WeightFileTest, NothingIsLeftOfAnUnfinishedFile) {
  writeSample();
  std::string before = readBytes();
  {
    WeightFileWriter writer(path);
    EXPECT_TRUE(writer.beginPacked("w", layout));
  }
  EXPECT_EQ(readBytes(), before);
  EXPECT_FALSE(std::ifstream(path + ".partial").good());
}

} // namespace

// Arrays as arguments of compiled functions.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Common/Arrays.h"

#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace sparse24::run;

static Error makeError(const Twine &message) {
  return createStringError(message);
}

Expected<std::pair<StringRef, NpyArray>>
sparse24::run::makeOutput(StringRef text) {
  auto [path, type] = text.rsplit(':');
  SmallVector<StringRef, 4> parts;
  type.split(parts, 'x');
  StringRef element = parts.pop_back_val();
  // NumPy has no bf16 or fp8: their bytes are written as void elements.
  StringRef descr = StringSwitch<StringRef>(element)
                        .Case("f64", "<f8")
                        .Case("f32", "<f4")
                        .Case("f16", "<f2")
                        .Case("bf16", "|V2")
                        .Cases({"f8E4M3FN", "f8E5M2"}, "|V1")
                        .Case("i64", "<i8")
                        .Case("i32", "<i4")
                        .Case("i16", "<i2")
                        .Case("i8", "|i1")
                        .Default("");
  if (path.empty() || descr.empty())
    return makeError("bad output '" + text +
                     "': write file.npy:<shape>x<element type>");
  SmallVector<int64_t, 4> shape;
  for (StringRef part : parts)
    if (part.getAsInteger(10, shape.emplace_back()) || shape.back() < 0)
      return makeError("bad output '" + text + "': bad size '" + part + "'");
  return std::make_pair(path,
                        NpyArray::poisoned(shape, descr, descr.back() - '0'));
}

SmallVector<int64_t> sparse24::run::makeDescriptor(NpyArray &array) {
  ArrayRef<int64_t> shape = array.shape();
  auto address = static_cast<int64_t>(reinterpret_cast<intptr_t>(array.data()));
  SmallVector<int64_t> words = {address, address, 0};
  words.append(shape.begin(), shape.end());
  size_t firstStride = words.size();
  words.resize(firstStride + shape.size());
  int64_t stride = 1;
  for (size_t dim = shape.size(); dim-- > 0; stride *= shape[dim])
    words[firstStride + dim] = stride;
  return words;
}

// Arguments of an emulated run.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "Arguments.h"

#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/StringSwitch.h"

using namespace llvm;
using namespace sparse24;
using namespace sparse24::emulate;

/// The bits of `i32:5` and the like; none if it isn't a number.
static std::optional<uint64_t> parseNumber(StringRef text) {
  auto [type, value] = text.split(':');
  if (type == "f32" || type == "f64" || type == "f16" || type == "bf16") {
    const fltSemantics &semantics = type == "f64"   ? APFloat::IEEEdouble()
                                    : type == "f32" ? APFloat::IEEEsingle()
                                    : type == "f16" ? APFloat::IEEEhalf()
                                                    : APFloat::BFloat();
    APFloat number(semantics);
    auto status = number.convertFromString(value, APFloat::rmNearestTiesToEven);
    if (errorToBool(status.takeError()))
      return std::nullopt;
    return number.bitcastToAPInt().getZExtValue();
  }
  int64_t number;
  if ((type == "index" || type == "i64" || type == "i32" || type == "i16" ||
       type == "i8" || type == "i1") &&
      !value.getAsInteger(0, number))
    return static_cast<uint64_t>(number);
  return std::nullopt;
}

/// `8x64` or `8x64,128`: the box, and how many bytes are swizzled.
Error Arguments::makeMap(StringRef parameters, Argument &argument) {
  auto fail = [&](const Twine &message) {
    return createStringError("'" + argument.text + "': " + message);
  };
  auto [boxText, swizzleText] = parameters.split(',');
  SmallVector<StringRef> extents;
  boxText.split(extents, 'x');
  ArrayRef<int64_t> shape = argument.array->shape();
  if (extents.size() != shape.size())
    return fail("the box has " + Twine(extents.size()) +
                " dimensions, the array " + Twine(shape.size()));
  auto swizzle = StringSwitch<std::optional<TensorMapSwizzle>>(swizzleText)
                     .Cases({"", "0"}, TensorMapSwizzle::none)
                     .Case("32", TensorMapSwizzle::bytes32)
                     .Case("64", TensorMapSwizzle::bytes64)
                     .Case("128", TensorMapSwizzle::bytes128)
                     .Default(std::nullopt);
  if (!swizzle)
    return fail("swizzles are of 32, 64 or 128 bytes");
  SmallVector<int64_t> box;
  for (StringRef extent : extents)
    if (extent.getAsInteger(10, box.emplace_back()))
      return fail("bad box");
  uint64_t itemBytes = argument.array->itemSize();
  auto type = itemBytes == 1   ? TensorMapType::U8
              : itemBytes == 2 ? TensorMapType::U16
              : itemBytes == 4 ? TensorMapType::U32
                               : TensorMapType::U64;
  TensorMapParameters tensor;
  const char *wrong = tensor.set(type, static_cast<uint32_t>(shape.size()),
                                 argument.descriptor.data(), box.data());
  argument.map = std::make_unique<emulator::TensorMap>();
  if (!wrong)
    wrong = emulator::encodeTensorMap(argument.map.get(), tensor, *swizzle);
  return wrong ? fail(wrong) : Error::success();
}

Error Arguments::parse(StringRef text, Argument &argument) {
  argument.text = text.str();
  StringRef map;
  if (text.consume_front("map("))
    std::tie(map, text) = text.split("):");
  if (std::optional<uint64_t> bits = parseNumber(text)) {
    argument.bits = *bits;
    return Error::success();
  }
  if (text.ends_with(".npy")) {
    Expected<run::NpyArray> array = run::NpyArray::read(text);
    if (!array)
      return array.takeError();
    argument.array = std::make_unique<run::NpyArray>(std::move(*array));
  } else {
    auto output = run::makeOutput(text);
    if (!output)
      return output.takeError();
    argument.outputPath = output->first.str();
    argument.array = std::make_unique<run::NpyArray>(std::move(output->second));
  }
  argument.descriptor = run::makeDescriptor(*argument.array);
  argument.pointer = argument.descriptor.data();
  return map.empty() ? Error::success() : makeMap(map, argument);
}

Expected<Arguments> Arguments::parse(ArrayRef<std::string> texts) {
  Arguments result;
  for (const std::string &text : texts)
    if (Error error = result.parse(text, result.arguments.emplace_back()))
      return error;
  return result;
}

Expected<std::vector<void *>>
Arguments::forEntry(mlir::LLVM::LLVMFuncOp function) {
  if (function.getNumArguments() != arguments.size())
    return createStringError("'" + function.getSymName() + "' takes " +
                             Twine(function.getNumArguments()) +
                             " arguments, but " + Twine(arguments.size()) +
                             " were given");
  std::vector<void *> pointers;
  for (Argument &argument : arguments)
    pointers.push_back(argument.array ? static_cast<void *>(&argument.pointer)
                                      : &argument.bits);
  return pointers;
}

Expected<std::vector<void *>>
Arguments::forKernel(mlir::LLVM::LLVMFuncOp function) {
  std::vector<void *> fields, bare;
  for (Argument &argument : arguments) {
    if (!argument.array || argument.map) {
      void *value = argument.map ? static_cast<void *>(argument.map.get())
                                 : &argument.bits;
      fields.push_back(value);
      bare.push_back(value);
      continue;
    }
    for (int64_t &field : argument.descriptor)
      fields.push_back(&field);
    bare.push_back(&argument.descriptor.front());
  }
  if (function.getNumArguments() == fields.size())
    return fields;
  if (function.getNumArguments() == bare.size())
    return bare;
  return createStringError("kernel '" + function.getSymName() + "' takes " +
                           Twine(function.getNumArguments()) +
                           " parameters, but the arguments are " +
                           Twine(fields.size()) + " (" + Twine(bare.size()) +
                           " with bare pointers for arrays)");
}

void Arguments::addTo(emulator::HostProgram &program) {
  for (Argument &argument : arguments)
    if (argument.array)
      program.add(argument.text, argument.array->data(),
                  argument.array->byteSize());
}

Error Arguments::writeOutputs() {
  for (Argument &argument : arguments)
    if (!argument.outputPath.empty())
      if (Error error = argument.array->write(argument.outputPath))
        return error;
  return Error::success();
}

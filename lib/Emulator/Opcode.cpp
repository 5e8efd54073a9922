//===- Opcode.cpp - An instruction's name, taken apart --------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "Opcode.h"

#include <algorithm>
#include <cctype>

using namespace sparse24::emulator;

static bool isDigits(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isdigit(static_cast<unsigned char>(c));
  });
}

Opcode::Opcode(std::string_view text) : whole(text) {
  while (true) {
    size_t dot = text.find('.');
    all.emplace_back(text.substr(0, dot));
    if (dot == std::string_view::npos)
      return;
    text.remove_prefix(dot + 1);
  }
}

bool Opcode::has(std::string_view part) const {
  return std::find(all.begin(), all.end(), part) != all.end();
}

bool Opcode::startsWith(std::string_view prefix) const {
  std::string_view text = whole;
  return text.starts_with(prefix) &&
         (text.size() == prefix.size() || text[prefix.size()] == '.');
}

bool Opcode::isAligned() const {
  // "bar.sync" is short for "barrier.cta.sync.aligned".
  return has("aligned") || (all[0] == "bar" && all[1] != "warp");
}

int Opcode::number(std::string_view letter, int otherwise) const {
  for (const std::string &part : all) {
    std::string_view rest = part;
    if (!rest.starts_with(letter))
      continue;
    rest.remove_prefix(letter.size());
    if (isDigits(rest))
      return std::stoi(std::string(rest));
  }
  return otherwise;
}

int Opcode::typeBits() const {
  const std::string &type = last();
  if (type == "e4m3" || type == "e5m2")
    return 8;
  if (type == "tf32")
    return 32;
  size_t digit = type.find_first_of("0123456789");
  if (digit == std::string::npos)
    return 0;
  int bits = std::stoi(type.substr(digit));
  // f16x2 and the like: two of them.
  size_t times = type.find('x');
  return times == std::string::npos ? bits
                                    : bits * std::stoi(type.substr(times + 1));
}

// Takes the text of PTX instructions apart.
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

#include "PtxParser.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;
using namespace mlir::sparse24;

std::optional<int64_t> mlir::sparse24::parsePtxInteger(StringRef text) {
  bool isNegative = text.consume_front("-");
  uint64_t value;
  bool isBits = text.consume_front("0f") || text.consume_front("0F");
  if (text.empty() || text.getAsInteger(isBits ? 16 : 0, value))
    return std::nullopt;
  return isNegative ? -static_cast<int64_t>(value)
                    : static_cast<int64_t>(value);
}

bool mlir::sparse24::hasPtxDestination(const PtxInstruction &instruction) {
  StringRef opcode = instruction.opcode;
  if (instruction.operands.empty())
    return false;
  // With an address first, an arrival gives its state away.
  if (opcode.starts_with("mbarrier.arrive"))
    return instruction.operands.front().kind != PtxOperand::address;
  static constexpr StringLiteral kWithout[] = {"st.",
                                               "st",
                                               "stmatrix",
                                               "red.",
                                               "cp.",
                                               "mbarrier.init",
                                               "mbarrier.inval",
                                               "mbarrier.expect_tx",
                                               "mbarrier.complete_tx",
                                               "bar.sync",
                                               "bar.arrive",
                                               "bar.warp.sync",
                                               "barrier.",
                                               "fence",
                                               "membar",
                                               "setmaxnreg",
                                               "prefetch",
                                               "griddepcontrol",
                                               "nanosleep",
                                               "trap",
                                               "exit",
                                               "brkpt",
                                               "wgmma.fence",
                                               "wgmma.commit_group",
                                               "wgmma.wait_group",
                                               "bra"};
  return llvm::none_of(kWithout, [&](StringRef name) {
    return opcode == name || (name != "st" && opcode.starts_with(name));
  });
}

namespace {

/// A position in the text of one instruction.
class Parser {
public:
  Parser(StringRef text, std::string &message) : text(text), message(message) {}

  LogicalResult parseInstruction(PtxInstruction &instruction);
  LogicalResult parseRegisters(std::vector<PtxRegister> &registers);

private:
  void skipSpace() { text = text.ltrim(); }
  bool consume(StringRef token) {
    skipSpace();
    return text.consume_front(token);
  }
  LogicalResult fail(const Twine &what) {
    message = ("expected " + what + " before '" + text + "'").str();
    return failure();
  }
  StringRef parseName();
  LogicalResult parseOperand(PtxOperand &operand);
  LogicalResult parseList(PtxOperand &operand, StringRef end);

  StringRef text;
  std::string &message;
};

} // namespace

StringRef Parser::parseName() {
  skipSpace();
  // "${0:r}" counts as one name.
  size_t length = 0;
  if (text.starts_with("${"))
    length = text.find('}') + 1;
  while (length < text.size() && (llvm::isAlnum(text[length]) ||
                                  StringRef("$%_.:-").contains(text[length])))
    ++length;
  StringRef name = text.take_front(length);
  text = text.drop_front(length);
  return name;
}

LogicalResult Parser::parseList(PtxOperand &operand, StringRef end) {
  do {
    if (failed(parseOperand(operand.parts.emplace_back())))
      return failure();
  } while (consume(","));
  return consume(end) ? success() : fail("'" + end + "'");
}

LogicalResult Parser::parseOperand(PtxOperand &operand) {
  if (consume("{")) {
    operand.kind = PtxOperand::list;
    return parseList(operand, "}");
  }
  if (consume("[")) {
    operand.kind = PtxOperand::address;
    if (failed(parseOperand(operand.parts.emplace_back())))
      return failure();
    if (consume("+")) {
      std::optional<int64_t> offset = parsePtxInteger(parseName());
      if (!offset)
        return fail("an offset");
      operand.offset = *offset;
    }
    return consume(",") ? parseList(operand, "]")
                        : (consume("]") ? success() : fail("']'"));
  }
  operand.isNegated = consume("!");
  operand.name = parseName();
  if (operand.name.empty())
    return fail("an operand");
  // "d|p" is a destination and a predicate.
  if (consume("|")) {
    PtxOperand first = operand, second;
    second.name = parseName();
    operand = {};
    operand.kind = PtxOperand::list;
    operand.parts = {first, second};
  }
  return success();
}

LogicalResult Parser::parseInstruction(PtxInstruction &instruction) {
  if (consume("@")) {
    PtxOperand predicate;
    predicate.isNegated = consume("!");
    predicate.name = parseName();
    instruction.predicate = predicate;
  }
  instruction.opcode = parseName();
  if (instruction.opcode.empty())
    return fail("an instruction");
  if (instruction.opcode.ends_with(":"))
    return fail("an instruction rather than a label");
  skipSpace();
  while (!text.empty()) {
    if (failed(parseOperand(instruction.operands.emplace_back())))
      return failure();
    if (!consume(",") && !text.ltrim().empty())
      return fail("','");
    skipSpace();
  }
  return success();
}

/// ".reg .b32 a, b" or ".reg .b32 r<4>".
LogicalResult Parser::parseRegisters(std::vector<PtxRegister> &registers) {
  StringRef type = parseName();
  if (!type.consume_front("."))
    return fail("a type");
  PtxRegister declaration;
  declaration.isFloat = type.starts_with("f");
  declaration.bits = 1;
  if (type != "pred" && type.drop_front().getAsInteger(10, declaration.bits))
    return fail("a type");
  do {
    std::string name = parseName().str();
    if (!consume("<")) {
      declaration.name = name;
      registers.push_back(declaration);
      continue;
    }
    std::optional<int64_t> count = parsePtxInteger(parseName());
    if (!count || !consume(">"))
      return fail("a number of registers");
    for (int64_t i = 0; i < *count; ++i) {
      declaration.name = name + std::to_string(i);
      registers.push_back(declaration);
    }
  } while (consume(","));
  return success();
}

FailureOr<PtxText> mlir::sparse24::parsePtx(StringRef text,
                                            std::string &message) {
  PtxText result;
  SmallVector<StringRef> statements;
  text.split(statements, ';');
  for (StringRef statement : statements) {
    statement = statement.trim();
    // Braces around statements are scopes; those of operands come later.
    while (statement.consume_front("{") || statement.consume_front("}"))
      statement = statement.ltrim();
    if (statement.empty())
      continue;
    bool isDeclaration = statement.consume_front(".reg");
    Parser parser(statement, message);
    if (failed(isDeclaration ? parser.parseRegisters(result.registers)
                             : parser.parseInstruction(
                                   result.instructions.emplace_back())))
      return failure();
  }
  return result;
}

//===- Findings.cpp - What the emulator reports ---------------------------===//
//
// SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
//
//===----------------------------------------------------------------------===//

#include "sparse24/Emulator/Findings.h"

using namespace sparse24::emulator;

const char *sparse24::emulator::text(FindingKind kind) {
  switch (kind) {
  case FindingKind::uninitializedRead:
    return "uninitialized-read";
  case FindingKind::race:
    return "race";
  case FindingKind::outOfBounds:
    return "out-of-bounds";
  case FindingKind::misaligned:
    return "misaligned";
  case FindingKind::missingWait:
    return "missing-wait";
  case FindingKind::missingFence:
    return "missing-fence";
  case FindingKind::deadlock:
    return "deadlock";
  case FindingKind::divergence:
    return "divergence";
  case FindingKind::operandMismatch:
    return "operand-mismatch";
  case FindingKind::invalidOperand:
    return "invalid-operand";
  case FindingKind::trap:
    return "trap";
  case FindingKind::unsupported:
    return "unsupported";
  }
  return "";
}

void Findings::add(Finding finding) {
  std::lock_guard lock(mutex);
  std::string place = finding.site.location + " " + finding.site.opcode;
  auto [it, isNew] =
      known.try_emplace({finding.kind, std::move(place)}, findings.size());
  if (isNew)
    findings.push_back(std::move(finding));
  else
    ++findings[it->second].count;
}

std::vector<Finding> Findings::take() {
  std::lock_guard lock(mutex);
  known.clear();
  return std::move(findings);
}

bool Findings::empty() {
  std::lock_guard lock(mutex);
  return findings.empty();
}

#!/usr/bin/env python3
"""Checks that no register of a sparse product's metadata is written too early.

    nvdisasm -c KERNELS.cubin | scripts/check_metadata_registers.py

A wgmma.sp product reads its metadata from a register while it is in flight, until a
wait says that it has ended. ptxas takes the register for free as soon as the
instruction is issued, so that a kernel's correctness depends on what it happens to
keep there meanwhile. This follows all paths through each kernel's instructions and
reports those that write such a register. Exit status 1 if there are any, or if there
are no products to check.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import re
import sys
from dataclasses import dataclass, field

FUNCTION = re.compile(r"\s*\.section\s+\.text\.(\S+?),")
LABEL = re.compile(r"(\.L\w+):")
INSTRUCTION = re.compile(r"/\*[0-9a-f]{4,}\*/\s+(?P<predicate>@!?U?P\w+\s+)?(?P<opcode>[A-Z][\w.]*)\s*(?P<operands>[^;]*);")
REGISTER = re.compile(r"R(\d+)(\.\w+)?")
#: HGMMA, IGMMA and QGMMA are wgmma of 16- and 32-bit floats, of integers, and of 8-bit floats.
PRODUCT = re.compile(r"[HIQ]GMMA\.SP\.")
#: What has a register first and doesn't write it.
READERS = ("BAR", "CCTL", "EXIT", "NANOSLEEP", "RED", "ST", "SYNCS", "UBLKCP", "UTMA")


@dataclass
class Instruction:
    predicated: bool
    opcode: str
    operands: list
    text: str

    def written(self):
        """The numbers of the registers that it writes."""
        match = REGISTER.fullmatch(self.operands[0])
        if not match or self.opcode.startswith(READERS):
            return set()
        count = 1
        if ".128" in self.opcode or self.opcode.startswith("LDSM"):
            count = 4
        elif ".64" in self.opcode or ".WIDE" in self.opcode:
            count = 2
        return set(range(int(match[1]), int(match[1]) + count))

    def metadata(self):
        """Of a product: the last of its registers. Others before it are the accumulators."""
        return [int(match[1]) for match in map(REGISTER.fullmatch, self.operands) if match][-1]

    def target(self):
        match = re.search(r"`\((\.L\w+)\)", self.text)
        return match[1] if self.opcode.startswith("BRA") and match else None


@dataclass
class Function:
    name: str
    instructions: list = field(default_factory=list)
    labels: dict = field(default_factory=dict)


def parse(lines):
    functions = []
    for line in lines:
        if match := FUNCTION.match(line):
            functions.append(Function(match[1]))
        elif not functions:
            continue
        elif match := LABEL.match(line.strip()):
            functions[-1].labels[match[1]] = len(functions[-1].instructions)
        elif match := INSTRUCTION.search(line):
            operands = [operand.strip() for operand in match["operands"].split(",")]
            functions[-1].instructions.append(
                Instruction(bool(match["predicate"]), match["opcode"], operands, match[0].split("*/")[1].strip()))
    return functions


def step(instruction, groups, current):
    """The registers that are read by committed groups of products, the oldest first, and
    by the group to come, after an instruction."""
    if PRODUCT.match(instruction.opcode):
        current = current | {instruction.metadata()}
        if any(operand.startswith("gsb") for operand in instruction.operands):
            return (*groups, current), frozenset()
    elif instruction.opcode.startswith("WARPGROUP.DEPBAR"):
        pending = int(instruction.operands[-1], 16)
        return groups[max(0, len(groups) - pending):], current
    return groups, current


def check(function):
    """The instructions that write what products in flight read."""
    found, seen, paths = {}, set(), [(0, (), frozenset())]
    while paths:
        at, groups, current = paths.pop()
        while at < len(function.instructions) and (at, groups, current) not in seen:
            seen.add((at, groups, current))
            instruction = function.instructions[at]
            if not PRODUCT.match(instruction.opcode) and instruction.written() & current.union(*groups):
                found[at] = instruction
            # More groups than any kernel waits for would make states without end.
            groups, current = step(instruction, groups, current)
            groups = groups[-4:]
            if instruction.opcode == "EXIT" and not instruction.predicated:
                break
            if target := instruction.target():
                paths.append((function.labels[target], groups, current))
                if not instruction.predicated and instruction.opcode == "BRA":
                    break
            at += 1
    return [found[at] for at in sorted(found)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=argparse.FileType(), default=sys.stdin,
                        help="what `nvdisasm -c` says (default: standard input)")
    products, errors = 0, 0
    for function in parse(parser.parse_args().file):
        number = sum(bool(PRODUCT.match(instruction.opcode)) for instruction in function.instructions)
        found = check(function)
        for instruction in found:
            print(f"{function.name}: error: writes the metadata of a product in flight: {instruction.text}")
        print(f"{function.name}: {number} products, {len(found)} errors")
        products, errors = products + number, errors + len(found)
    if not products:
        print("error: no wgmma.sp instructions in the input", file=sys.stderr)
    return 1 if errors or not products else 0


if __name__ == "__main__":
    sys.exit(main())

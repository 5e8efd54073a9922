#!/usr/bin/env python3
# Checks that every numbered rule of the dialect is documented in the ODS, has a
# message in C++ and a test that is named for it.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
RULE = re.compile(r"\b([a-z]+(?:_[a-z]+)*_c\d+)")
TEST = re.compile(r"func\.func @([a-z]+(?:_[a-z]+)*_c\d+)")
PLACES = {
    "documentation": (RULE, "include/sparse24/Dialect/Sparse24/IR", "*.td"),
    "message": (RULE, "lib/Dialect/Sparse24/IR", "*.cpp"),
    "test": (TEST, "test/Dialect/Sparse24", "invalid*.mlir"),
}


def rules(pattern, directory, glob):
    """Gives the rules that the files of a directory name."""
    paths = sorted((ROOT / directory).glob(glob))
    return {rule for path in paths for rule in pattern.findall(path.read_text(encoding="utf-8"))}


def main():
    found = {what: rules(*place) for what, place in PLACES.items()}
    every = set().union(*found.values())
    missing = [f"{rule} has no {what}" for what in found for rule in sorted(every - found[what])]
    for line in missing:
        print(line, file=sys.stderr)
    print(f"{len(every)} rules, {len(missing)} gaps")
    return 1 if missing or not every else 0


if __name__ == "__main__":
    sys.exit(main())

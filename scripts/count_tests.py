"""Adds up JUnit result files; fails when a test failed or a suite is empty."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import os
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    """Gives how many tests of a result file passed, failed and were skipped."""
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).iter("testcase"):
        if case.find("failure") is not None or case.find("error") is not None:
            failed += 1
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return passed, failed, skipped


def main(paths):
    totals = [0, 0, 0]
    for path in paths:
        suite = os.path.splitext(os.path.basename(path))[0]
        try:
            counts = count(path)
        except (OSError, ElementTree.ParseError) as error:
            print(f"{suite}: no results ({error})")
            counts = (0, 1, 0)
        if counts[0] + counts[1] == 0:
            print(f"{suite}: no test ran")
            counts = (0, 1, counts[2])
        print("{}: {} passed, {} failed, {} skipped".format(suite, *counts))
        totals = [total + number for total, number in zip(totals, counts)]
    print(f"{totals[0]} passed, {totals[1]} failed")
    return 1 if totals[1] or not totals[0] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

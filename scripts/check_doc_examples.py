#!/usr/bin/env python3
# Runs every MLIR example of a page through sparse24-opt: it must parse, verify
# and come out of a second run as it came out of the first.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
"""usage: check_doc_examples.py SPARSE24_OPT PAGE.md..."""

import re
import subprocess
import sys

EXAMPLE = re.compile(r"^```mlir\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page):
    """Yields (line, text) of each example; a lone attribute gets a module."""
    with open(page, encoding="utf-8") as file:
        content = file.read()
    for match in EXAMPLE.finditer(content):
        text = match.group(1)
        if text.startswith("#"):
            text = "module attributes {doc.example = %s} {}\n" % text.strip()
        yield content.count("\n", 0, match.start(1)) + 1, text


def optimize(tool, text):
    """Gives (text, None) or (None, diagnostics)."""
    run = subprocess.run([tool], input=text, capture_output=True, text=True)
    return (run.stdout, None) if run.returncode == 0 else (None, run.stderr)


def check(tool, text):
    """Gives what is wrong with an example, or None."""
    first, error = optimize(tool, text)
    if error:
        return error
    second, error = optimize(tool, first)
    if error:
        return "what was printed can't be read: " + error
    return None if first == second else "a second run prints something else"


def main(tool, pages):
    count = failures = 0
    for page in pages:
        for line, text in examples(page):
            count += 1
            error = check(tool, text)
            if error:
                failures += 1
                print(f"{page}:{line}: {error}", file=sys.stderr)
    print(f"{count} examples, {failures} failures")
    return 1 if failures or not count else 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2:]))

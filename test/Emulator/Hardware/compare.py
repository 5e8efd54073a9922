"""Compares the emulator with what record.py recorded on a card.

    compare.py sparse24-emulate results.npz

Integers must agree bit for bit. A float may differ by the rounding of the sum of
its products: |emulator - card| <= (terms + 1) u (|A||B| + |C|), and one rounding
to the result's type. The emulator itself gives |A||B| + |C|, from operands
without signs. u is 2^-23, a unit in the last place of a float, as the card cuts
off where it adds; its 8-bit floats are added up with fewer bits (u = 2^-13 of the
largest term).
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import pathlib
import sys
import tempfile

import numpy as np

import kernels
from emulation import emulate
from writer import EXACT, inputs_of

_RESULT = {"f32": (np.float32, 2.0 ** -23), "f16": (np.float16, 2.0 ** -10)}
# By what each input word holds: the bits of its signs.
_SIGNS = {"f32": 0x80000000, "tf32": 0x80000000, "f16": 0x80008000, "bf16": 0x80008000, "fp8": 0x80808080}


def unsigned_inputs(kernel):
    """The kernel's input with all floats made positive."""
    keep = [~np.uint32(_SIGNS.get(kind, 0)) for kind in kernel.fill]
    return inputs_of(kernel) & np.array(keep, np.uint32)


def disagreement(kernel, result, card, magnitude):
    """The largest difference, as a share of what is allowed; above 1 is wrong."""
    if kernel.terms == EXACT:
        return float("inf") if (result != card).any() else 0.0
    dtype, unit = _RESULT[kernel.result]
    ours, theirs, bound = (words.view(dtype).astype(np.float64) for words in (result, card, magnitude))
    accumulation = 2.0 ** -13 if "fp8" in kernel.fill else 2.0 ** -23
    allowed = (kernel.terms + 1) * accumulation * bound + unit * np.abs(theirs)
    if not np.isfinite(theirs).all():
        return float("inf")
    return float((np.abs(ours - theirs) / allowed).max())


def compare(tool, results, directory):
    """Yields (kernel, share of the allowed difference, findings)."""
    floats = [k for k in kernels.SUITE.kernels if k.terms != EXACT]
    (directory / "signed").mkdir()
    (directory / "unsigned").mkdir()
    emulated = emulate(tool, kernels.SUITE, directory / "signed")
    magnitudes = emulate(tool, kernels.SUITE, directory / "unsigned", unsigned_inputs, floats)
    for kernel in kernels.SUITE.kernels:
        result, findings = emulated[kernel.name]
        magnitude = magnitudes[kernel.name][0] if kernel.terms != EXACT else None
        yield kernel, disagreement(kernel, result, results[kernel.name], magnitude), findings


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tool", help="sparse24-emulate")
    parser.add_argument("results", type=pathlib.Path)
    options = parser.parse_args()
    results = np.load(options.results)
    failures = 0
    print(f"{'kernel':40s} of the allowed difference, on {results['device']}")
    with tempfile.TemporaryDirectory() as directory:
        for kernel, share, findings in compare(options.tool, results, pathlib.Path(directory)):
            wrong = share > 1 or findings
            failures += bool(wrong)
            print(f"{kernel.name:40s} {share:.3f}{'  WRONG' if share > 1 else ''}"
                  + "".join(f"  {finding.kind}: {finding.message}" for finding in findings))
    print(f"{len(kernels.SUITE.kernels) - failures} of {len(kernels.SUITE.kernels)} kernels agree")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

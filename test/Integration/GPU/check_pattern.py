#!/usr/bin/env python3
"""Checks run-time pruning, compression, packing and verification on a GPU, bit for bit.

    check_pattern.py build DIR [--target TARGET] [--model FILE]
    check_pattern.py run DIR

`build` compiles the cases of test/python/pattern_cases.py into DIR and, of a model, saves
its linear layers as bf16; `run` needs a card and NumPy. Every call is compared with the
reference of sparse24.pattern, and packing with what the compiler packed; the exit status
is 0 only if all bits are right.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT / "python"), str(ROOT / "test" / "python")]

from pattern_cases import CASES, ELEMENTS, FAMILIES, SCORED, draw_scores  # noqa: E402
from sparse24 import compiler, driver, export, pattern, runtime  # noqa: E402

#: Its functions take matrices of any size.
DYNAMIC = next(case for case in CASES if case.element == "bf16" and not case.is_static and case.is_both_ways)


def build(directory, target, model):
    for element in ELEMENTS:
        module = directory / f"{element}.mlir"
        module.write_text("".join("".join(case.functions()) for case in CASES if case.element == element))
        compiler.compile(module, directory / element, target)
        print(f"compiled {element}", file=sys.stderr)
    if model is not None:
        np.savez(directory / "layers.npz", **{layer.name: pattern.bf16_bits(layer.weight)
                                              for layer in export.load_layers(model)})


def call(function, inputs, outputs):
    """Runs on the device; gives the outputs' bits. What isn't written stays all ones."""
    arrays = [driver.DeviceArray.from_numpy(array) for array in inputs]
    results = [driver.DeviceArray(array.shape, array.dtype) for array in outputs]
    for result in results:
        result.fill_bytes(0xFF)
    function.run(None, *arrays, *results)
    return [result.numpy() for result in results]


def model_calls(bits):
    """Calls of the functions of DYNAMIC: name, inputs, what must come out."""
    random = np.random.default_rng(len(bits))
    scores = {"importance": draw_scores(random, bits.shape), "wanda": draw_scores(random, bits.shape[1:])}
    fill = lambda arrays: [np.zeros_like(array) for array in arrays]  # noqa: E731
    for criterion, (prune, compress) in {"magnitude": ("prune", "both"), "transposable": ("tiles", "tiles_both"),
                                         **{name: (name, f"{name}_both") for name in SCORED}}.items():
        own = [scores[criterion]] if criterion in scores else []
        pruned = pattern.prune_bits(bits, "bf16", criterion, *own)
        compressed = list(pattern.compress_bits(pruned, "bf16"))
        yield prune, [bits, *own, *fill([pruned])], [pruned]
        # (`both` is prune and compress of a magnitude, with memory for what is pruned.)
        scratch = fill([pruned]) if compress == "both" else []
        yield compress, [bits, *own, *scratch, *fill(compressed)], compressed
        if criterion == "transposable":
            ways = compressed + list(pattern.compress_bits(np.ascontiguousarray(pruned.T), "bf16"))
            yield "ways", [bits, *fill(ways)], ways


class Checker:
    """Counts calls and those that went wrong."""

    def __init__(self, directory):
        self.directory, self.calls, self.wrong = directory, 0, 0

    def compare(self, name, got, want):
        self.calls += 1
        bad = [index for index, (one, other) in enumerate(zip(got, want))
               if not np.array_equal(one.view(f"u{one.itemsize}"), other.view(f"u{other.itemsize}").reshape(one.shape))]
        if bad:
            self.wrong += 1
            print(f"WRONG: {name}, outputs {bad}")

    def run_cases(self, element):
        artifact = compiler.load(self.directory / element)
        for case in (case for case in CASES if case.element == element):
            packed = {}
            for name, inputs, outputs, expected in case.calls():
                with runtime.Function(artifact, f"{name}_{case.name}") as function:
                    like = [np.empty(shape, np.int8) if want is None else np.empty(shape, want.dtype)
                            for (shape, _), want in zip(outputs, expected)]
                    got = call(function, inputs, like)
                if expected[0] is None:
                    packed[name] = got
                else:
                    self.compare(f"{name}_{case.name}", got, expected)
            for family in FAMILIES if packed else ():
                self.compare(f"pack_{family}_{case.name}", packed[f"pack_{family}"], packed[f"constant_{family}"])

    def run_model(self):
        artifact = compiler.load(self.directory / "bf16")
        with np.load(self.directory / "layers.npz") as layers:
            for layer in layers:
                for name, inputs, expected in model_calls(layers[layer]):
                    with runtime.Function(artifact, f"{name}_{DYNAMIC.name}") as function:
                        self.compare(f"{name} of {layer}", call(function, inputs, expected), expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=("build", "run"))
    parser.add_argument("directory", type=Path)
    parser.add_argument("--target", default="sm_80")
    parser.add_argument("--model", type=Path, help="a safetensors checkpoint")
    options = parser.parse_args()
    options.directory.mkdir(parents=True, exist_ok=True)
    if options.step == "build":
        build(options.directory, options.target, options.model)
        return 0
    checker = Checker(options.directory)
    for element in ELEMENTS:
        checker.run_cases(element)
    if (options.directory / "layers.npz").exists():
        checker.run_model()
    print(f"{driver.get().device_name()}: {checker.calls} calls, {checker.wrong} wrong")
    return 1 if checker.wrong or not checker.calls else 0


if __name__ == "__main__":
    sys.exit(main())

"""Every mma.sp kernel that the pipeline makes, run in the emulator.

Sizes that fill no tile, no block and no chunk; each element is compared with a
float64 product, outputs are NaN before, and a race, an access out of bounds or
anything else that the emulator finds fails the test.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from sparse24 import cpu, pattern, reference, tools

#: The schedules that the compiler chooses from: tile rows and columns, warps
#: along each, stages.
SCHEDULES = ((256, 128, 4, 2, 4), (128, 256, 2, 4, 4), (128, 128, 2, 2, 4), (128, 64, 4, 1, 5), (64, 128, 1, 4, 5),
             (64, 64, 2, 2, 7), (128, 32, 4, 1, 7), (64, 32, 4, 1, 7), (64, 16, 4, 1, 7), (64, 8, 4, 1, 9))
#: Others that can be asked for: the fewest stages and warps, tiles that copies take
#: several turns for.
BY_HAND = ((256, 32, 2, 1, 3), (64, 64, 1, 2, 3), (32, 8, 2, 1, 3), (16, 256, 1, 8, 4), (256, 64, 8, 1, 3))
#: Rows of the sparse operand, K, and columns, from the least on.
ROWS = (1, 5, 8, 16, 17, 40, 64, 72, 100, 130, 200)
DEPTHS = (4, 6, 30, 64, 65, 90, 128, 130, 196, 264, 601, 1024)
COLUMNS = (1, 3, 7, 8, 13, 16, 24, 33, 64, 100, 129)
#: An output's type beside the element's own and f32.
OTHER = {"bf16": "f16", "f16": "bf16"}


@dataclass(frozen=True)
class Case:
    element: str
    side: str
    transpose: bool
    schedule: tuple
    number: int

    @property
    def name(self):
        return f"case{self.number}"

    @property
    def shape(self):
        """Neighbours differ in all three; strides are prime to the lists' lengths."""
        i = self.number
        return ROWS[i * 5 % len(ROWS)], DEPTHS[i * 7 % len(DEPTHS)], COLUMNS[(i * 3 + i // 11) % len(COLUMNS)]

    @property
    def output(self):
        return ("f32", self.element, OTHER[self.element])[self.number % 3]

    @property
    def epilogue(self):
        """Nothing, a bias with ReLU, or what is added to the output's old value."""
        return (None, "bias", "accumulate")[self.number // 3 % 3]

    def mlir(self, weight):
        rows, k, columns = self.shape
        is_lhs, element = self.side == "lhs", self.element
        dense = f"{k}x{columns}" if is_lhs != self.transpose else f"{columns}x{k}"
        out = f"tensor<{rows}x{columns}x{self.output}>" if is_lhs else f"tensor<{columns}x{rows}x{self.output}>"
        packed = f"tensor<{-(-rows // 16) * -(-k // 64) * 1152}xi8>"
        weight_type = f"tensor<{rows}x{k}x{element}>"
        values = f"tensor<{rows}x{2 * -(-k // 4)}x{element}>"
        metadata = f"tensor<{rows}x{-(-k // 16)}xi16>"
        layout = f"#sparse24.layout<mma_sp, {element}, rows = {rows}, k = {k}>"
        tile_rows, tile_cols, warp_rows, warp_cols, stages = self.schedule
        arguments = {"bias": f", %bias: tensor<{rows}xf32>", "accumulate": f", %old: {out}", None: ""}[self.epilogue]
        init = "%old" if self.epilogue == "accumulate" else "%empty"
        epilogue = ""
        if self.epilogue == "bias":
            convert = f"%2 = arith.truncf %1 : f32 to {self.output}\n" if self.output != "f32" else ""
            epilogue = f"""epilogue(%bias : tensor<{rows}xf32>) maps = [affine_map<(m, n) -> ({'m' if is_lhs else 'n'})>] {{
  ^bb0(%acc: f32, %b: f32):
    %zero = arith.constant 0.0 : f32
    %0 = arith.addf %acc, %b : f32
    %1 = arith.maximumf %0, %zero : f32
    {convert}    sparse24.yield {'%2' if convert else '%1'} : {self.output}
  }}"""
        return f"""
func.func @{self.name}(%x: tensor<{dense}x{element}>{arguments}) -> {out} {{
  %dense = arith.constant dense<"0x{weight.tobytes().hex().upper()}"> : {weight_type}
  %we = tensor.empty() : {weight_type}
  %w = sparse24.prune magnitude ins(%dense : {weight_type}) outs(%we : {weight_type}) -> {weight_type}
  %ve = tensor.empty() : {values}
  %me = tensor.empty() : {metadata}
  %v, %m = sparse24.compress ins(%w : {weight_type}) outs(%ve, %me : {values}, {metadata}) -> {values}, {metadata}
  %pe = tensor.empty() : {packed}
  %p = sparse24.pack {layout} ins(%v, %m : {values}, {metadata}) outs(%pe : {packed}) -> {packed}
  %empty = tensor.empty() : {out}
  %d = sparse24.matmul {self.side} ins(%p : {packed}) dense(%x : tensor<{dense}x{element}>) outs({init} : {out})
    k = {k} acc = f32 {'accumulate' if self.epilogue == 'accumulate' else ''}
    {'transpose_dense' if self.transpose else ''} layout = {layout}
    schedule = #sparse24.schedule<mma_sp, tile = [{tile_rows}, {tile_cols}, 64], warps = [{warp_rows}, {warp_cols}], stages = {stages}>
    {epilogue} -> {out}
  return %d : {out}
}}
"""


#: Every schedule with each type, side and order of the dense operand.
CASES = [Case(*kind, number) for number, kind in
         enumerate(itertools.product(("bf16", "f16"), ("lhs", "rhs"), (False, True), SCHEDULES + BY_HAND))]


def encode(values, element):
    """The array that a tool reads: bf16 as words."""
    if element == "bf16":
        return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    return np.asarray(values, {"f16": np.float16, "f32": np.float32}[element])


def decode(array, element):
    if element == "bf16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


class Problem:
    """A case's operands, what is expected and how far off an element may be."""

    def __init__(self, case):
        random = np.random.default_rng(case.number)
        rows, k, columns = case.shape

        def draw(shape, element):
            return pattern.round_to(random.standard_normal(shape), element)

        weight, x = draw((rows, k), case.element), draw((k, columns), case.element)
        is_lhs = case.side == "lhs"
        self.weight = encode(weight, case.element)
        self.inputs = [encode(x if is_lhs != case.transpose else x.T, case.element)]
        pruned = pattern.prune(weight, case.element).astype(np.float64)
        expected, magnitude = pruned @ x, np.abs(pruned) @ np.abs(x)
        if case.epilogue == "bias":
            bias = draw((rows,), "f32")
            self.inputs.append(bias)
            expected = np.maximum(expected + bias[:, None], 0)
            magnitude += np.abs(bias[:, None])
        if case.epilogue == "accumulate":
            old = draw((rows, columns), case.output)
            self.inputs.append(encode(old if is_lhs else old.T, case.output))
            expected, magnitude = expected + old, magnitude + np.abs(old)
        # A sum of one more where something is added.
        terms = k + (case.epilogue is not None)
        bound = pattern.UNIT_ROUNDOFF[case.output] * np.abs(expected) + terms * 2.0**-24 * magnitude
        self.expected, self.bound = (expected, bound) if is_lhs else (expected.T, bound.T)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Compiles and runs all cases of a type and side at once."""
    done = {}

    def get(element, side):
        if (element, side) not in done:
            cases = [case for case in CASES if (case.element, case.side) == (element, side)]
            problems = [Problem(case) for case in cases]
            directory = tmp_path_factory.mktemp("emulator")
            source, lowered = directory / "source.mlir", directory / "lowered.mlir"
            source.write_text("".join(case.mlir(problem.weight) for case, problem in zip(cases, problems)))
            tools.run([tools.find("sparse24-opt"), source, "--remarks-filter=", "-o", lowered,
                       "--sparse24-pipeline=target=sm_80 format=llvm"])
            calls = [cpu.Call(case.name, problem.inputs, [(problem.expected.shape, case.output)])
                     for case, problem in zip(cases, problems)]
            outputs = [arrays[0] for arrays, _ in cpu.run(lowered, calls, tool="sparse24-emulate")]
            done[element, side] = dict(zip(cases, zip(problems, outputs)))
        return done[element, side]

    return get


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(
    [case.element, case.side, "x".join(map(str, case.shape)), "x".join(map(str, case.schedule)),
     "transposed" if case.transpose else "plain", case.output, case.epilogue or "none"]))
def test_product(case, results):
    problem, output = results(case.element, case.side)[case]
    _, ratio = reference.compare(decode(output, case.output), problem.expected, problem.bound)
    assert ratio <= 1.0

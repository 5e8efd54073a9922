"""Kernels of both families that the pipeline makes, run in the emulator.

Sizes that fill no tile, no block and no chunk; each element is compared with a
float64 product, outputs are NaN before, and a race, an access out of bounds or
anything else that the emulator finds fails the test.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import itertools
from dataclasses import dataclass

import numpy as np
import products
import pytest

from sparse24 import cpu, pattern, reference, tools

#: mma.sp's schedules that the compiler chooses from: tile rows and columns, warps
#: along each, stages.
SCHEDULES = ((256, 128, 4, 2, 4), (128, 256, 2, 4, 4), (128, 128, 2, 2, 4), (128, 64, 4, 1, 5), (64, 128, 1, 4, 5),
             (64, 64, 2, 2, 7), (128, 32, 4, 1, 7), (64, 32, 4, 1, 7), (64, 16, 4, 1, 7), (64, 8, 4, 1, 9))
#: Others that can be asked for: the fewest stages and warps, tiles that copies take
#: several turns for.
BY_HAND = ((256, 32, 2, 1, 3), (64, 64, 1, 2, 3), (32, 8, 2, 1, 3), (16, 256, 1, 8, 4), (256, 64, 8, 1, 3))
#: wgmma.sp's schedules, by hand, with the CTAs of a cluster: one consumer and two,
#: one and two blocks of 64 rows each, narrow and wide tiles. Compiling the large
#: tiles is what takes the time.
WARPGROUPS = ((64, 8, 4, 1, 3, 1), (64, 32, 4, 1, 4, 1), (128, 16, 4, 1, 3, 2), (128, 64, 8, 1, 2, 2))
LARGE = ((256, 128, 8, 1, 5, 2), (128, 256, 8, 1, 4, 2), (256, 192, 8, 1, 4, 2))
#: Those whose tiles have parts along K, one of them with two tiles in a cluster.
SPLIT_K = ((64, 8, 4, 1, 3, 2, "split_k = 2"), (64, 32, 4, 1, 4, 4, "split_k = 4"), (128, 16, 4, 1, 3, 4, "split_k = 2"),
           (128, 64, 8, 1, 2, 2, "split_k = 2"))
LARGE_SPLIT_K = (128, 128, 8, 1, 3, 2, "split_k = 2")
#: Those whose last tiles can be computed in halves.
SPLIT = ((128, 16, 4, 1, 3, 2), (256, 32, 8, 1, 3, 1))
#: Those whose consumers take tiles in turn.
PING_PONG = ((64, 32, 4, 1, 4, 1), (128, 16, 4, 1, 3, 2))
#: Rows of the sparse operand, K, and columns, from the least on.
ROWS = (1, 5, 8, 16, 17, 40, 64, 72, 100, 130, 200)
DEPTHS = (4, 6, 30, 64, 65, 90, 128, 130, 196, 264, 601, 1024)
COLUMNS = (1, 3, 7, 8, 13, 16, 24, 33, 64, 100, 129)
#: Family -> shapes. mma.sp: neighbours differ in all three; strides are prime to the
#: lists' lengths. wgmma.sp: also more tiles than the emulator's four CTAs at a time,
#: clusters of which one CTA has no rows, and fewer blocks along K than stages.
SHAPES = {
    "mma_sp": [(ROWS[i * 5 % len(ROWS)], DEPTHS[i * 7 % len(DEPTHS)], COLUMNS[(i * 3 + i // 11) % len(COLUMNS)])
               for i in range(len(ROWS) * len(DEPTHS) * len(COLUMNS))],
    "wgmma_sp": [(1, 4, 1), (600, 64, 400), (65, 65, 40), (200, 264, 8), (8, 1024, 7), (260, 90, 200), (64, 64, 64),
                 (330, 130, 24), (100, 6, 129), (72, 601, 16), (520, 128, 33), (150, 1500, 30), (130, 200, 393), (300, 30, 100)],
}
TARGET = {"mma_sp": "sm_80", "wgmma_sp": "sm_90a"}
BYTES = {"bf16": 2, "f16": 2, "f32": 4, "f8E4M3FN": 1, "i8": 1}
#: The types of an output.
OUTPUTS = {"bf16": ("f32", "bf16", "f16"), "f16": ("f32", "f16", "bf16"), "f32": ("f32", "bf16", "f16"),
           "f8E4M3FN": ("f32", "bf16", "f16"), "i8": ("i32",)}


@dataclass(frozen=True)
class Case:
    family: str
    element: str
    side: str
    transpose: bool
    schedule: tuple
    number: int
    #: A shape and an epilogue, else they follow from the number.
    given: tuple = ()

    @property
    def name(self):
        return f"case{self.number}"

    @property
    def shape(self):
        if self.given:
            return self.given[0]
        shapes = SHAPES[self.family]
        # Each part has a block along K, of 128 bytes.
        parts = max([1, *(int(option.split()[-1]) for option in self.schedule[6:] if option.startswith("split_k"))])
        shapes = [shape for shape in shapes if shape[1] > 128 // BYTES[self.element] * (parts - 1)]
        return shapes[self.number % len(shapes)]

    @property
    def output(self):
        return OUTPUTS[self.element][self.number % len(OUTPUTS[self.element])]

    @property
    def accumulator(self):
        return "i32" if self.element == "i8" else "f32"

    @property
    def epilogue(self):
        """Nothing, a bias with ReLU, what is added to the output's old value, or to another matrix of its size."""
        return self.given[1] if self.given else (None, "bias", "accumulate", "residual")[self.number // 3 % 4]

    def mlir(self, weight):
        rows, k, columns = self.shape
        is_lhs, element = self.side == "lhs", self.element
        dense = f"{k}x{columns}" if is_lhs != self.transpose else f"{columns}x{k}"
        out = f"tensor<{rows}x{columns}x{self.output}>" if is_lhs else f"tensor<{columns}x{rows}x{self.output}>"
        pack, packed, layout = products.pack_constant(self.family, element, weight)
        tile_rows, tile_cols, warp_rows, warp_cols, stages, *options = self.schedule
        options = f", cluster = {options[0]}" + "".join(f", {option}" for option in options[1:]) if options else ""
        acc = self.accumulator
        arguments = {"bias": f", %bias: tensor<{rows}x{acc}>", "accumulate": f", %old: {out}",
                     "residual": f", %residual: {out}", None: ""}[self.epilogue]
        init = "%old" if self.epilogue == "accumulate" else "%empty"
        epilogue = ""
        convert = f"%2 = arith.truncf %1 : f32 to {self.output}\n" if self.output != acc else ""
        zero, add, maximum = ("0", "addi", "maxsi") if acc == "i32" else ("0.0", "addf", "maximumf")
        if self.epilogue == "residual":
            extend = f"%0 = arith.extf %r : {self.output} to f32\n" if self.output != acc else ""
            epilogue = f"""epilogue(%residual : {out}) maps = [affine_map<(m, n) -> (m, n)>] {{
  ^bb0(%acc: {acc}, %r: {self.output}):
    {extend}    %1 = arith.{add} %acc, {'%0' if extend else '%r'} : {acc}
    {convert}    sparse24.yield {'%2' if convert else '%1'} : {self.output}
  }}"""
        if self.epilogue == "bias":
            index = "m" if is_lhs else "n"
            epilogue = f"""epilogue(%bias : tensor<{rows}x{acc}>) maps = [affine_map<(m, n) -> ({index})>] {{
  ^bb0(%acc: {acc}, %b: {acc}):
    %zero = arith.constant {zero} : {acc}
    %0 = arith.{add} %acc, %b : {acc}
    %1 = arith.{maximum} %0, %zero : {acc}
    {convert}    sparse24.yield {'%2' if convert else '%1'} : {self.output}
  }}"""
        return f"""
func.func @{self.name}(%x: tensor<{dense}x{element}>{arguments}) -> {out} {{
  {pack}
  %empty = tensor.empty() : {out}
  %d = sparse24.matmul {self.side} ins(%p : {packed}) dense(%x : tensor<{dense}x{element}>) outs({init} : {out})
    k = {k} acc = {acc} {'accumulate' if self.epilogue == 'accumulate' else ''}
    {'transpose_dense' if self.transpose else ''} layout = {layout}
    schedule = #sparse24.schedule<{self.family}, tile = [{tile_rows}, {tile_cols}, {128 // BYTES[element]}],
      warps = [{warp_rows}, {warp_cols}], stages = {stages}{options}>
    {epilogue} -> {out}
  return %d : {out}
}}
"""


HALVES, SIDES, ORDERS = ("bf16", "f16"), ("lhs", "rhs"), (False, True)


def kinds():
    """Every schedule with each type, side and order of the dense operand; wgmma.sp's
    large tiles with half of these, and its other types with K contiguous only; those
    that can with their last tiles in halves, and some whose consumers take turns."""
    warpgroups = WARPGROUPS + SPLIT_K
    large = (*LARGE, LARGE_SPLIT_K)
    yield from itertools.product(("mma_sp",), HALVES, SIDES, ORDERS, SCHEDULES + BY_HAND)
    yield from itertools.product(("wgmma_sp",), HALVES, SIDES, ORDERS, warpgroups)
    for number, (schedule, side, transpose) in enumerate(itertools.product(large, SIDES, ORDERS)):
        yield "wgmma_sp", HALVES[(number + number // 4) % 2], side, transpose, schedule
    for element, side in itertools.product(("f32", "f8E4M3FN", "i8"), SIDES):
        for schedule in warpgroups:
            yield "wgmma_sp", element, side, side == "lhs", schedule
    for number, (element, schedule) in enumerate(itertools.product(("f32", "f8E4M3FN", "i8"), large)):
        side = SIDES[number % 2]
        yield "wgmma_sp", element, side, side == "lhs", schedule
    split = [(*schedule, "split_tail = true") for schedule in SPLIT]
    yield from itertools.product(("wgmma_sp",), ("bf16",), SIDES, ORDERS, split)
    for element, side in itertools.product(("f32", "f8E4M3FN", "i8"), SIDES):
        yield "wgmma_sp", element, side, side == "lhs", split[0]
    yield "wgmma_sp", "bf16", "rhs", False, (*LARGE[-1], "split_tail = true")
    ping_pong = [(*schedule, "ping_pong = true") for schedule in PING_PONG]
    yield from itertools.product(("wgmma_sp",), ("f16",), SIDES, ORDERS, ping_pong)
    for element, side in itertools.product(("f32", "f8E4M3FN", "i8"), SIDES):
        yield "wgmma_sp", element, side, side == "lhs", ping_pong[side == "lhs"]


CASES = [Case(*kind, number) for number, kind in enumerate(kinds())]
# Parts of K, two consumers, a residual that comes through the stages, and several tiles for each cluster.
CASES.append(Case("wgmma_sp", "bf16", "rhs", False, LARGE_SPLIT_K, len(CASES), ((600, 128, 400), "residual")))

#: The numbers that the f8E4M3FN from 0 to 0x7E stand for; 0x7F is NaN.
E4M3 = np.array([(code % 8 + 8 * (code >= 8)) * 2.0 ** (max(code // 8, 1) - 10) for code in range(127)])


def to_e4m3(values):
    """The nearest f8E4M3FN."""
    codes = np.searchsorted((E4M3[1:] + E4M3[:-1]) / 2, np.abs(values))
    return (codes + 128 * np.signbit(values)).astype(np.uint8)


def encode(values, element):
    """The array that a tool reads: bf16 as words, 8-bit floats as bytes."""
    if element == "bf16":
        return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)
    if element == "f8E4M3FN":
        return to_e4m3(values)
    return np.asarray(values, {"f16": np.float16, "f32": np.float32, "i8": np.int8, "i32": np.int32}[element])


def draw(random, shape, element):
    """Numbers that the type holds exactly."""
    if element in ("i8", "i32"):
        return random.integers(-128, 128, shape).astype(np.float64)
    values = random.standard_normal(shape)
    if element == "f8E4M3FN":
        return np.copysign(E4M3[to_e4m3(values) & 0x7F], values)
    return pattern.round_to(values, element)


def decode(array, element):
    if element == "bf16":
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array


class Problem:
    """A case's operands, what is expected and how far off an element may be."""

    def __init__(self, case):
        random = np.random.default_rng(case.number)
        rows, k, columns = case.shape

        # The instruction reads an f32 as tf32.
        operand = "tf32" if case.element == "f32" else case.element
        weight, x = draw(random, (rows, k), operand), draw(random, (k, columns), operand)
        is_lhs = case.side == "lhs"
        self.weight = encode(weight, case.element)
        self.inputs = [encode(x if is_lhs != case.transpose else x.T, case.element)]
        pruned = pattern.prune(weight, "tf32" if operand == "tf32" else "bf16").astype(np.float64)
        expected, magnitude = pruned @ x, np.abs(pruned) @ np.abs(x)
        if case.epilogue == "bias":
            bias = draw(random, (rows,), case.accumulator)
            self.inputs.append(encode(bias, case.accumulator))
            expected = np.maximum(expected + bias[:, None], 0)
            magnitude += np.abs(bias[:, None])
        if case.epilogue in ("accumulate", "residual"):
            old = draw(random, (rows, columns), case.output)
            self.inputs.append(encode(old if is_lhs else old.T, case.output))
            expected, magnitude = expected + old, magnitude + np.abs(old)
        # A sum of one more where something is added.
        terms = k + (case.epilogue is not None)
        bound = np.zeros_like(expected)
        if case.accumulator == "f32":
            bound = pattern.UNIT_ROUNDOFF[case.output] * np.abs(expected) + terms * 2.0**-24 * magnitude
        self.expected, self.bound = (expected, bound) if is_lhs else (expected.T, bound.T)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Compiles and runs all cases of a family, type and side at once."""
    done = {}

    def get(wanted):
        group = wanted.family, wanted.element, wanted.side
        if group not in done:
            cases = [case for case in CASES if (case.family, case.element, case.side) == group]
            problems = [Problem(case) for case in cases]
            directory = tmp_path_factory.mktemp("emulator")
            source, lowered = directory / "source.mlir", directory / "lowered.mlir"
            source.write_text("".join(case.mlir(problem.weight) for case, problem in zip(cases, problems)))
            tools.run([tools.find("sparse24-opt"), source, "--remarks-filter=", "-o", lowered,
                       f"--sparse24-pipeline=target={TARGET[wanted.family]} format=llvm"])
            calls = [cpu.Call(case.name, problem.inputs, [(problem.expected.shape, case.output)])
                     for case, problem in zip(cases, problems)]
            outputs = [arrays[0] for arrays, _ in cpu.run(lowered, calls, tool="sparse24-emulate")]
            done[group] = dict(zip(cases, zip(problems, outputs)))
        return done[group][wanted]

    return get


@pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(
    [case.family, case.element, case.side, "x".join(map(str, case.shape)), "x".join(map(str, case.schedule)),
     "transposed" if case.transpose else "plain", case.output, case.epilogue or "none"]))
def test_product(case, results):
    problem, output = results(case)
    _, ratio = reference.compare(decode(output, case.output), problem.expected, problem.bound)
    assert ratio <= 1.0

"""Epilogues with operands and outputs of types that vectors, tensor maps or registers
treat otherwise than floats of 16 and 32 bits: masks, bytes, 64 bits. As kernels, in
the emulator, and as loops, on the CPU.

All numbers are small integers, so that results are exact.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

from dataclasses import dataclass

import numpy as np
import products
import pytest

from sparse24 import cpu, pattern, tools

ROWS, K = 100, 130
#: Of an operand: how it varies with the output's dimensions.
MAPS = {"rows": "affine_map<(m, n) -> (m)>", "columns": "affine_map<(m, n) -> (n)>",
        "all": "affine_map<(m, n) -> (m, n)>"}
#: From the accumulator %a to an element of the output.
CONVERSIONS = {"f32": "", "i1": "%c = arith.cmpf ogt, %a, %zero : f32", "i8": "%c = arith.fptosi %a : f32 to i8",
               "i64": "%c = arith.fptosi %a : f32 to i64", "f64": "%c = arith.extf %a : f32 to f64"}
TARGETS = {"mma_sp": "sm_80", "wgmma_sp": "sm_90a"}
TILES = {("mma_sp", 32): "tile = [64, 32, 64], warps = [4, 1], stages = 7", ("mma_sp", 8): "tile = [64, 8, 64], warps = [4, 1], stages = 9",
         ("wgmma_sp", 8): "tile = [64, 8, 64], warps = [4, 1], stages = 3",
         ("wgmma_sp", 24): "tile = [64, 24, 64], warps = [4, 1], stages = 3",
         ("wgmma_sp", 32): "tile = [128, 32, 64], warps = [4, 1], stages = 3, cluster = 2",
         ("wgmma_sp", 64): "tile = [128, 64, 64], warps = [8, 1], stages = 3"}


@dataclass(frozen=True)
class Case:
    family: str
    side: str
    tile: int
    columns: int
    output: str
    #: An i1 selects between the product and 0, an i8 is added.
    operand: str = None
    varies: str = "all"
    dynamic: bool = False

    @property
    def name(self):
        return "_".join([self.family, self.side, f"t{self.tile}", f"n{self.columns}", self.output,
                         f"{self.operand}_{self.varies}" if self.operand else "none",
                         "dynamic" if self.dynamic else "static"])

    def shape(self, rows, columns, type_, dynamic):
        """The tensor type of a matrix that is transposed where the sparse operand is on the right."""
        sizes = [str(rows), "?" if dynamic else str(columns)]
        return f"tensor<{'x'.join(sizes if self.side == 'lhs' else sizes[::-1])}x{type_}>"

    def operand_type(self):
        if self.varies == "all":
            return self.shape(ROWS, self.columns, self.operand, self.dynamic)
        along_rows = (self.varies == "rows") == (self.side == "lhs")
        return f"tensor<{ROWS if along_rows else self.columns}x{self.operand}>"

    def mlir(self, weight):
        dense = f"tensor<{'?' if self.dynamic else self.columns}x{K}xbf16>"
        out = self.shape(ROWS, self.columns, self.output, self.dynamic)
        pack, packed, layout = products.pack_constant(self.family, "bf16", weight)
        argument, operands, block = "", "", ""
        body = "%a = arith.addf %acc, %zero : f32"
        if self.operand:
            argument = f", %r: {self.operand_type()}"
            operands = f"(%r : {self.operand_type()}) maps = [{MAPS[self.varies]}]"
            block = f", %e: {self.operand}"
            body = "%a = arith.select %e, %acc, %zero : f32"
        if self.operand == "i8":
            body = "%s = arith.sitofp %e : i8 to f32\n    %a = arith.addf %acc, %s : f32"
        size = "%n = tensor.dim %x, %c0 : " + dense if self.dynamic else ""
        return f"""
func.func @{self.name}(%x: {dense}{argument}) -> {out} {{
  %c0 = arith.constant 0 : index
  {size}
  {pack}
  %empty = tensor.empty({'%n' if self.dynamic else ''}) : {out}
  %d = sparse24.matmul {self.side} ins(%p : {packed}) dense(%x : {dense}) outs(%empty : {out})
    k = {K} acc = f32 {'transpose_dense' if self.side == 'lhs' else ''} layout = {layout}
    schedule = #sparse24.schedule<{self.family}, {TILES[self.family, self.tile]}>
    epilogue{operands} {{
  ^bb0(%acc: f32{block}):
    %zero = arith.constant 0.0 : f32
    {body}
    {CONVERSIONS[self.output]}
    sparse24.yield {'%c' if CONVERSIONS[self.output] else '%a'} : {self.output}
  }} -> {out}
  return %d : {out}
}}
"""


CASES = [
    # Outputs: one byte with boxes too narrow for a tensor map, and with such that aren't; types that no tensor map knows.
    *(Case("wgmma_sp", side, tile, columns, "i8") for side in ("lhs", "rhs")
      for tile, columns in ((8, 16), (24, 48), (24, 40), (32, 32), (64, 112))),
    *(Case(family, side, 32, columns, output) for family in TARGETS for side in ("lhs", "rhs")
      for output, columns in (("i1", 48), ("i64", 40), ("f64", 33))),
    Case("wgmma_sp", "lhs", 32, 48, "f64", dynamic=True),
    # Masks, a bit each that has a byte.
    *(Case(family, side, 32, 48, "f32", "i1", varies, dynamic) for family in TARGETS for side in ("lhs", "rhs")
      for varies, dynamic in (("rows", False), ("columns", False), ("all", False), ("all", True))),
    Case("wgmma_sp", "lhs", 64, 70, "i1", "i1", "rows"),
    # An operand of bytes, in boxes that a tensor map can have, and in such that it can't.
    *(Case("wgmma_sp", side, tile, 48, "f32", "i8") for side in ("lhs", "rhs") for tile in (8, 24, 64)),
]


class Problem:
    def __init__(self, case, number):
        random = np.random.default_rng(number)
        draw = lambda *shape: random.integers(-1, 2, shape).astype(np.float32)
        weight, x = draw(ROWS, K), draw(case.columns, K)
        self.weight, self.inputs = self.encode(weight), [self.encode(x)]
        expected = pattern.prune(weight.astype(np.float64), "bf16") @ x.T
        if case.operand:
            shape = {"all": expected.shape, "rows": (ROWS, 1), "columns": (1, case.columns)}
            # Of the output's dimensions, which are the other way round if the sparse operand is on the right.
            varies = case.varies
            if case.side == "rhs":
                varies = {"rows": "columns", "columns": "rows"}.get(varies, varies)
            operand = random.integers(0, 2, shape[varies]) if case.operand == "i1" else random.integers(-5, 6, shape[varies])
            expected = expected * operand if case.operand == "i1" else expected + operand
            self.inputs.append((operand if case.side == "lhs" else operand.T).squeeze().astype(np.int8))
        if case.output == "i1":
            expected = expected > 0
        self.expected = expected if case.side == "lhs" else expected.T

    @staticmethod
    def encode(values):
        return (np.ascontiguousarray(values, np.float32).view(np.uint32) >> 16).astype(np.uint16)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Compiles and runs all cases of a family for a target at once."""
    done = {}

    def get(wanted, target, tool):
        group = wanted.family, target
        if group not in done:
            cases = [case for case in CASES if case.family == wanted.family]
            problems = [Problem(case, number) for number, case in enumerate(cases)]
            directory = tmp_path_factory.mktemp("types")
            source, lowered = directory / "source.mlir", directory / "lowered.mlir"
            source.write_text("".join(case.mlir(problem.weight) for case, problem in zip(cases, problems)))
            tools.run([tools.find("sparse24-opt"), source, "--remarks-filter=", "-o", lowered,
                       f"--sparse24-pipeline=target={target} format=llvm"])
            calls = [cpu.Call(case.name, problem.inputs,
                              [(problem.expected.shape, "i8" if case.output == "i1" else case.output)])
                     for case, problem in zip(cases, problems)]
            outputs = [arrays[0] for arrays, _ in cpu.run(lowered, calls, tool=tool)]
            done[group] = dict(zip(cases, zip(problems, outputs)))
        return done[group][wanted]

    return get


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_kernel(case, results):
    problem, output = results(case, TARGETS[case.family], "sparse24-emulate")
    np.testing.assert_array_equal(output, problem.expected)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_meaning(case, results):
    problem, output = results(case, "cpu", "sparse24-run")
    np.testing.assert_array_equal(output, problem.expected)

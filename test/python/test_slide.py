"""N:M weights spread over 2:4 windows: the numbers are those of the dense product.

Weights and activations are small integers, so that every sum is exact in any
order and results must be equal. K fills no block and no tile.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import itertools
from dataclasses import dataclass

import numpy as np
import pytest

from sparse24 import compiler, cpu, pattern, reference, tools
from sparse24.remarks import read_remarks

#: (N, M) by the group of the multiplied type: 2:4, tf32 1:2.
PATTERNS = {4: ((4, 6), (6, 8), (8, 10), (10, 12)), 2: ((2, 3), (3, 4), (4, 5), (5, 6))}
TARGETS = {"cpu": ("bf16", "f16", "f32", "tf32", "i8", "f8E4M3FN"),
           "sm_80": ("bf16", "f16", "f32"),
           "sm_90a": ("bf16", "f32", "tf32", "i8", "f8E4M3FN")}
#: The codes of 0 to 8 in f8E4M3FN.
E4M3 = np.array([0x00, 0x38, 0x40, 0x44, 0x48, 0x4A, 0x4C, 0x4E, 0x50], np.uint8)


@dataclass(frozen=True)
class Case:
    """One product; `kind` is the type that is multiplied, "f32" is rounded to bf16."""

    kind: str
    pattern: tuple
    side: str
    k_first: tuple  # whether the weight and the dense operand are stored K × …
    is_dynamic: bool
    number: int

    @property
    def name(self):
        return f"case{self.number}"

    @property
    def element(self):
        return "f32" if self.kind == "tf32" else self.kind

    @property
    def shape(self):
        """Rows of the weight, K, rows or columns of the other operand."""
        return (9 + 31 * (self.number % 3), (61, 96, 133)[self.number % 3 - 1] + self.number, 7 + 5 * (self.number % 4))

    @property
    def output(self):
        return "i32" if self.kind == "i8" else "f32"

    def operands(self):
        random = np.random.default_rng(self.number)
        rows, k, columns = self.shape
        return make_weight(random, rows, k, self.pattern), random.integers(-8, 9, (k, columns))

    def mlir(self):
        rows, k, columns = self.shape
        weight, _ = self.operands()
        size = "?" if self.is_dynamic else str(columns)
        w_shape = f"{k}x{rows}" if self.k_first[0] else f"{rows}x{k}"
        x_shape = f"{k}x{size}" if self.k_first[1] else f"{size}x{k}"
        is_left = self.side == "lhs"
        w_type, x_type = f"tensor<{w_shape}x{self.element}>", f"tensor<{x_shape}x{self.element}>"
        out = f"tensor<{rows}x{size}x{self.output}>" if is_left else f"tensor<{size}x{rows}x{self.output}>"
        row, column = "mn" if is_left else "nm"
        w_map = f"(k, {row})" if self.k_first[0] else f"({row}, k)"
        x_map = f"(k, {column})" if self.k_first[1] else f"({column}, k)"
        operands = [(w_map, "%w", w_type), (x_map, "%x", x_type)]
        (a_map, a, a_type), (b_map, b, b_type) = operands if is_left else operands[::-1]
        stored = encode(weight.T if self.k_first[0] else weight, self.element).tobytes().hex().upper()
        precision = {"f32": "bf16", "tf32": "tf32"}.get(self.kind, "none")
        zero = "0" if self.output == "i32" else "0.0"
        sizes = "%size" if self.is_dynamic else ""
        return f"""
func.func @{self.name}(%x: {x_type}) -> {out} attributes {{sparse24.allow_precision = "{precision}"}} {{
  %w = arith.constant dense<"0x{stored}"> : {w_type}
  %zero = arith.constant {zero} : {self.output}
  %dim = arith.constant {1 if self.k_first[1] else 0} : index
  %size = tensor.dim %x, %dim : {x_type}
  %empty = tensor.empty({sizes}) : {out}
  %fill = linalg.fill ins(%zero : {self.output}) outs(%empty : {out}) -> {out}
  %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> {a_map}>, affine_map<(m, n, k) -> {b_map}>,
                                      affine_map<(m, n, k) -> (m, n)>]
      ins({a}, {b} : {a_type}, {b_type}) outs(%fill : {out}) -> {out}
  return %y : {out}
}}
"""


def make_weight(random, rows, k, pattern_of_blocks):
    """Integers, as many in each block as there may be: more than 2:4."""
    kept, size = pattern_of_blocks
    weight = np.zeros((rows, -(-k // size) * size), np.int64)
    for row, first in itertools.product(range(rows), range(0, weight.shape[1], size)):
        positions = first + random.permutation(size)[:kept]
        weight[row, positions] = random.integers(1, 9, kept) * random.choice((-1, 1), kept)
    return weight[:, :k]


def encode(values, element):
    """The array that a tool reads: bf16 as words, 8-bit floats as bytes."""
    if element == "bf16":
        return pattern.bf16_bits(values)
    if element == "f8E4M3FN":
        return E4M3[np.abs(values)] | (128 * (values < 0)).astype(np.uint8)
    return np.ascontiguousarray(values, {"f16": np.float16, "f32": np.float32, "i8": np.int8}[element])


def cases():
    number = 0
    for kind in ("bf16", "f16", "f32", "tf32", "i8", "f8E4M3FN"):
        for index, blocks in enumerate(PATTERNS[2 if kind == "tf32" else 4]):
            yield Case(kind, blocks, ("lhs", "rhs")[(number + index) % 2], (index % 2 == 1, number // 2 % 2 == 1),
                       number % 3 != 0, number)
            number += 1


CASES = list(cases())


def run(tmp_path, source, target, calls, options="slide=true"):
    """Compiles and runs; gives remarks and the outputs of the calls."""
    module, lowered, remarks = tmp_path / "source.mlir", tmp_path / "lowered.mlir", tmp_path / "remarks.yaml"
    module.write_text(source)
    tools.run([tools.find("sparse24-opt"), module, "-o", lowered, f"--sparse24-pipeline=target={target} format=llvm {options}",
               "--remarks-filter=^sparse24", "--remark-format=yaml", f"--remarks-output-file={remarks}"])
    tool = "sparse24-run" if target == "cpu" else "sparse24-emulate"
    return read_remarks(remarks), [outputs for outputs, _ in cpu.run(lowered, calls, tool=tool)]


@pytest.mark.parametrize("target", TARGETS)
def test_products_are_exact(tmp_path, target):
    chosen = [case for case in CASES if case.kind in TARGETS[target]]
    calls, expected = [], []
    for case in chosen:
        weight, x = case.operands()
        expected.append(weight @ x if case.side == "lhs" else (weight @ x).T)
        calls.append(cpu.Call(case.name, [encode(x if case.k_first[1] else x.T, case.element)],
                              [(expected[-1].shape, case.output)]))
    remarks, outputs = run(tmp_path, "".join(case.mlir() for case in chosen), target, calls)
    slid = {r.function: r for r in remarks if r.name == "sparse24-slide"}
    taken = {r.function: r for r in remarks if r.name == "sparse24-detect"}
    for case, (actual,), product in zip(chosen, outputs, expected):
        kept, size = case.pattern
        k = case.shape[1]
        assert slid[case.name].is_taken and slid[case.name].arguments["Pattern"] == f"{kept}:{size}"
        assert taken[case.name].is_taken and taken[case.name].number("Violations") == 0
        assert taken[case.name].number("K") == -(-k // size) * kept * 2 == slid[case.name].number("SpreadK")
        np.testing.assert_array_equal(actual, product, err_msg=str(case))


def test_without_the_option_they_stay_dense(tmp_path):
    (tmp_path / "model.mlir").write_text(CASES[0].mlir())
    artifact = compiler.compile(tmp_path / "model.mlir", tmp_path / "dense", "cpu")
    assert [(remark.name, remark.is_taken) for remark in artifact.remarks] == [("sparse24-detect", False)]
    artifact = compiler.compile(tmp_path / "model.mlir", tmp_path / "sparse", "cpu", slide=True)
    assert [(remark.name, remark.is_taken) for remark in artifact.remarks] == [
        ("sparse24-slide", True), ("sparse24-detect", True)]


def test_a_layer_with_an_epilogue(tmp_path):
    """Random numbers, a bias, and a layer before whose result is gathered."""
    random = np.random.default_rng(5)
    first = random.standard_normal((50, 24)).astype(np.float32)
    second = np.where(make_weight(random, 33, 50, (6, 8)) != 0, random.standard_normal((33, 50)), 0).astype(np.float32)
    second[second != 0] += 0.01  # a draw that is zero would leave a group of fewer
    bias = random.standard_normal(50).astype(np.float32)
    source = f"""
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
#row = affine_map<(m, n) -> (n)>
func.func @f(%x: tensor<?x24xf32>) -> tensor<?x33xf32> {{
  %w0 = arith.constant dense<"0x{first.tobytes().hex()}"> : tensor<50x24xf32>
  %w1 = arith.constant dense<"0x{second.tobytes().hex()}"> : tensor<33x50xf32>
  %bias = arith.constant dense<"0x{bias.tobytes().hex()}"> : tensor<50xf32>
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : tensor<?x24xf32>
  %e0 = tensor.empty(%m) : tensor<?x50xf32>
  %z0 = linalg.fill ins(%zero : f32) outs(%e0 : tensor<?x50xf32>) -> tensor<?x50xf32>
  %h = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%x, %w0 : tensor<?x24xf32>, tensor<50x24xf32>)
      outs(%z0 : tensor<?x50xf32>) -> tensor<?x50xf32>
  %a = linalg.generic {{indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}}
      ins(%h, %bias : tensor<?x50xf32>, tensor<50xf32>) outs(%e0 : tensor<?x50xf32>) {{
  ^bb0(%p: f32, %q: f32, %out: f32):
    %s = arith.addf %p, %q : f32
    %r = arith.maximumf %s, %zero : f32
    linalg.yield %r : f32
  }} -> tensor<?x50xf32>
  %e1 = tensor.empty(%m) : tensor<?x33xf32>
  %z1 = linalg.fill ins(%zero : f32) outs(%e1 : tensor<?x33xf32>) -> tensor<?x33xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn] ins(%a, %w1 : tensor<?x50xf32>, tensor<33x50xf32>)
      outs(%z1 : tensor<?x33xf32>) -> tensor<?x33xf32>
  return %y : tensor<?x33xf32>
}}"""
    x = random.standard_normal((11, 24)).astype(np.float32)
    _, ((actual,),) = run(tmp_path, source, "sm_80", [cpu.Call("f", [x], [((11, 33), "f32")])],
                          "slide=true precision=bf16 prune=magnitude")
    pruned = pattern.prune(pattern.round_to(first, "bf16"), "bf16")
    h, h_bound = reference.linear(pattern.round_to(x, "bf16"), pruned, bias)
    h = np.maximum(h, 0)
    rounded = pattern.round_to(second, "bf16")
    y, y_bound = reference.linear(h, rounded)
    # The activations are rounded to bf16, from what may be off by their own bound.
    bound = y_bound + (h_bound + pattern.UNIT_ROUNDOFF["bf16"] * (h + h_bound)) @ np.abs(rounded).T.astype(np.float64)
    _, ratio = reference.compare(actual, y, bound)
    assert ratio <= 1


def test_artefact_for_a_gpu(tmp_path):
    (tmp_path / "model.mlir").write_text(CASES[1].mlir())
    status = compiler.main([str(tmp_path / "model.mlir"), "-o", str(tmp_path / "out"), "--target", "sm_80", "--slide"])
    artifact = compiler.load(tmp_path / "out")
    assert status == 0 and [remark.is_taken for remark in artifact.products] == [True]
    ptx = artifact.ptx.read_text()
    assert ptx.count(".entry") == 2 and "mma.sp::ordered_metadata" in ptx

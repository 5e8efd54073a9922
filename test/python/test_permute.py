"""Channels in another order: pruning keeps more, and nothing else changes."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import math

import numpy as np
import pytest

from sparse24 import compiler, cpu, export, pattern, reference, tools
from sparse24.remarks import read_remarks

MAPS = """
#mk = affine_map<(m, n, k) -> (m, k)>
#km = affine_map<(m, n, k) -> (k, m)>
#kn = affine_map<(m, n, k) -> (k, n)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
"""


def opt(tmp_path, module, *options):
    """Runs sparse24-opt; gives the remarks and the module that it wrote."""
    result, remarks = tmp_path / "result.mlir", tmp_path / "remarks.yaml"
    tools.run([tools.find("sparse24-opt"), module, "-o", result, *options,
               "--remarks-filter=^sparse24", "--remark-format=yaml", f"--remarks-output-file={remarks}"])
    return {(r.name, r.function, r.arguments["Layer"]): r for r in read_remarks(remarks) if "Layer" in r.arguments}, result


def run(tmp_path, module, target, calls, options):
    """Compiles and runs; gives remarks and each call's output."""
    remarks, lowered = opt(tmp_path, module, f"--sparse24-pipeline=target={target} format=llvm {options}")
    tool = "sparse24-run" if target == "cpu" else "sparse24-emulate"
    return remarks, [outputs[0] for outputs, _ in cpu.run(lowered, calls, tool=tool)]


def planted(random, rows, k):
    """A matrix of small integers that is 2:4 in a hidden order of its columns."""
    weight = np.zeros((rows, k), np.float32)
    order = random.permutation(k)
    for row in weight:
        for group in order.reshape(-1, 4):
            row[random.permutation(group)[:2]] = random.integers(1, 4, 2) * random.choice((-1, 1), 2)
    return weight


def two_layers(first, bias, second):
    """As an exported block: layer, bias and GELU, then another layer."""
    return [export.Layer("first", first, bias, "gelu"), export.Layer("second", second, np.zeros(len(second), np.float32))]


def write_block(path, layers, tokens=None):
    with path.open("w") as stream:
        export.write_module(stream, [], tokens, [("block", layers)])
    return path


#: Channels, inputs and outputs. Of many rows no order but the hidden one looks good.
SIZES = {"cpu": (96, 40, 200), "sm_80": (64, 24, 150), "sm_90a": (64, 24, 150)}


@pytest.mark.parametrize("target", SIZES)
def test_folded_into_the_layer_before(tmp_path, target):
    """With a weight that a hidden order makes 2:4, the pruned block computes what the dense one does."""
    random = np.random.default_rng(1)
    channels, inputs, outputs = SIZES[target]
    first = pattern.prune(random.integers(-2, 3, (channels, inputs)).astype(np.float32), "bf16")
    bias = random.integers(-3, 4, channels).astype(np.float32)
    second = planted(random, outputs, channels)
    module = write_block(tmp_path / "block.mlir", two_layers(first, bias, second))
    x = random.integers(-2, 3, (7, inputs)).astype(np.float32)
    call = cpu.Call("block", [x], [((7, outputs), "f32")])

    h, h_bound = reference.linear(x, first, bias, "gelu")
    # What enters the second product is rounded to bf16.
    h_error = h_bound + pattern.UNIT_ROUNDOFF["bf16"] * (np.abs(h) + h_bound)
    y, bound = reference.linear(h, second)
    bound = bound + h_error @ np.abs(second).T.astype(np.float64)

    options = "prune=magnitude precision=bf16"
    remarks, (actual,) = run(tmp_path, module, target, [call], options + " permute=producers permute-sweeps=20")
    permuted = remarks["sparse24-permute-channels", "block", "block/second"]
    assert permuted.is_taken and permuted.arguments["Where"] == "producer"
    assert permuted.number("NormKept") < 0.95 and permuted.number("NormKeptAfter") == 1
    assert remarks["sparse24-detect", "block", "block/second"].number("NormKept") == 1
    assert reference.compare(actual, y, bound)[1] <= 1
    _, (without,) = run(tmp_path, module, target, [call], options)
    assert reference.compare(without, y, bound)[1] > 10


def test_without_pruning_the_program_means_the_same(tmp_path):
    """The pass alone, then no permission to prune: exact, as all numbers are integers."""
    random = np.random.default_rng(2)
    first, second, third = (random.integers(-3, 4, shape).astype(np.float32) for shape in ((50, 12), (37, 50), (5, 37)))
    layers = [export.Layer(name, weight, random.integers(-3, 4, len(weight)).astype(np.float32))
              for name, weight in (("first", first), ("second", second), ("third", third))]
    module = write_block(tmp_path / "block.mlir", layers)
    remarks, permuted = opt(tmp_path, module,
                            "--sparse24-permute-channels=prune=magnitude precision=bf16 permute=all")
    where = [remarks["sparse24-permute-channels", "block", f"block/{layer.name}"].arguments["Where"] for layer in layers]
    assert where == ["activations", "producer", "producer"]
    x = random.integers(-3, 4, (6, 12)).astype(np.float32)
    source = permuted.rename(tmp_path / "permuted.mlir")
    _, (actual,) = run(tmp_path, source, "cpu", [cpu.Call("block", [x], [((6, 5), "f32")])], "")
    expected = x
    for layer in layers:
        expected = expected @ layer.weight.T + layer.bias
    np.testing.assert_array_equal(actual, expected)


def one_layer(side, k_first, k, columns, weight):
    """W·X or X·W, with X stored K × … or the other way round, the latter of dynamic size."""
    rows = len(weight)
    is_left = side == "lhs"
    x_type = f"tensor<{k}x{columns}xf16>" if k_first else f"tensor<?x{k}xf16>"
    size = columns if k_first else "?"
    out = f"tensor<{rows}x{size}xf32>" if is_left else f"tensor<{size}x{rows}xf32>"
    w_type = f"tensor<{rows}x{k}xf16>"
    if is_left:
        operands = f"[#mk, {'#kn' if k_first else '#nk'}, #mn] ins(%w, %x : {w_type}, {x_type})"
    else:
        operands = f"[{'#km' if k_first else '#mk'}, #nk, #mn] ins(%x, %w : {x_type}, {w_type})"
    return MAPS + f"""
func.func @f(%x: {x_type}) -> {out} {{
  %w = arith.constant dense<"0x{weight.astype(np.float16).tobytes().hex()}"> : {w_type}
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %m = tensor.dim %x, %c0 : {x_type}
  %e = tensor.empty({'' if k_first else '%m'}) : {out}
  %z = linalg.fill ins(%zero : f32) outs(%e : {out}) -> {out}
  %y = linalg.matmul indexing_maps = {operands} outs(%z : {out}) -> {out} loc("layer")
  return %y : {out}
}}"""


@pytest.mark.parametrize("side", ("lhs", "rhs"))
@pytest.mark.parametrize("k_first", (False, True))
@pytest.mark.parametrize("target", ("cpu", "sm_80", "sm_90a"))
def test_gathered_at_run_time(tmp_path, target, side, k_first):
    """A product with the identity shows what the weight has become: its own elements, half of them, the best ones."""
    random = np.random.default_rng(3)
    k, rows = 70, 29
    weight = pattern.round_to(random.standard_normal((rows, k)) * np.exp(random.standard_normal(k)), "f16")
    (tmp_path / "f.mlir").write_text(one_layer(side, k_first, k, k, weight))
    shape = (rows, k) if side == "lhs" else (k, rows)
    remarks, (actual,) = run(tmp_path, tmp_path / "f.mlir", target,
                             [cpu.Call("f", [np.eye(k, dtype=np.float16)], [(shape, "f32")])],
                             "prune=magnitude permute=all")
    remark = remarks["sparse24-permute-channels", "f", "layer"]
    assert remark.is_taken and remark.arguments["Where"] == "activations"
    effective = actual if side == "lhs" else actual.T
    kept = effective != 0
    np.testing.assert_array_equal(effective, np.where(kept, weight, 0))
    assert kept.sum(axis=1).max() <= -(-k // 4) * 2
    before = pattern.norm_kept(weight, pattern.prune(weight, "f16"))
    after = pattern.norm_kept(weight, effective)
    assert after > before + 0.005
    assert math.isclose(before, remark.number("NormKept"), abs_tol=6e-5)
    assert math.isclose(after, remark.number("NormKeptAfter"), abs_tol=6e-5)
    assert math.isclose(after, remarks["sparse24-detect", "f", "layer"].number("NormKept"), abs_tol=6e-5)


def test_artefact_for_a_gpu(tmp_path):
    """The table of channels is in the file of weights."""
    random = np.random.default_rng(4)
    layers = two_layers(*(random.standard_normal(shape).astype(np.float32) for shape in ((64, 32), (64,), (16, 64))))
    module = write_block(tmp_path / "block.mlir", layers)
    status = compiler.main([str(module), "-o", str(tmp_path / "out"), "--target", "sm_80", "--prune", "magnitude",
                            "--precision", "bf16", "--permute", "all"])
    artifact = compiler.load(tmp_path / "out")
    assert status == 0 and [remark.is_taken for remark in artifact.products] == [True, True]
    where = [r.arguments["Where"] for r in artifact.remarks if r.name == "sparse24-permute-channels"]
    assert where == ["activations", "producer"]
    weights = artifact.weights.read_bytes()
    assert any(sorted(np.frombuffer(weights, np.int32, 32, offset)) == list(range(32))
               for offset in range(0, len(weights) - 127, 4))

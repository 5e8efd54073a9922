"""Constant weights that are pruned by scores, from linalg to numbers: the scores come as an attribute of
the product, for the weight with its rows along the summed dimension, wherever and however it stands."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import numpy as np
import pytest

from pattern_cases import compressed_shapes, draw, draw_scores
from sparse24 import cpu, pattern, tools

TOKENS, OUTPUTS, INPUTS = 6, 20, 36

#: Where the weight stands -> (shape of what it is stored as, is that transposed, the maps of x, w and y).
PLACES = {"rhs": (False, "#mk", "#nk", "#mn"), "rhs stored K x N": (True, "#mk", "#kn", "#mn"),
          "lhs": (False, "#nk", "#mk", "#mn")}

MAPS = """#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
"""


def dense(array):
    return f'dense<"0x{np.ascontiguousarray(array).tobytes().hex().upper()}">'


def product(weight, scores, criterion, place):
    """A product by a constant weight of small integers, in bf16."""
    is_transposed, x_map, w_map, y_map = PLACES[place]
    stored = weight.T if is_transposed else weight
    bits = pattern.bf16_bits(stored)
    x = f"tensor<{TOKENS}x{INPUTS}xbf16>"
    w = f"tensor<{stored.shape[0]}x{stored.shape[1]}xbf16>"
    y = f"tensor<{TOKENS}x{OUTPUTS}xf32>" if place != "lhs" else f"tensor<{OUTPUTS}x{TOKENS}xf32>"
    score_type = f"tensor<{'x'.join(map(str, scores.shape))}xf32>"
    operands = ("%x, %w", f"{x}, {w}", f"{x_map}, {w_map}") if place != "lhs" else \
        ("%w, %x", f"{w}, {x}", f"{w_map}, {x_map}")
    return MAPS + f"""func.func @f(%x: {x}) -> {y} {{
  %w = arith.constant {dense(bits)} : {w}
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : {y}
  %0 = linalg.fill ins(%zero : f32) outs(%e : {y}) -> {y}
  %1 = linalg.matmul indexing_maps = [{operands[2]}, {y_map}]
      {{sparse24.allow_prune = "{criterion}", sparse24.scores = {dense(scores)} : {score_type}}}
      ins({operands[0]} : {operands[1]}) outs(%0 : {y}) -> {y}
  return %1 : {y}
}}
"""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("criterion", ("importance", "wanda"))
def test_products_are_pruned_by_their_scores(tmp_path, criterion, place):
    random = np.random.default_rng(len(place))
    weight = random.integers(-4, 5, (OUTPUTS, INPUTS)).astype(np.float32)
    x = random.integers(-4, 5, (TOKENS, INPUTS)).astype(np.float32)
    scores = draw_scores(random, weight.shape if criterion == "importance" else weight.shape[1:])
    (tmp_path / "in.mlir").write_text(product(weight, scores, criterion, place))
    tools.run([tools.find("sparse24-opt"), tmp_path / "in.mlir", "--remarks-filter=", "-o", tmp_path / "out.mlir",
               "--sparse24-pipeline=target=cpu"])
    expected = x @ pattern.prune(weight, "bf16", criterion, scores).T
    expected = expected.T if place == "lhs" else expected
    ((found,), _), = cpu.run(tmp_path / "out.mlir", [cpu.Call("f", [pattern.bf16_bits(x)], [(expected.shape, "f32")])])
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("criterion", pattern.CRITERIA)
def test_long_rows_of_constants(tmp_path, criterion):
    """Rows longer than what the compiler looks at at a time."""
    shape = (70, 2500)
    random = np.random.default_rng(7)
    bits = draw(random, shape, "bf16")
    dimensions = pattern.CRITERIA[criterion]
    scores = draw_scores(random, shape[2 - dimensions:]) if dimensions else None
    values, words = compressed_shapes("bf16", shape)
    w, v, m = (f"tensor<{a}x{b}x{kind}>" for (a, b), kind in ((shape, "bf16"), (values, "bf16"), (words, "i16")))
    s = "" if scores is None else f"tensor<{'x'.join(map(str, scores.shape))}xf32>"
    (tmp_path / "in.mlir").write_text(f"""func.func @f() -> ({v}, {m}) {{
  %w = arith.constant {dense(bits)} : {w}
  {f"%s = arith.constant {dense(scores)} : {s}" if s else ""}
  %v = tensor.empty() : {v}
  %m = tensor.empty() : {m}
  %0:2 = sparse24.compress ins(%w{", %s" if s else ""} : {w}{f", {s}" if s else ""}) outs(%v, %m : {v}, {m})
      prune = {criterion} -> {v}, {m}
  return %0#0, %0#1 : {v}, {m}
}}
""")
    tools.run([tools.find("sparse24-opt"), tmp_path / "in.mlir", "--remarks-filter=", "-o", tmp_path / "out.mlir",
               "--sparse24-pipeline=target=cpu"])
    (found, _), = cpu.run(tmp_path / "out.mlir", [cpu.Call("f", [], [(values, "bf16"), (words, "i16")])])
    expected = pattern.compress_bits(bits, "bf16", criterion, scores)
    for got, want in zip(found, expected):
        np.testing.assert_array_equal(got.view(np.uint16), want)

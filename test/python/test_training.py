"""Programs that prune at run time: a training step, whose weight is compressed both ways at once, and
activations that are compressed on the fly. Small integers, so that every sum is exact."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import re

import numpy as np
import pytest

from sparse24 import cpu, pattern, tools

TARGETS = {"cpu": ("target=cpu", "sparse24-run"), "sm_80": ("target=sm_80 format=llvm", "sparse24-emulate"),
           "sm_90a": ("target=sm_90a format=llvm", "sparse24-emulate")}
TOKENS, OUTPUTS, INPUTS = 24, 48, 64


def step(outputs, inputs):
    """Forward by the weight, backward by its transpose, and the (dense) gradient of the weight."""
    weight, y = f"{outputs}x{inputs}", f"{TOKENS}x{outputs}"
    x = f"{TOKENS}x{inputs}"
    return f"""
#mk = affine_map<(m, n, k) -> (m, k)>
#km = affine_map<(m, n, k) -> (k, m)>
#nk = affine_map<(m, n, k) -> (n, k)>
#kn = affine_map<(m, n, k) -> (k, n)>
#mn = affine_map<(m, n, k) -> (m, n)>
func.func @step(%w: tensor<{weight}xbf16>, %x: tensor<{x}xbf16>,
                %dy: tensor<{y}xbf16>)
    -> (tensor<{y}xf32>, tensor<{x}xf32>, tensor<{weight}xf32>) {{
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<{weight}xbf16>
  %p = sparse24.prune transposable ins(%w : tensor<{weight}xbf16>)
      outs(%e : tensor<{weight}xbf16>) -> tensor<{weight}xbf16>
  %ye = tensor.empty() : tensor<{y}xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%ye : tensor<{y}xf32>) -> tensor<{y}xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn]
      ins(%x, %p : tensor<{x}xbf16>, tensor<{weight}xbf16>)
      outs(%y0 : tensor<{y}xf32>) -> tensor<{y}xf32>
  %dxe = tensor.empty() : tensor<{x}xf32>
  %dx0 = linalg.fill ins(%zero : f32) outs(%dxe : tensor<{x}xf32>) -> tensor<{x}xf32>
  %dx = linalg.matmul indexing_maps = [#mk, #kn, #mn]
      ins(%dy, %p : tensor<{y}xbf16>, tensor<{weight}xbf16>)
      outs(%dx0 : tensor<{x}xf32>) -> tensor<{x}xf32>
  %dwe = tensor.empty() : tensor<{weight}xf32>
  %dw0 = linalg.fill ins(%zero : f32) outs(%dwe : tensor<{weight}xf32>) -> tensor<{weight}xf32>
  %dw = linalg.matmul indexing_maps = [#km, #kn, #mn]
      ins(%dy, %x : tensor<{y}xbf16>, tensor<{x}xbf16>)
      outs(%dw0 : tensor<{weight}xf32>) -> tensor<{weight}xf32>
  return %y, %dx, %dw : tensor<{y}xf32>, tensor<{x}xf32>, tensor<{weight}xf32>
}}
"""


#: A feed-forward block whose activations, after a squared ReLU, are pruned and compressed as they come.
SQUARED_RELU = f"""
#mk = affine_map<(m, n, k) -> (m, k)>
#nk = affine_map<(m, n, k) -> (n, k)>
#mn = affine_map<(m, n, k) -> (m, n)>
#id = affine_map<(m, n) -> (m, n)>
func.func @block(%h: tensor<{TOKENS}x{INPUTS}xbf16>, %w: tensor<{OUTPUTS}x{INPUTS}xbf16>)
    -> tensor<{TOKENS}x{OUTPUTS}xf32> {{
  %zero = arith.constant 0.0 : f32
  %ae = tensor.empty() : tensor<{TOKENS}x{INPUTS}xbf16>
  %a = linalg.generic {{indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}}
      ins(%h : tensor<{TOKENS}x{INPUTS}xbf16>) outs(%ae : tensor<{TOKENS}x{INPUTS}xbf16>) {{
  ^bb0(%v: bf16, %out: bf16):
    %bzero = arith.constant 0.0 : bf16
    %r = arith.maximumf %v, %bzero : bf16
    %s = arith.mulf %r, %r : bf16
    linalg.yield %s : bf16
  }} -> tensor<{TOKENS}x{INPUTS}xbf16>
  %e = tensor.empty() : tensor<{TOKENS}x{INPUTS}xbf16>
  %p = sparse24.prune magnitude ins(%a : tensor<{TOKENS}x{INPUTS}xbf16>)
      outs(%e : tensor<{TOKENS}x{INPUTS}xbf16>) -> tensor<{TOKENS}x{INPUTS}xbf16>
  %ye = tensor.empty() : tensor<{TOKENS}x{OUTPUTS}xf32>
  %y0 = linalg.fill ins(%zero : f32) outs(%ye : tensor<{TOKENS}x{OUTPUTS}xf32>) -> tensor<{TOKENS}x{OUTPUTS}xf32>
  %y = linalg.matmul indexing_maps = [#mk, #nk, #mn]
      ins(%p, %w : tensor<{TOKENS}x{INPUTS}xbf16>, tensor<{OUTPUTS}x{INPUTS}xbf16>)
      outs(%y0 : tensor<{TOKENS}x{OUTPUTS}xf32>) -> tensor<{TOKENS}x{OUTPUTS}xf32>
  return %y : tensor<{TOKENS}x{OUTPUTS}xf32>
}}
"""


def integers(shape, seed):
    return np.random.default_rng(seed).integers(-4, 5, shape).astype(np.float32)


def run(tmp_path, module, target, call):
    options, tool = TARGETS[target]
    (tmp_path / "in.mlir").write_text(module)
    tools.run([tools.find("sparse24-opt"), tmp_path / "in.mlir", "--remarks-filter=", "-o", tmp_path / "out.mlir",
               f"--sparse24-pipeline={options}"])
    (outputs, _), = cpu.run(tmp_path / "out.mlir", [call], tool=tool)
    return outputs


def operations(tmp_path, module):
    """What is left of a program on tensors."""
    (tmp_path / "in.mlir").write_text(module)
    return tools.run([tools.find("sparse24-opt"), tmp_path / "in.mlir", "--remarks-filter=",
                      "--sparse24-pipeline=target=sm_80 format=mlir"])[0]


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("shape", [(OUTPUTS, INPUTS), (32, 32)], ids=str)
def test_a_training_step(tmp_path, target, shape):
    outputs, inputs = shape
    w, x, dy = (integers(size, seed) for seed, size in enumerate([shape, (TOKENS, inputs), (TOKENS, outputs)]))
    pruned = pattern.prune(w, "bf16", "transposable")
    expected = [x @ pruned.T, dy @ pruned, dy.T @ x]
    found = run(tmp_path, step(outputs, inputs), target, cpu.Call("step", [*map(pattern.bf16_bits, (w, x, dy))],
                                                 [(array.shape, "f32") for array in expected]))
    for got, want in zip(found, expected):
        np.testing.assert_array_equal(got, want)


def test_a_training_step_compresses_once(tmp_path):
    text = operations(tmp_path, step(OUTPUTS, INPUTS))
    assert text.count("sparse24.compress") == 1 and re.search("prune = +transposable", text)
    assert text.count("sparse24.matmul") == 2 and "sparse24.prune" not in text and "linalg.transpose" not in text


@pytest.mark.parametrize("target", TARGETS)
def test_squared_relu_is_compressed_on_the_fly(tmp_path, target):
    h, w = integers((TOKENS, INPUTS), 3), integers((OUTPUTS, INPUTS), 4)
    activations = np.square(np.maximum(h, 0))
    expected = pattern.prune(activations, "bf16") @ w.T
    got, = run(tmp_path, SQUARED_RELU, target, cpu.Call("block", [pattern.bf16_bits(h), pattern.bf16_bits(w)], [(expected.shape, "f32")]))
    np.testing.assert_array_equal(got, expected)


def test_squared_relu_prunes_as_it_compresses(tmp_path):
    text = operations(tmp_path, SQUARED_RELU)
    assert text.count("sparse24.compress") == 1 and re.search("prune = +magnitude", text) and "sparse24.prune" not in text
    assert text.count("sparse24.matmul lhs") == 1

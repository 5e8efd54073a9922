"""The exporter: what it takes from a checkpoint, and that MLIR runs it."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import io

import numpy as np
import pytest

from sparse24 import cpu, export, reference, tools

#: Lowers a dense program with upstream's passes alone.
DENSE_PIPELINE = (
    "builtin.module("
    "one-shot-bufferize{bufferize-function-boundaries function-boundary-type-conversion=identity-layout-map},"
    "buffer-results-to-out-params{modify-public-functions hoist-static-allocs hoist-dynamic-allocs},"
    "func.func(llvm-request-c-wrappers,convert-linalg-to-loops),"
    "convert-scf-to-cf,expand-strided-metadata,lower-affine,convert-math-to-libm,"
    "convert-to-llvm,reconcile-unrealized-casts)"
)


def test_layers_of_a_checkpoint(checkpoint):
    layers = export.load_layers(checkpoint)
    assert [layer.name for layer in layers] == [
        "layer_0_attention_self_query",
        "layer_0_intermediate",
        "layer_0_output",
        "layer_2_attention_self_query",
        "layer_10_attention_self_query",
    ]
    assert [layer.activation for layer in layers] == [None, "gelu", None, None, None]
    assert (layers[0].outputs, layers[0].inputs) == (24, 40)


def test_layers_can_be_chosen(checkpoint):
    names = [layer.name for layer in export.load_layers(checkpoint, ["layer_?_*query"])]
    assert names == ["layer_0_attention_self_query", "layer_2_attention_self_query"]


def test_feed_forward_blocks(checkpoint):
    blocks = export.feed_forward_blocks(export.load_layers(checkpoint))
    assert [(name, [layer.name for layer in layers]) for name, layers in blocks] == [
        ("layer_0_ffn", ["layer_0_intermediate", "layer_0_output"])
    ]


@pytest.mark.parametrize("tokens", [None, 5])
def test_exported_functions_give_the_reference(checkpoint, tmp_path, tokens):
    layers = export.load_layers(checkpoint)
    blocks = export.feed_forward_blocks(layers)
    module = tmp_path / "small.mlir"
    with open(module, "w") as stream:
        export.write_module(stream, layers, tokens, blocks)
    lowered = tmp_path / "lowered.mlir"
    tools.run([tools.find("sparse24-opt"), module, f"--pass-pipeline={DENSE_PIPELINE}", "-o", lowered])

    random = np.random.default_rng(5)
    inputs = [random.standard_normal((5, layer.inputs), np.float32) for layer in layers]
    calls = [cpu.Call(layer.name, [x], [((5, layer.outputs), "f32")]) for layer, x in zip(layers, inputs)]
    name, (first, second) = blocks[0]
    block_input = inputs[1]
    calls.append(cpu.Call(name, [block_input], [((5, second.outputs), "f32")]))
    results = cpu.run(lowered, calls)

    for layer, x, ((actual,), _) in zip(layers, inputs, results):
        expected, bound = reference.linear(x, layer.weight, layer.bias, layer.activation)
        assert reference.compare(actual, expected, bound)[1] <= 1, layer.name
    hidden, _ = reference.linear(block_input, first.weight, first.bias, "gelu")
    expected, _ = reference.linear(hidden, second.weight, second.bias)
    np.testing.assert_allclose(results[-1][0][0], expected, rtol=1e-4, atol=1e-4)


def test_same_module_each_time(checkpoint):
    texts = []
    for _ in range(2):
        stream = io.StringIO()
        export.write_module(stream, export.load_layers(checkpoint), None)
        texts.append(stream.getvalue())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("text, tokens", [("?", None), ("dynamic", None), ("128", 128)])
def test_parse_tokens(text, tokens):
    assert export.parse_tokens(text) == tokens


def test_command_line(checkpoint, tmp_path, capsys):
    output = tmp_path / "out.mlir"
    assert export.main([str(checkpoint), "-o", str(output), "--blocks"]) == 0
    assert "5 layers, 1 blocks" in capsys.readouterr().err
    tools.run([tools.find("sparse24-opt"), output, "-o", tmp_path / "parsed.mlir"])
    with pytest.raises(SystemExit):
        export.main([str(checkpoint), "-o", str(output), "--layers", "absent"])
    assert "no linear layer matches" in capsys.readouterr().err

"""The whole way, on small models: what is taken, and that the numbers are right."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import ctypes
from pathlib import Path

import numpy as np
import pytest

from sparse24 import compiler, cpu, export, minilm, pattern, tools

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "linear.mlir"

#: The weight of the example's layer that isn't 2:4.
WEIGHT = np.float32([[1.0, 0.25, -2.0, 0.5, 0.0, 0.5, 3.0, -4.0], [8.0, 4.0, 0.0, -1.0, 2.0, 2.0, 2.0, 2.0]])


def to_words(array):
    """Gives numbers that bf16 holds exactly as its 16-bit words."""
    return (np.asarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def test_signatures():
    assert compiler.signatures(EXAMPLE) == {
        "already_sparse": {"inputs": ["tensor<?x8xbf16>"], "outputs": ["tensor<?x4xf32>"]},
        "needs_permission": {"inputs": ["tensor<?x8xbf16>"], "outputs": ["tensor<?x2xf32>"]},
    }


def test_private_functions_and_many_results(tmp_path):
    module = tmp_path / "m.mlir"
    module.write_text("""
        func.func private @hidden(%a: tensor<4xf32>) -> tensor<4xf32> { return %a : tensor<4xf32> }
        func.func @two(%a: tensor<4xf32>, %b: f32) -> (tensor<4xf32>, f32) { return %a, %b : tensor<4xf32>, f32 }
        func.func @none() { return }""")
    assert compiler.signatures(module) == {
        "two": {"inputs": ["tensor<4xf32>", "f32"], "outputs": ["tensor<4xf32>", "f32"]},
        "none": {"inputs": [], "outputs": []},
    }


@pytest.mark.parametrize("prune, taken", [("none", 1), ("magnitude", 2)])
def test_example_on_the_cpu(tmp_path, prune, taken):
    artifact = compiler.compile(EXAMPLE, tmp_path, "cpu", prune)
    assert sum(remark.is_taken for remark in artifact.products) == taken
    x = np.float32([[1, 2, 3, 4, 5, 6, 7, 8], [-1, 0, 0.5, 0, 0, 0, 0, 2], [0] * 8])
    ((actual,), _), = cpu.run(artifact.llvm_module, [
        cpu.Call("needs_permission", [to_words(x)], [((3, 2), "f32")])])
    weight = WEIGHT if prune == "none" else pattern.prune(WEIGHT, "bf16")
    np.testing.assert_array_equal(actual, x @ weight.T)


def test_integers_on_the_cpu(tmp_path):
    weight = np.array([[1, 0, -2, 0, 0, 5, 0, -128], [0, 0, 7, 0, 127, 0, 1, 0]], np.int8)
    (tmp_path / "i8.mlir").write_text(f"""
        func.func @f(%x: tensor<3x8xi8>, %start: tensor<3x2xi32>) -> tensor<3x2xi32> {{
          %weight = arith.constant dense<{weight.tolist()}> : tensor<2x8xi8>
          %y = linalg.matmul indexing_maps = [affine_map<(m, n, k) -> (m, k)>,
                                              affine_map<(m, n, k) -> (n, k)>,
                                              affine_map<(m, n, k) -> (m, n)>]
              ins(%x, %weight : tensor<3x8xi8>, tensor<2x8xi8>)
              outs(%start : tensor<3x2xi32>) -> tensor<3x2xi32>
          return %y : tensor<3x2xi32>
        }}""")
    artifact = compiler.compile(tmp_path / "i8.mlir", tmp_path, "cpu")
    assert [remark.is_taken for remark in artifact.products] == [True]
    x = np.arange(24, dtype=np.int8).reshape(3, 8) - 100
    start = np.arange(6, dtype=np.int32).reshape(3, 2)
    ((actual,), _), = cpu.run(artifact.llvm_module, [cpu.Call("f", [x, start], [((3, 2), "i32")])])
    np.testing.assert_array_equal(actual, start + x.astype(np.int32) @ weight.T.astype(np.int32))


def test_an_artefact_can_be_opened_again(tmp_path):
    made = compiler.compile(EXAMPLE, tmp_path, "cpu")
    assert compiler.load(tmp_path) == made


def test_without_permission_a_weight_stays_dense_and_says_why(tmp_path):
    missed = [r for r in compiler.compile(EXAMPLE, tmp_path, "cpu").products if not r.is_taken]
    assert [remark.function for remark in missed] == ["needs_permission"]
    assert missed[0].number("Violations") == 4
    assert "2:4" in missed[0].arguments["Reason"] and "magnitude" in missed[0].arguments["Fix"]


def test_example_for_a_gpu(tmp_path):
    artifact = compiler.compile(EXAMPLE, tmp_path, "sm_80", "magnitude")
    assert artifact.ptx.read_text().count("mma.sp::ordered_metadata") > 0
    assert artifact.weights.read_bytes().startswith(b"SP24WGT1")
    library = ctypes.CDLL(str(artifact.library))
    for name in artifact.functions:
        for symbol in (f"{name}_create", f"_mlir_ciface_{name}_run", f"{name}_destroy"):
            assert hasattr(library, symbol), symbol
    library.sparse24StatusString.restype = ctypes.c_char_p
    assert library.sparse24StatusString(0)


@pytest.mark.parametrize("target", [target for target in compiler.TARGETS if target != "cpu"])
def test_kernels_for_each_target(tmp_path, target):
    artifact = compiler.compile(EXAMPLE, tmp_path, target, "magnitude")
    assert [remark.is_taken for remark in artifact.products] == [True, True]
    ptx = artifact.ptx.read_text()
    instruction = "wgmma.mma_async.sp" if target == "sm_90a" else "mma.sp::ordered_metadata"
    assert f".target {target}" in ptx and instruction in ptx
    if tools.find_ptxas():
        assert artifact.cubin.stat().st_size > 0


def test_main_job_for_a_gpu(checkpoint, tmp_path, capsys):
    arguments = ["--model", str(checkpoint), "--output", str(tmp_path), "--prune", "magnitude", "--precision", "bf16"]
    assert minilm.main(arguments) == 0, capsys.readouterr()
    text = capsys.readouterr().out
    assert "5 of 5 layers sparse" in text and "model.ptx" in text
    assert minilm.main([*arguments, "--reuse"]) == 0, capsys.readouterr()
    assert "5 of 5 layers sparse" in capsys.readouterr().out


def test_broken_input_is_a_tool_error(tmp_path):
    (tmp_path / "broken.mlir").write_text("func.func @f( {")
    with pytest.raises(tools.ToolError, match="expected"):
        compiler.compile(tmp_path / "broken.mlir", tmp_path / "out", "cpu")
    assert compiler.main([str(tmp_path / "broken.mlir"), "-o", str(tmp_path / "out"), "--target", "cpu"]) == 1


@pytest.mark.parametrize("precision", ["none", "bf16", "f16"])
@pytest.mark.parametrize("tokens", ["5", "?"])
def test_main_job(checkpoint, tmp_path, capsys, precision, tokens):
    arguments = ["--model", str(checkpoint), "--output", str(tmp_path), "--tokens", tokens, "--target", "cpu",
                 "--prune", "magnitude", "--precision", precision]
    assert minilm.main(arguments) == 0, capsys.readouterr()
    text = capsys.readouterr().out
    taken = 0 if precision == "none" else 5
    assert f"{taken} of 5 layers sparse" in text
    assert "every output within its error bound" in text
    assert "ran on the CPU lowering" in text


def test_main_job_notices_a_wrong_result(checkpoint, tmp_path, capsys, monkeypatch):
    def corrupt(module, calls, on_done=None):
        return [([np.full(shape, 0.125, np.float32) for shape, _ in call.outputs], 0.0) for call in calls]

    monkeypatch.setattr(cpu, "run", corrupt)
    assert minilm.main(["--model", str(checkpoint), "--output", str(tmp_path), "--target", "cpu"]) == 1
    assert "WRONG" in capsys.readouterr().out


def test_main_job_without_a_layer(checkpoint, tmp_path, capsys):
    assert minilm.main(["--model", str(checkpoint), "--output", str(tmp_path), "--layers", "absent"]) == 1
    assert "no linear layer matches absent" in capsys.readouterr().err

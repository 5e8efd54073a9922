"""Weights from checkpoints: the compiler finds them by name, and takes one at a time into memory."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import resource
import subprocess

import numpy as np
import pytest
from safetensors.numpy import save_file

from sparse24 import compiler, cpu, export, tools


def write_checkpoint(path, sizes, kind=np.float32):
    """Linear layers of random weights: (outputs, inputs) of each."""
    random = np.random.default_rng(1)
    tensors = {}
    for index, (outputs, inputs) in enumerate(sizes):
        tensors[f"layer.{index}.dense.weight"] = random.standard_normal((outputs, inputs), np.float32).astype(kind)
        tensors[f"layer.{index}.dense.bias"] = random.standard_normal(outputs, np.float32).astype(kind)
    save_file(tensors, path)


def write_module(path, checkpoint, reference):
    layers = export.load_layers(checkpoint, reference=reference)
    with open(path, "w", encoding="ascii") as stream:
        export.write_module(stream, layers)
    return layers


@pytest.mark.parametrize("kind", [np.float32, np.float16])
def test_gives_what_weights_in_the_module_give(tmp_path, kind):
    checkpoint = tmp_path / "small model.safetensors"
    write_checkpoint(checkpoint, [(48, 64), (40, 30)], kind)
    files = []
    for reference in (False, True):
        module = tmp_path / f"{reference}.mlir"
        assert len(write_module(module, checkpoint, reference)) == 2
        artifact = compiler.compile(module, tmp_path / str(reference), "sm_80", "magnitude", "bf16",
                                    [checkpoint] if reference else ())
        assert sum(remark.is_taken for remark in artifact.products) == 2
        files.append(artifact.weights.read_bytes())
    assert files[0] == files[1]
    assert not list((tmp_path / "True").glob("checkpoint*"))


def test_the_users_files_stay(tmp_path):
    """Also those that are in the artefact's directory, and if compiling fails."""
    checkpoint, module = tmp_path / "0.safetensors", tmp_path / "in.mlir"
    write_checkpoint(checkpoint, [(48, 64)])
    before = checkpoint.read_bytes()
    write_module(module, checkpoint, reference=True)
    compiler.compile(module, tmp_path, "cpu", "magnitude", "bf16", [checkpoint])
    module.write_text("nonsense")
    with pytest.raises(tools.ToolError):
        compiler.compile(module, tmp_path, "cpu", checkpoints=[checkpoint])
    assert checkpoint.read_bytes() == before
    assert not list(tmp_path.glob("checkpoints_*"))


@pytest.mark.parametrize("target", ["cpu", "sm_80"])
def test_weights_without_a_checkpoint_are_an_error(tmp_path, target):
    checkpoint, module = tmp_path / "0.safetensors", tmp_path / "in.mlir"
    write_checkpoint(checkpoint, [(48, 64)])
    write_module(module, checkpoint, reference=True)
    with pytest.raises(tools.ToolError, match="names a tensor of a checkpoint, and none is given"):
        compiler.compile(module, tmp_path / "out", target)
    with pytest.raises(tools.ToolError, match="nowhere.safetensors: there is no such checkpoint"):
        compiler.compile(module, tmp_path / "out", target, checkpoints=["nowhere.safetensors"])


def test_f64_weights_stay_dense(tmp_path):
    """Rounding them is nothing that Support knows."""
    (tmp_path / "in.mlir").write_text("""func.func @f(%x: tensor<3x4xf32>) -> tensor<3x1xf32> {
  %w = arith.constant dense<[[8.0], [7.0], [6.0], [5.0]]> : tensor<4x1xf64>
  %t = arith.truncf %w : tensor<4x1xf64> to tensor<4x1xf32>
  %zero = arith.constant 0.0 : f32
  %e = tensor.empty() : tensor<3x1xf32>
  %0 = linalg.fill ins(%zero : f32) outs(%e : tensor<3x1xf32>) -> tensor<3x1xf32>
  %1 = linalg.matmul ins(%x, %t : tensor<3x4xf32>, tensor<4x1xf32>) outs(%0 : tensor<3x1xf32>) -> tensor<3x1xf32>
  return %1 : tensor<3x1xf32>
}""")
    artifact = compiler.compile(tmp_path / "in.mlir", tmp_path / "out", "cpu", "magnitude", "bf16")
    assert [remark.is_taken for remark in artifact.products] == [False]
    x = np.arange(12, dtype=np.float32).reshape(3, 4)
    ((found,), _), = cpu.run(artifact.llvm_module, [cpu.Call("f", [x], [((3, 1), "f32")])])
    np.testing.assert_array_equal(found, x @ np.array([[8], [7], [6], [5]], np.float32))


def import_weights(tmp_path, module, *checkpoints):
    (tmp_path / "in.mlir").write_text(module)
    files = ",".join(checkpoint.name for checkpoint in checkpoints)
    return subprocess.run([tools.find("sparse24-opt"), "in.mlir", f"--sparse24-import-weights=files={files}"],
                          cwd=tmp_path, capture_output=True, text=True)


def test_the_first_file_with_the_name_counts(tmp_path):
    save_file({"a": np.array([1, 2], np.float32)}, tmp_path / "1.safetensors")
    save_file({"a": np.array([9, 9], np.float32), "b": np.array([[3]], np.int8)}, tmp_path / "2.safetensors")
    done = import_weights(tmp_path, """func.func @f() -> (tensor<2xf32>, tensor<1x1xi8>) {
  %a = sparse24.weight "a" : tensor<2xf32>
  %b = sparse24.weight "b" : tensor<1x1xi8>
  return %a, %b : tensor<2xf32>, tensor<1x1xi8>
}""", tmp_path / "1.safetensors", tmp_path / "2.safetensors")
    assert done.returncode == 0, done.stderr
    assert "sparse24.weight" not in done.stdout
    assert np.array([1, 2], np.float32).tobytes().hex().upper() in done.stdout
    assert "0x0100000003" in done.stdout


@pytest.mark.parametrize("text, message", [
    ('"a" : tensor<3xf32>', "is of type 'tensor<2xf32>' in the checkpoint, but its result is of type 'tensor<3xf32>'"),
    ('"b" : tensor<3xf32>', "isn't in the checkpoints (1.safetensors), or of an element type that MLIR hasn't got"),
])
def test_what_does_not_fit_is_named(tmp_path, text, message):
    save_file({"a": np.array([1, 2], np.float32)}, tmp_path / "1.safetensors")
    done = import_weights(tmp_path, f"""func.func @f() -> tensor<3xf32> {{
  %a = sparse24.weight {text}
  return %a : tensor<3xf32>
}}""", tmp_path / "1.safetensors")
    assert done.returncode != 0
    assert message in done.stderr


@pytest.mark.parametrize("change, message", [
    (lambda data: data[:4], "is no safetensors file, or cut off"),
    (lambda data: data[:-1], "tensor 'a' has data_offsets that don't fit its type and the file"),
    (lambda data: data[:8] + data[8:].replace(b'"dtype"', b'"dkind"'), "tensor 'a' has no dtype, shape and data_offsets"),
    (lambda data: data[:8] + data[8:].replace(b"{", b"[", 1), "header: "),
    (None, "No such file or directory"),
])
def test_broken_files_are_named(tmp_path, change, message):
    path = tmp_path / "1.safetensors"
    save_file({"a": np.array([1, 2], np.float32)}, path)
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    done = import_weights(tmp_path, "", path)
    assert done.returncode != 0
    assert "1.safetensors: " in done.stderr and message in done.stderr


def test_memory_is_that_of_one_weight(tmp_path):
    """Twelve weights of 16 MB, in a process whose own memory is limited: what a small program takes,
    and 1.2 times one weight. (What is mapped from the checkpoint doesn't count.)"""
    weight, sizes = 16 << 20, [(2048, 2048)] * 12

    def compile_within(name, sizes, limit):
        checkpoint, module = tmp_path / f"{name}.safetensors", tmp_path / f"{name}.mlir"
        write_checkpoint(checkpoint, sizes)
        write_module(module, checkpoint, reference=True)
        done = subprocess.run(
            [tools.find("sparse24-opt"), module, "-o", "/dev/null", "--remarks-filter=",
             "--mlir-disable-threading",
             f"--sparse24-pipeline=target=sm_80 format=mlir prune=magnitude precision=bf16 "
             f"checkpoints={checkpoint.name} weights-file={name}.weights"],
            cwd=tmp_path, capture_output=True, text=True,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)))
        return done.returncode == 0

    # What the program itself takes, to a megabyte.
    small = [(64, 64)] * len(sizes)
    low, high = 0, 1 << 30
    while high - low > 1 << 20:
        middle = (low + high) // 2
        low, high = (low, middle) if compile_within("small", small, middle) else (middle, high)
    assert compile_within("large", sizes, high + weight * 6 // 5)
    assert (tmp_path / "large.weights").stat().st_size > len(sizes) * weight // 4

"""The JIT runner, called from Python."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import numpy as np
import pytest

from sparse24 import cpu, tools

#: @copy: rank 2, f16 bits moved unchanged; @leave writes nothing.
MODULE = """
func.func @copy(%a: memref<?x?xi16>, %b: memref<?x?xi16>) attributes {llvm.emit_c_interface} {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %m = memref.dim %a, %c0 : memref<?x?xi16>
  %n = memref.dim %a, %c1 : memref<?x?xi16>
  scf.for %i = %c0 to %m step %c1 {
    scf.for %j = %c0 to %n step %c1 {
      %v = memref.load %a[%i, %j] : memref<?x?xi16>
      memref.store %v, %b[%i, %j] : memref<?x?xi16>
    }
  }
  return
}
func.func @leave(%b: memref<3xf32>) attributes {llvm.emit_c_interface} {
  return
}
"""


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    directory = tmp_path_factory.mktemp("cpu")
    (directory / "in.mlir").write_text(MODULE)
    lowered = directory / "out.mlir"
    tools.run([tools.find("sparse24-opt"), directory / "in.mlir", "--convert-scf-to-cf", "--convert-to-llvm",
               "--reconcile-unrealized-casts", "-o", lowered])
    return lowered


def test_calls_of_any_shape_in_one_process(module):
    arrays = [np.arange(m * n, dtype=np.float16).reshape(m, n) for m, n in [(1, 1), (3, 5), (7, 2), (0, 4)]]
    done = []
    results = cpu.run(module, [cpu.Call("copy", [a], [(a.shape, "f16")]) for a in arrays], done.append)
    for array, ((copy,), milliseconds) in zip(arrays, results):
        assert copy.dtype == np.float16
        assert milliseconds >= 0
        np.testing.assert_array_equal(copy, array)
    assert done == [0, 1, 2, 3]


def test_bf16_comes_as_words(module):
    words = np.array([[0x3F80, 0x8000]], np.uint16)
    ((copy,), _), = cpu.run(module, [cpu.Call("copy", [words], [((1, 2), "bf16")])])
    assert copy.dtype == np.uint16
    np.testing.assert_array_equal(copy, words)


def test_unwritten_outputs_are_nan(module):
    ((output,), _), = cpu.run(module, [cpu.Call("leave", [], [((3,), "f32")])])
    assert np.isnan(output).all()


def test_wrong_calls_are_refused(module):
    with pytest.raises(tools.ToolError, match="takes 2 arrays"):
        cpu.run(module, [cpu.Call("copy", [], [((1, 1), "f16")])])
    with pytest.raises(tools.ToolError, match="no function 'absent'"):
        cpu.run(module, [cpu.Call("absent", [], [])])


@pytest.mark.parametrize(
    "array, message",
    [
        (np.asfortranarray(np.zeros((2, 3))), "C order"),
        (np.zeros(3, ">f4"), "unsupported element type '>f4'"),
        (np.zeros(3, "f4,i4"), "structured element types"),
    ],
)
def test_unreadable_inputs_are_refused(module, tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(tools.ToolError, match=message):
        tools.run([tools.find("sparse24-run"), module, "--entry=leave", f"--input={tmp_path / 'a.npy'}"])


def test_a_cut_input_is_refused(module, tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(3, np.float32))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(tools.ToolError, match="expected 12 bytes of data, found 11"):
        tools.run([tools.find("sparse24-run"), module, "--entry=leave", f"--input={tmp_path / 'cut.npy'}"])

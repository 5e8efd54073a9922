"""The GPU binding, on a driver and an artefact made of host memory."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import ctypes
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sparse24 import compiler, runtime

#: What the binding calls of libcuda; device memory is host memory.
DRIVER = r"""
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
int cuInit(unsigned flags) { return 0; }
int cuDeviceGet(int *device, int ordinal) { *device = 0; return 0; }
int cuDeviceGetName(char *name, int size, int device) { strcpy(name, "Fake"); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : 0; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = context; return 0; }
int cuCtxSetCurrent(void *context) { return 0; }
int cuCtxSynchronize(void) { return 0; }
int cuGetErrorName(int status, const char **text) { *text = "CUDA_ERROR_OUT_OF_MEMORY"; return 0; }
int cuMemAlloc_v2(uint64_t *pointer, size_t bytes) {
  if (bytes > 1u << 30) return 2;
  *pointer = (uint64_t)malloc(bytes);
  return 0;
}
int cuMemFree_v2(uint64_t pointer) { free((void *)pointer); return 0; }
int cuMemsetD8_v2(uint64_t pointer, unsigned char byte, size_t bytes) { memset((void *)pointer, byte, bytes); return 0; }
int cuMemcpyHtoD_v2(uint64_t to, const void *from, size_t bytes) { memcpy((void *)to, from, bytes); return 0; }
int cuMemcpyDtoH_v2(void *to, uint64_t from, size_t bytes) { memcpy(to, (void *)from, bytes); return 0; }
int cuStreamCreate(void **stream, unsigned flags) { *stream = stream; return 0; }
int cuStreamDestroy_v2(void *stream) { return 0; }
int cuStreamBeginCapture_v2(void *stream, int mode) { return mode == 1 ? 0 : 1; }
int cuStreamEndCapture(void *stream, void **graph) { *graph = stream; return 0; }
int cuGraphInstantiateWithFlags(void **executable, void *graph, unsigned long long flags) { *executable = graph; return 0; }
int cuGraphDestroy(void *graph) { return 0; }
int cuGraphLaunch(void *executable, void *stream) { return executable != stream; }
int cuGraphExecDestroy(void *executable) { return 0; }
int cuEventCreate(void **event, unsigned flags) { return 0; }
int cuEventRecord(void *event, void *stream) { return 0; }
int cuEventSynchronize(void *event) { return 0; }
int cuEventElapsedTime(float *ms, void *from, void *to) { *ms = 0.5f; return 0; }
int cuEventDestroy_v2(void *event) { return 0; }
"""

#: An artefact's code: @twice doubles a matrix; the first weight byte is added.
PROGRAM = r"""
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
typedef struct { float *allocated, *aligned; int64_t offset, sizes[2], strides[2]; } Matrix;
static int live;
int32_t live_contexts(void) { return live; }
const char *sparse24StatusString(int32_t status) { return status == 8 ? "weight not found" : "misaligned"; }
const char *sparse24LastError(void) { return "the detail"; }
int32_t twice_create(const char *weights, void **context) {
  FILE *file = weights ? fopen(weights, "rb") : 0;
  if (!file) return 8;
  int *first = malloc(sizeof(int));
  *first = fgetc(file);
  fclose(file);
  *context = first;
  ++live;
  return 0;
}
int32_t twice_destroy(void *context) { free(context); --live; return 0; }
int32_t _mlir_ciface_twice_run(void *context, Matrix *x, Matrix *y, void *stream) {
  if (stream) return 11;
  for (int64_t i = 0; i < x->sizes[0]; ++i)
    for (int64_t j = 0; j < x->sizes[1]; ++j)
      y->aligned[i * y->strides[0] + j * y->strides[1]] =
          2 * x->aligned[i * x->strides[0] + j * x->strides[1]] + *(int *)context;
  return 0;
}
"""


def build(source, library):
    source_file = library.with_suffix(".c")
    source_file.write_text(source)
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", str(library), str(source_file)], check=True)
    return library


@pytest.fixture(scope="module")
def artifact(tmp_path_factory):
    directory = tmp_path_factory.mktemp("artifact")
    build(PROGRAM, directory / "model.so")
    (directory / "model.weights").write_bytes(b"\x03")
    functions = {"twice": {"inputs": ["tensor<?x3xf32>"], "outputs": ["tensor<?x3xf32>"]}}
    return compiler.Artifact(directory, "sm_80", functions)


@pytest.fixture(scope="module")
def driver(tmp_path_factory):
    """The driver module, with the fake library behind it."""
    from sparse24 import driver

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SPARSE24_LIBCUDA", str(build(DRIVER, tmp_path_factory.mktemp("driver") / "libcuda.so")))
        patch.setattr(driver, "_driver", None)
        yield driver


def test_arrays_go_there_and_back(driver):
    array = np.arange(6, dtype=np.float16).reshape(2, 3)
    device = driver.DeviceArray.from_numpy(array)
    np.testing.assert_array_equal(device.numpy(), array)
    device.fill_bytes(0xFF)
    assert np.isnan(device.numpy()).all()


def test_device(driver):
    assert driver.is_available()
    assert driver.get().device_name() == "Fake"
    assert driver.get().compute_capability() == (9, 0)


def test_time_is_that_of_one_call(driver):
    streams = []
    assert driver.time_microseconds(streams.append, calls=5, repeats=3) == 100
    assert len(streams) == 5 and all(streams)


def test_driver_errors_have_names(driver):
    with pytest.raises(driver.CudaError, match="cuMemAlloc_v2: CUDA_ERROR_OUT_OF_MEMORY"):
        driver.DeviceArray((1 << 31,), np.int8)


def test_call(driver, artifact):
    x = np.arange(6, dtype=np.float32).reshape(2, 3)
    with runtime.Function(artifact, "twice") as function:
        np.testing.assert_array_equal(function(x), 2 * x + 3)
        np.testing.assert_array_equal(function(x[:0]), x[:0])
    assert ctypes.CDLL(str(artifact.library)).live_contexts() == 0


def test_foreign_arrays(driver, artifact):
    class Foreign:
        def __init__(self, array, strides=None):
            self.array = driver.DeviceArray.from_numpy(array)
            self.__cuda_array_interface__ = {**self.array.__cuda_array_interface__, "strides": strides}

    x, y = (Foreign(np.ones((2, 3), np.float32), (12, 4)) for _ in range(2))
    with runtime.Function(artifact, "twice") as function:
        function.run(None, x, y)
        np.testing.assert_array_equal(y.array.numpy(), np.full((2, 3), 5, np.float32))
        with pytest.raises(ValueError, match="not contiguous"):
            function.run(None, Foreign(np.ones((2, 3), np.float32), (4, 8)), y)
        with pytest.raises(TypeError, match="not a device array"):
            function.run(None, [1.0], y)
        with pytest.raises(TypeError, match="not in device memory"):
            function.run(None, _HostDlpack(np.ones((2, 3), np.float32)), y)


class _HostDlpack:
    def __init__(self, array):
        self.array = array

    def __dlpack__(self):
        return self.array.__dlpack__()


def test_wrong_arrays_are_refused(driver, artifact):
    good = driver.DeviceArray((2, 3), np.float32)
    with runtime.Function(artifact, "twice") as function:
        with pytest.raises(TypeError, match="takes 1 inputs and 1 outputs"):
            function.run(None, good)
        with pytest.raises(ValueError, match=r"array 1: shape \(2, 4\)"):
            function.run(None, good, driver.DeviceArray((2, 4), np.float32))
        with pytest.raises(ValueError, match="shape"):
            function.run(None, driver.DeviceArray((6,), np.float32), good)


def test_statuses_become_errors(driver, artifact, tmp_path):
    good = driver.DeviceArray((2, 3), np.float32)
    with runtime.Function(artifact, "twice") as function:
        with pytest.raises(runtime.Sparse24Error, match="twice: misaligned: the detail"):
            function.run(1, good, good)
    os.symlink(artifact.library, tmp_path / "model.so")
    with pytest.raises(runtime.Sparse24Error, match="weight not found"):
        runtime.Function(compiler.Artifact(tmp_path, "sm_80", artifact.functions), "twice")
    with pytest.raises(KeyError, match="no function 'thrice'"):
        runtime.Function(artifact, "thrice")


def test_without_a_driver():
    code = "from sparse24 import driver; print(driver.is_available())"
    environment = {**os.environ, "SPARSE24_LIBCUDA": "/nonexistent/libcuda.so",
                   "PYTHONPATH": str(Path(runtime.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("tensor<?x384xbf16>", ((None, 384), "bf16")),
        ("tensor<f32>", ((), "f32")),
        ("tensor<2x3x4xf8E4M3FN>", ((2, 3, 4), "f8E4M3FN")),
    ],
)
def test_tensor_types(text, expected):
    assert compiler.parse_tensor(text) == expected


def test_other_types_are_refused():
    with pytest.raises(ValueError, match="plain tensor"):
        compiler.parse_tensor("memref<2xf32>")


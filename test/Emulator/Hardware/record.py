"""Runs the kernels of kernels.py on a card and records their results.

    kernels.py --ir kernels.mlir
    sparse24-opt kernels.mlir --gpu-module-to-binary=format=isa \\
        --sparse24-write-kernels=path=kernels.ptx -o /dev/null
    record.py kernels.ptx results.npz

The first two steps need the compiler, the last a card, NumPy and this tree.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import ctypes
import pathlib
import sys

import numpy as np

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "python"))
from sparse24 import driver  # noqa: E402

import kernels  # noqa: E402
import writer  # noqa: E402


def tensor_map(cuda, array, box):
    """A CUtensorMap of a matrix of words."""
    words, rows, swizzle = box
    # At a multiple of 64 bytes.
    memory = (ctypes.c_char * 192)()
    result = (ctypes.c_char * 128).from_buffer(memory, -ctypes.addressof(memory) % 64)
    size = (ctypes.c_uint64 * 2)(array.shape[1], array.shape[0])
    stride = (ctypes.c_uint64 * 1)(4 * array.shape[1])
    extent = (ctypes.c_uint32 * 2)(words, rows)
    step = (ctypes.c_uint32 * 2)(1, 1)
    uint32, no_interleave, no_promotion, fill_with_zeros = 2, 0, 0, 0
    cuda.call("cuTensorMapEncodeTiled", result, uint32, 2, ctypes.c_void_p(array.pointer), size, stride, extent, step,
              no_interleave, {0: 0, 32: 1, 64: 2, 128: 3}[swizzle], no_promotion, fill_with_zeros)
    return result


def run(cuda, module, kernel):
    """Returns the kernel's results, threads × words; where it wrote nothing they are 0xFFFFFFFF."""
    function = ctypes.c_void_p()
    cuda.call("cuModuleGetFunction", ctypes.byref(function), module, kernel.name.encode())
    source = driver.DeviceArray.from_numpy(writer.inputs_of(kernel))
    target = driver.DeviceArray((kernel.rows, kernel.num_out), np.uint32)
    target.fill_bytes(0xFF)
    first = tensor_map(cuda, source, kernel.box) if kernel.box else ctypes.c_void_p(source.pointer)
    arguments = [first, ctypes.c_void_p(target.pointer)]
    pointers = (ctypes.c_void_p * 2)(*[ctypes.addressof(argument) for argument in arguments])
    cuda.call("cuLaunchKernel", function, kernel.cluster, 1, 1, kernel.threads, 1, 1, 0, None, pointers, None)
    cuda.synchronize()
    return target.numpy()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("ptx", type=pathlib.Path)
    parser.add_argument("results", type=pathlib.Path)
    options = parser.parse_args()
    cuda = driver.get()
    module = ctypes.c_void_p()
    cuda.call("cuModuleLoadData", ctypes.byref(module), options.ptx.read_bytes() + b"\0")
    results = {kernel.name: run(cuda, module, kernel) for kernel in kernels.SUITE.kernels}
    np.savez_compressed(options.results, device=cuda.device_name(), **results)
    print(f"{len(results)} kernels on {cuda.device_name()} -> {options.results}")


if __name__ == "__main__":
    main()

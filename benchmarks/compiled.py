"""Compiled functions and the packer of weights, from a shared library."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import ctypes


def memref(tensor):
    """A tensor's memref descriptor: two pointers, offset, sizes, strides, all 64 bits wide."""
    words = [tensor.data_ptr(), tensor.data_ptr(), 0, *tensor.shape, *tensor.stride()]
    return (ctypes.c_int64 * len(words))(*words)


class Library:
    """What `scripts/bench.sh run` links: all functions, the runtime and pack.cpp."""

    def __init__(self, path):
        self.library = ctypes.CDLL(str(path))
        self.library.sparse24BenchPackedBytes.restype = ctypes.c_int64
        for name in ("sparse24StatusString", "sparse24LastError"):
            getattr(self.library, name).restype = ctypes.c_char_p

    def packed_bytes(self, layout):
        size = self.library.sparse24BenchPackedBytes(layout.encode())
        if size < 0:
            raise ValueError(f"not a layout: {layout}")
        return size

    def pack(self, layout, dense, packed):
        """Packs a 2:4 matrix into packed_bytes(layout) bytes, both given by their address."""
        self.library.sparse24BenchPack(layout.encode(), ctypes.c_void_p(dense), ctypes.c_void_p(packed))

    def check(self, status, what):
        if status:
            raise RuntimeError(f"{what}: {self.library.sparse24StatusString(status).decode()}: "
                               f"{self.library.sparse24LastError().decode()}")


class Function:
    """A context of one compiled function, to be used in a `with` statement."""

    def __init__(self, library, name):
        self.library, self.name = library, name
        self.context = ctypes.c_void_p()

    def __enter__(self):
        create = getattr(self.library.library, f"{self.name}_create")
        self.library.check(create(None, ctypes.byref(self.context)), f"{self.name}_create")
        return self

    def __exit__(self, *_):
        destroy = getattr(self.library.library, f"{self.name}_destroy")
        self.library.check(destroy(self.context), f"{self.name}_destroy")

    def run(self, tensors, stream):
        """Enqueues the function on a stream, which is the address of a CUstream."""
        arguments = [ctypes.byref(memref(tensor)) for tensor in tensors]
        run = getattr(self.library.library, f"_mlir_ciface_{self.name}_run")
        self.library.check(run(self.context, *arguments, ctypes.c_void_p(stream)), f"{self.name}_run")

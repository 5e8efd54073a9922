"""Writes small GPU kernels as MLIR (LLVM and NVVM dialects), for the emulator's tests.

A kernel reads some words for every thread, does something with them and writes
its results: `in[thread][i]` and `out[thread][i]`, 32-bit words.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import dataclasses

import numpy as np

# How a matrix instruction's registers are to be compared: the terms that are
# added up in one element of the result, for the bound on rounding.
EXACT = 0


@dataclasses.dataclass
class Kernel:
    name: str
    num_in: int
    num_out: int
    body: str
    # For each input word, what it holds: a key of FILL.
    fill: list
    threads: int = 32
    # CTAs of the launch, one cluster.
    cluster: int = 1
    # The input as a tensor map: words and rows that a copy moves, and the bytes that it swizzles. Else a pointer.
    box: tuple = None
    shared_bytes: int = 0
    # Terms of a float result (EXACT: compared bit for bit), and its type.
    terms: int = EXACT
    result: str = "u32"

    @property
    def rows(self):
        """Threads of all CTAs."""
        return self.threads * self.cluster


def _floats(rng, shape):
    return rng.uniform(-2, 2, shape).astype(np.float32)


def _pairs16(convert):
    def fill(rng, count):
        halves = convert(_floats(rng, (count, 2))).astype(np.uint32)
        return halves[:, 0] | halves[:, 1] << 16
    return fill


def _bf16(values):
    return values.view(np.uint32) >> 16


def _tf32(rng, count):
    # With the 13 low bits clear, which the instruction may read or not.
    return _floats(rng, count).view(np.uint32) & np.uint32(0xFFFFE000)


def _fp8(rng, count):
    # No NaN and no infinity in either format: exponents below the highest.
    value = rng.integers(0, 0x60, (count, 4), dtype=np.uint32)
    value |= rng.integers(0, 2, (count, 4), dtype=np.uint32) << 7
    return (value << np.array([0, 8, 16, 24], np.uint32)).sum(1, dtype=np.uint32)


def _metadata(legal):
    def fill(rng, count):
        nibbles = rng.choice(np.array(legal, np.uint32), (count, 8))
        return (nibbles << np.arange(0, 32, 4, dtype=np.uint32)).sum(1, dtype=np.uint32)
    return fill


FILL = {
    "u32": lambda rng, count: rng.integers(0, 1 << 32, count, dtype=np.uint32),
    "f32": lambda rng, count: _floats(rng, count).view(np.uint32),
    "f16": _pairs16(lambda v: v.astype(np.float16).view(np.uint16)),
    "bf16": _pairs16(_bf16),
    "tf32": _tf32,
    "s8": lambda rng, count: rng.integers(0, 1 << 32, count, dtype=np.uint32),
    "fp8": _fp8,
    "small": lambda rng, count: rng.integers(0, 32, count, dtype=np.uint32),
    "bit": lambda rng, count: rng.integers(0, 2, count, dtype=np.uint32),
    # 2:4: two of four; 1:2 (tf32): one of two.
    "2:4": _metadata([0x4, 0x8, 0xC, 0x9, 0xD, 0xE]),
    "1:2": _metadata([0x4, 0xE]),
}


class Writer:
    """Writes the body of a kernel."""

    def __init__(self):
        self.lines, self.count = [], 0

    def value(self, text):
        name = f"%v{self.count}"
        self.count += 1
        self.lines.append(f"{name} = {text}")
        return name

    def do(self, text):
        self.lines.append(text)

    def constant(self, value, type="i32"):
        return self.value(f"llvm.mlir.constant({value} : {type}) : {type}")

    def asm(self, text, constraints, operands, types, results):
        """Inline PTX; returns the results one by one."""
        values = ", ".join(operands)
        if len(results) == 1:
            single = self.value(f'llvm.inline_asm has_side_effects asm_dialect = att "{text}", "{constraints}" '
                                f"{values} : ({', '.join(types)}) -> {results[0]}")
            return [single]
        struct = f"!llvm.struct<({', '.join(results)})>"
        packed = self.value(f'llvm.inline_asm has_side_effects asm_dialect = att "{text}", "{constraints}" '
                            f"{values} : ({', '.join(types)}) -> {struct}")
        return [self.value(f"llvm.extractvalue {packed}[{i}] : {struct}") for i in range(len(results))]

    def shared(self, offset):
        """The address of a byte (an i32 value) of the kernel's shared memory."""
        base = self.value("llvm.mlir.addressof @SHARED : !llvm.ptr<3>")
        return self.value(f"llvm.getelementptr {base}[{offset}] : (!llvm.ptr<3>, i32) -> !llvm.ptr<3>, i8")

    def times(self, value, factor):
        return self.value(f"llvm.mul {value}, {self.constant(factor)} : i32")


class Suite:
    """Kernels of one module."""

    def __init__(self):
        self.kernels = []

    def kernel(self, name, fill, num_out, **options):
        """Registers a kernel; the function gets a Writer, the thread and its words and returns the results."""
        def register(function):
            self.kernels.append(_write(function, name, fill, num_out, **options))
            return function
        return register

    def ir(self, chip="sm_90a", separate=False):
        """The kernels as MLIR, in one GPU module; or each in its own, whose shared memory is the kernel's alone."""
        target = f'[#nvvm.target<chip = "{chip}", features = "+ptx85", O = 3>] {{'
        lines = [] if separate else [f"gpu.module @kernels {target}"]
        for k in self.kernels:
            if separate:
                lines.append(f"gpu.module @{k.name}_module {target}")
            body = k.body.replace("@SHARED", f"@{k.name}_shared")
            if k.shared_bytes:
                lines.append(f"  llvm.mlir.global internal @{k.name}_shared() {{addr_space = 3 : i32, "
                             f"alignment = 1024 : i64}} : !llvm.array<{k.shared_bytes} x i8>")
            source = "!llvm.ptr<1>"
            if k.box:
                source = "!llvm.ptr {llvm.byval = !llvm.array<16 x i64>, llvm.align = 64 : i64, nvvm.grid_constant}"
            cluster = f", nvvm.cluster_dim = array<i32: {k.cluster}, 1, 1>" if k.cluster > 1 else ""
            lines.append(f"  llvm.func @{k.name}(%in: {source}, %out: !llvm.ptr<1>) attributes "
                         f"{{gpu.kernel, nvvm.kernel, nvvm.reqntid = array<i32: {k.threads}, 1, 1>{cluster}}} {{")
            lines += ["    " + line for line in body.split("\n") if line]
            lines += ["    llvm.return", "  }"]
            if separate:
                lines.append("}")
        return "\n".join(lines + ([] if separate else ["}"]) + [""])


def inputs_of(kernel, seed=24):
    """The kernel's input, threads × words, the same on every machine and for variants `name__variant`."""
    stem = kernel.name.split("__")[0]
    rng = np.random.Generator(np.random.PCG64([seed, *stem.encode()]))
    columns = [FILL[kind](rng, kernel.rows) for kind in kernel.fill]
    return np.ascontiguousarray(np.stack(columns, axis=1).astype(np.uint32))


def _write(function, name, fill, num_out, threads=32, cluster=1, box=None, shared_bytes=0, terms=EXACT, result="u32"):
    w = Writer()
    thread = row = w.value("nvvm.read.ptx.sreg.tid.x : i32")
    if cluster > 1:
        cta = w.value("nvvm.read.ptx.sreg.ctaid.x : i32")
        row = w.value(f"llvm.add {w.times(cta, threads)}, {thread} : i32")
    first = w.times(row, len(fill))
    words = []
    for i in range(0 if box else len(fill)):
        index = w.value(f"llvm.add {first}, {w.constant(i)} : i32")
        address = w.value(f"llvm.getelementptr %in[{index}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32")
        words.append(w.value(f"llvm.load {address} : !llvm.ptr<1> -> i32"))
    # A kernel that stores its results itself gives none.
    results = function(w, thread, words)
    assert len(results) in (0, num_out), name
    first = w.times(row, num_out)
    for i, value in enumerate(results):
        index = w.value(f"llvm.add {first}, {w.constant(i)} : i32")
        address = w.value(f"llvm.getelementptr %out[{index}] : (!llvm.ptr<1>, i32) -> !llvm.ptr<1>, i32")
        w.do(f"llvm.store {value}, {address} : i32, !llvm.ptr<1>")
    return Kernel(name, len(fill), num_out, "\n".join(w.lines), list(fill), threads, cluster, box, shared_bytes, terms,
                  result)

#!/usr/bin/env python3
"""Writes the MLIR modules that the GPU check and the benchmark compile.

    make_modules.py check OUT    functions for every shape that check_matmul runs
    make_modules.py bench OUT    functions for the shapes of bench_matmul

OUT gets one module for each element type and operand side (so that no module
takes long to compile), `cases.inc`, a table of all functions for the C++ programs,
and `modules.txt`: a line "<module> <extra pipeline options>" for each module.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

ROWS = (64, 96, 200, 384, 1000, 1536, 4096)
DEPTHS = (64, 90, 128, 400, 1536, 4096)
COLUMNS = (1, 3, 7, 8, 13, 16, 24, 64, 100, 129, 1024)
# Layers of all-MiniLM-L6-v2 that the lists above don't have.
MINILM = ((384, 384), (1536, 384))
# What the schedule is chosen for where the dense operand's size is dynamic. The
# kernels must be right for any other size too.
EXPECTED_N = (16, 1024)

# (M, K, N) of D[M,N] = W[M,K]·X[K,N]: those of the peers' table, and cubes.
BENCH_SHAPES = (
    (10240, 10240, 10240), (8192, 8192, 8192), (4096, 4096, 4096),
    (28672, 4096, 4096), (4096, 14336, 4096),
    (28672, 4096, 1024), (4096, 14336, 1024),
    (28672, 4096, 256), (4096, 14336, 256),
    (4096, 4096, 64), (28672, 4096, 64), (28672, 4096, 16), (28672, 4096, 8),
)


@dataclass(frozen=True)
class Case:
    """One function: a product with a packed sparse operand of rows × k."""

    side: str
    element: str
    output: str
    rows: int
    k: int
    # The dense operand's free size; None is dynamic.
    columns: int = None
    transpose: bool = False
    expected: int = 1024

    @property
    def name(self):
        columns = f"_n{self.columns}" if self.columns else ""
        transpose = "_t" if self.transpose else ""
        return f"{self.side}_{self.element}_r{self.rows}_k{self.k}{columns}{transpose}_e{self.expected}"

    @property
    def packed_bytes(self):
        """As PackedLayout::bytes() for 16-bit types: blocks of 16 rows by 64
        columns, each 1024 bytes of values and 128 of metadata."""
        return -(-self.rows // 16) * -(-self.k // 64) * (1024 + 128)

    def mlir(self, schedule=None):
        columns = self.columns or "?"
        is_lhs = self.side == "lhs"
        # lhs: K × N, rhs: N × K, each the other way round if transposed.
        columns_last = is_lhs != self.transpose
        dense = f"{self.k}x{columns}" if columns_last else f"{columns}x{self.k}"
        out = f"{self.rows}x{columns}" if is_lhs else f"{columns}x{self.rows}"
        packed_type = f"tensor<{self.packed_bytes}xi8>"
        dense_type = f"tensor<{dense}x{self.element}>"
        out_type = f"tensor<{out}x{self.output}>"
        layout = f"#sparse24.layout<mma_sp, {self.element}, rows = {self.rows}, k = {self.k}>"
        transpose = " transpose_dense" if self.transpose else ""
        by_hand = f" schedule = #sparse24.schedule<{schedule}>" if schedule else ""
        size, operand = "", ""
        if not self.columns:
            size = (f"  %dim = arith.constant {int(columns_last)} : index\n"
                    f"  %n = tensor.dim %x, %dim : {dense_type}\n")
            operand = "%n"
        return (
            f"func.func @{self.name}(%w: {packed_type}, %x: {dense_type}) -> {out_type} {{\n"
            f"{size}"
            f"  %init = tensor.empty({operand}) : {out_type}\n"
            f"  %d = sparse24.matmul {self.side} ins(%w : {packed_type})\n"
            f"      dense(%x : {dense_type}) outs(%init : {out_type})\n"
            f"      k = {self.k} acc = f32{transpose} layout = {layout}{by_hand} -> {out_type}\n"
            f"  return %d : {out_type}\n"
            "}\n")

    def table_row(self):
        return (f"SPARSE24_CASE({self.name}, {self.side}, {self.element}, {self.output}, {self.rows}, "
                f"{self.k}, {self.columns or 0}, {int(self.transpose)}, {self.expected})\n")


def check_cases():
    """Every shape on both sides, with memory orders and output types mixed in."""
    for element, side, expected in itertools.product(("bf16", "f16"), ("lhs", "rhs"), EXPECTED_N):
        shapes = list(itertools.product(ROWS, DEPTHS)) + list(MINILM)
        if side == "rhs":
            # There N, of any size, is the sparse operand's rows.
            shapes += itertools.product(COLUMNS, DEPTHS)
        for rows, k in dict.fromkeys(shapes):
            # Neighbouring shapes get different combinations, and the variants of
            # one shape too.
            mix = ROWS.index(rows) if rows in ROWS else rows
            mix += (DEPTHS.index(k) if k in DEPTHS else k) + EXPECTED_N.index(expected)
            output = ("f32", element)[mix // 2 % 2]
            if rows == 200:
                output = "f16" if element == "bf16" else "bf16"
            yield Case(side, element, output, rows, k, transpose=bool(mix % 2), expected=expected)


def bench_cases():
    """X is N × K, as activations are."""
    for m, k, n in BENCH_SHAPES:
        yield Case("lhs", "bf16", "bf16", m, k, n, transpose=True, expected=n)
    yield Case("lhs", "bf16", "bf16", 8192, 8192, 8192, expected=8192)
    yield Case("rhs", "bf16", "bf16", 8192, 8192, 8192, expected=8192)
    yield Case("lhs", "f16", "f16", 8192, 8192, 8192, transpose=True, expected=8192)


def write(cases, out, schedule):
    out.mkdir(parents=True, exist_ok=True)
    modules = {}
    for case in cases:
        expected = 0 if case.columns else case.expected
        modules.setdefault((case.element, case.side, expected), []).append(case)
    lines = []
    for (element, side, expected), members in modules.items():
        name = f"{side}_{element}" + (f"_e{expected}" if expected else "")
        (out / f"{name}.mlir").write_text("\n".join(case.mlir(schedule) for case in members))
        lines.append(f"{name} {f'expected-n={expected}' if expected else ''}".rstrip() + "\n")
    (out / "modules.txt").write_text("".join(lines))
    rows = [case.table_row() for members in modules.values() for case in members]
    (out / "cases.inc").write_text("".join(rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=("check", "bench"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--schedule", help="the schedule of all products, such as "
                        "'mma_sp, tile = [128, 128, 64], warps = [2, 4], stages = 4'; else the compiler chooses")
    options = parser.parse_args()
    write({"check": check_cases, "bench": bench_cases}[options.set](), options.out, options.schedule)
    return 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""Writes the MLIR modules that the GPU check and the benchmark compile.

    make_modules.py check OUT    functions for every shape that check_matmul runs
    make_modules.py bench OUT    functions for the shapes of bench_matmul
    make_modules.py pattern OUT  functions that prune, compress, … for bench_pattern

OUT gets modules of functions that don't take long to compile; `modules.txt`, a
line "<module> <extra pipeline options>" for each; and a table of all functions,
`cases.inc` for the check and `cases.json` for the benchmark.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import dataclasses
import itertools
import json
import sys
from pathlib import Path

from products import FAMILIES, INTEGERS, Case

# The check of mma_sp: sizes of the sparse operand and of the dense one.
ROWS = (64, 96, 200, 384, 1000, 1536, 4096)
DEPTHS = (64, 90, 128, 400, 1536, 4096)
COLUMNS = (1, 3, 7, 8, 13, 16, 24, 64, 100, 129, 1024)
# Layers of all-MiniLM-L6-v2 that the lists above don't have.
MINILM = ((384, 384), (1536, 384))
# What a schedule is chosen for where the dense operand's size is dynamic. The
# kernels must be right for any other size too.
EXPECTED_N = (16, 1024)

# The check of wgmma_sp: what a schedule is chosen for -> rows and depths that its
# kernels run with. They have tails of tiles, and rows of a matrix that are and that
# aren't multiples of 16 bytes.
TAILS = {16: ((64, 1000), (256, 130), (500, 64)), 1024: ((100, 130), (256, 1000), (500, 512), (1024, 96))}
TAIL_COLUMNS = (1, 7, 16, 100, 192, 300, 1024)

# (M, K, N) of D[M,N] = W[M,K]·X[K,N]: those of the peers' table, and cubes.
BENCH_SHAPES = (
    (10240, 10240, 10240), (8192, 8192, 8192), (4096, 4096, 4096),
    (28672, 4096, 4096), (4096, 14336, 4096),
    (28672, 4096, 1024), (4096, 14336, 1024),
    (28672, 4096, 256), (4096, 14336, 256),
    (4096, 4096, 64), (28672, 4096, 64), (28672, 4096, 16), (28672, 4096, 8),
)
# The matrix of bench_pattern.
PATTERN_SHAPE = (16384, 16384)
# Element type, output type and epilogue of the products over all these shapes.
BENCH_TYPES = (("bf16", "bf16", ""), ("e4m3", "bf16", ""), ("s8", "bf16", "convert"))


def mma_sp_cases(family):
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
            sizes = COLUMNS if rows in ROWS else ()
            if side == "rhs" and rows in COLUMNS:
                sizes = sorted({*sizes, *ROWS})
            yield Case(family, side, element, output, rows, k, transpose=bool(mix % 2), expected=expected,
                       sizes=tuple(sizes))


def wgmma_sp_cases(family):
    """Every element type, output type, side and memory order, each with all tails."""
    for element, side in itertools.product(FAMILIES[family][0], ("lhs", "rhs")):
        outputs = ("s32",) if element in INTEGERS else ("f32", "f16", "bf16")
        # Of other types than those of 16 bits only K may be contiguous.
        orders = (False, True) if element in ("f16", "bf16") else (side == "lhs",)
        for output, transpose in itertools.product(outputs, orders):
            for expected, shapes in TAILS.items():
                for rows, k in shapes:
                    yield Case(family, side, element, output, rows, k, transpose=transpose, expected=expected,
                               sizes=TAIL_COLUMNS)


def epilogue_cases(family):
    """Every epilogue on both sides; scales with every output that they are for."""
    scales = ("row_scale", "column_scale", "tensor_scale")
    variants = [(element, "bf16", epilogue, False)
                for element in ("bf16", "e4m3") for epilogue in (*scales, "bias_gelu", "gelu")]
    variants += [("s8", "s8", scale, False) for scale in scales]
    variants += [("s8", "bf16", "row_scale", False), ("s8", "f16", "column_scale", False),
                 ("s8", "bf16", "convert", False)]
    variants += [("bf16", "f32", "", True), ("bf16", "bf16", "", True), ("e4m3", "f32", "", True),
                 ("s8", "s32", "", True)]
    for (element, output, epilogue, accumulate), side in itertools.product(variants, ("lhs", "rhs")):
        if element in FAMILIES[family][0]:
            for rows, k in ((100, 96), (1024, 512)):
                yield Case(family, side, element, output, rows, k, transpose=side == "lhs", epilogue=epilogue,
                           accumulate=accumulate, sizes=TAIL_COLUMNS)


def check_cases(family):
    yield from {"mma_sp": mma_sp_cases, "wgmma_sp": wgmma_sp_cases}[family](family)
    yield from epilogue_cases(family)


def bench_cases(family, shapes=None):
    """W·Xᵀ and X·Wᵀ, as X is N × K, as activations are: of these shapes (M, K, N), or
    those of the table and some that go with it."""
    def case(side, element, output, shape, **options):
        m, k, n = shape
        return Case(family, side, element, output, m, k, n, expected=n, **options)

    for (element, output, epilogue), shape in itertools.product(BENCH_TYPES, shapes or BENCH_SHAPES):
        if element in FAMILIES[family][0]:
            yield case("lhs", element, output, shape, epilogue=epilogue, transpose=True)
            yield case("rhs", element, output, shape, epilogue=epilogue)
    if shapes:
        return
    cube = (8192, 8192, 8192)
    yield case("lhs", "f16", "f16", cube, transpose=True)
    yield case("lhs", "bf16", "bf16", cube)
    yield case("rhs", "bf16", "bf16", cube, epilogue="gelu")
    # A short K, where the epilogue is a large part.
    for epilogue in ("", "bias_gelu"):
        yield case("rhs", "bf16", "bf16", (28672, 1024, 4096), epilogue=epilogue)


def table_row(case):
    """A row of the C++ table; Cases.h says what the columns are."""
    operands = len(case.operands) + case.accumulate
    sizes = ", ".join(map(str, case.sizes or (case.columns,)))
    return (f"SPARSE24_CASE({case.name}, {case.side}, \"{case.layout}\", {case.output}, {case.epilogue or 'none'}, "
            f"{int(case.accumulate)}, {int(case.transpose)}, {case.expected}, {operands}, {sizes})\n")


def write(cases, out, schedule):
    out.mkdir(parents=True, exist_ok=True)
    cases, modules = list(cases), {}
    for case in cases:
        expected = f"_e{case.expected}" if not case.columns else ""
        modules.setdefault(f"{case.side}_{case.element}{expected}", []).append(case)
    lines = []
    for name, members in modules.items():
        (out / f"{name}.mlir").write_text("\n".join(case.mlir(schedule) for case in members))
        expected = "" if members[0].columns else f"expected-n={members[0].expected}"
        lines.append(f"{name} {expected}".rstrip() + "\n")
    (out / "modules.txt").write_text("".join(lines))
    (out / "cases.inc").write_text("".join(map(table_row, cases)))
    (out / "cases.json").write_text(json.dumps(
        [{"name": case.name, "layout": case.layout, **dataclasses.asdict(case)} for case in cases], indent=1))


def write_pattern(out, family):
    """The operations on one matrix, for bench_pattern."""
    rows, k = PATTERN_SHAPE
    dense, values, words = f"tensor<{rows}x{k}xbf16>", f"tensor<{rows}x{k // 2}xbf16>", f"tensor<{rows}x{k // 16}xi16>"
    packed = f"tensor<{rows * k + rows * k // 8}xi8>"
    layout = f"#sparse24.layout<{family}, bf16, rows = {rows}, k = {k}>"
    compress = f"outs(%v, %m : {values}, {words}) -> {values}, {words}"
    scores, report = f"tensor<{k}xf32>", "tensor<3xi64>"
    bodies = {
        "prune": ((dense,), (dense,), f"%0 = sparse24.prune magnitude ins(%a : {dense}) outs(%e : {dense}) -> {dense}"),
        "compress": ((dense,), (values, words), f"%0:2 = sparse24.compress ins(%a : {dense}) {compress}"),
        "prune_compress": ((dense,), (values, words),
                           f"%p = sparse24.prune magnitude ins(%a : {dense}) outs(%e : {dense}) -> {dense}\n"
                           f"  %0:2 = sparse24.compress ins(%p : {dense}) {compress}"),
        "tiles": ((dense,), (dense,), f"%0 = sparse24.prune transposable ins(%a : {dense}) outs(%e : {dense}) -> {dense}"),
        "tiles_compress": ((dense,), (values, words), f"%0:2 = sparse24.compress ins(%a : {dense}) "
                           f"outs(%v, %m : {values}, {words}) prune = transposable -> {values}, {words}"),
        "tiles_both_ways": ((dense,), (values, words) * 2, f"%0:4 = sparse24.compress ins(%a : {dense}) "
                            f"outs(%v, %m, %vt, %mt : {values}, {words}, {values}, {words}) prune = transposable "
                            f"-> {values}, {words}, {values}, {words}"),
        "wanda_compress": ((dense, scores), (values, words), f"%0:2 = sparse24.compress ins(%a, %b : {dense}, {scores}) "
                           f"outs(%v, %m : {values}, {words}) prune = wanda -> {values}, {words}"),
        "verify": ((dense,), (report,), f"%0 = sparse24.verify ins(%a : {dense}) outs(%r : {report}) -> {report}"),
        "decompress": ((values, words), (dense,), f"%0 = sparse24.decompress ins(%a, %b : {values}, {words}) "
                                                  f"outs(%e : {dense}) -> {dense}"),
        "pack": ((values, words), (packed,), f"%0 = sparse24.pack {layout} ins(%a, %b : {values}, {words}) "
                                             f"outs(%p0 : {packed}) -> {packed}"),
    }
    name, text = f"bf16_{rows}x{k}", ""
    for operation, (inputs, outputs, body) in bodies.items():
        arguments = ", ".join(f"%{letter}: {kind}" for letter, kind in zip("ab", inputs))
        results = ", ".join(["%0"] if len(outputs) == 1 else [f"%0#{i}" for i in range(len(outputs))])
        text += (f"func.func @{operation}_{name}({arguments}) -> ({', '.join(outputs)}) {{\n"
                 f"  %e = tensor.empty() : {dense}\n  %v = tensor.empty() : {values}\n"
                 f"  %m = tensor.empty() : {words}\n  %vt = tensor.empty() : {values}\n"
                 f"  %mt = tensor.empty() : {words}\n  %p0 = tensor.empty() : {packed}\n"
                 f"  %r = tensor.empty() : {report}\n  {body}\n"
                 f"  return {results} : {', '.join(outputs)}\n}}\n")
    out.mkdir(parents=True, exist_ok=True)
    (out / "pattern.mlir").write_text(text)
    (out / "modules.txt").write_text("pattern\n")
    (out / "cases.inc").write_text("")
    (out / "cases.json").write_text(json.dumps(
        [{"name": name, "rows": rows, "k": k, "operations": list(bodies)}], indent=1))


def shape(text):
    """M,K,N"""
    sizes = [int(size) for size in text.split(",")]
    if len(sizes) != 3 or min(sizes) < 1:
        raise ValueError(text)
    return tuple(sizes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=("check", "bench", "pattern"))
    parser.add_argument("out", type=Path)
    parser.add_argument("--family", choices=FAMILIES, default="mma_sp", help="the packed layouts' family")
    parser.add_argument("--schedule", help="the schedule of all products, such as "
                        "'mma_sp, tile = [128, 128, {k}], warps = [2, 4], stages = 4', where {k} stands for "
                        "the elements in 128 bytes; else the compiler chooses")
    parser.add_argument("--shape", type=shape, action="append", dest="shapes", metavar="M,K,N",
                        help="bench: products of this shape instead of the table's; may be given again")
    options = parser.parse_args()
    if options.shapes and options.set != "bench":
        parser.error("--shape is for bench")
    if options.set == "pattern":
        write_pattern(options.out, options.family)
        return 0
    cases = check_cases(options.family) if options.set == "check" else bench_cases(options.family, options.shapes)
    write(cases, options.out, options.schedule)
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Run-time pruning, compression, decompression and packing: on the CPU and by the
emulator's GPU, bit for bit what the reference says."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import itertools

import numpy as np
import pytest

from sparse24 import cpu, pattern, tools

#: Element type -> its name in MLIR, the bits' NumPy type.
ELEMENTS = {"bf16": ("bf16", np.uint16), "f16": ("f16", np.uint16), "tf32": ("f32", np.uint32), "s8": ("i8", np.uint8),
            "e4m3": ("f8E4M3FN", np.uint8), "e5m2": ("f8E5M2", np.uint8)}
#: Rows of whole words of metadata and of pieces, of groups and of pieces.
SHAPES = ((1, 4), (3, 30), (5, 64), (130, 48), (17, 129), (2, 272), (70, 7))
#: Those whose sizes the compiler doesn't know, too.
DYNAMIC = ((3, 30), (5, 64), (17, 129))
#: Those that are compressed both ways, which takes long to compile: the last with unknown sizes. Tiles have those for it, too.
BOTH_WAYS = ((5, 64), (70, 7), (17, 129))
TARGETS = {"cpu": ("target=cpu", "sparse24-run"), "gpu": ("target=sm_80 format=llvm", "sparse24-emulate")}
FAMILIES = ("mma_sp", "wgmma_sp")


def special_bits(element):
    """Zeros of both signs, ties, subnormals, infinities and NaN where there are any."""
    return {"bf16": [0, 0x8000, 0x3F80, 0xBF80, 1, 0x8001, 0x7F80, 0xFF80, 0x7FC0, 0xFFC1],
            "f16": [0, 0x8000, 0x3C00, 0xBC00, 1, 0x8001, 0x7C00, 0xFC00, 0x7E00, 0xFE01],
            "tf32": [0, 0x80000000, 0x3F800000, 0xBF800000, 1, 0x80000001, 0x7F800000, 0xFF800000, 0x7FC00000],
            "s8": [0, 1, 0xFF, 0x80, 0x7F, 0x81], "e4m3": [0, 0x80, 0x38, 0xB8, 1, 0x81, 0x7F, 0xFF],
            "e5m2": [0, 0x80, 0x3C, 0xBC, 1, 0x81, 0x7C, 0xFC, 0x7E]}[element]


def draw(random, shape, element):
    """Half of the matrix random bits, half of it special ones, in which ties are common."""
    kind = ELEMENTS[element][1]
    bits = random.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
    return np.where(random.random(shape) < 0.5, bits, random.choice(np.array(special_bits(element), kind), shape))


def compressed_shapes(element, shape):
    """The shapes of a matrix' values and metadata."""
    rows, k = shape
    return ((rows, -(-k // 2)), (rows, -(-k // 8))) if element == "tf32" else ((rows, 2 * -(-k // 4)), (rows, -(-k // 16)))


class Case:
    """A shape of a type; `is_static` says what the compiler knows of it."""

    def __init__(self, element, shape, is_static):
        self.element, self.shape, self.is_static = element, shape, is_static
        rows, k = shape
        self.name = f"{element}_{rows}x{k}_{'static' if is_static else 'dynamic'}"
        self.values, self.words = compressed_shapes(element, shape)
        # Of the transposed matrix.
        self.turned_values, self.turned_words = compressed_shapes(element, shape[::-1])
        self.is_both_ways = shape in BOTH_WAYS and is_static != (shape == BOTH_WAYS[-1])
        self.has_tiles = is_static or shape == BOTH_WAYS[-1]
        self.bits = draw(np.random.default_rng(rows * 1000 + k), shape, element)

    def tensor(self, shape, element=None):
        rows, columns = shape if self.is_static else "??"
        return f"tensor<{rows}x{columns}x{element or ELEMENTS[self.element][0]}>"

    def packed_bytes(self, family):
        rows, k = self.shape
        size, block = ELEMENTS[self.element][1](0).itemsize, 16 if family == "mma_sp" else 64
        return -(-rows // block) * block * -(-k * size // 128) * (64 + (16 if size == 1 else 8))

    def functions(self):
        """Each takes matrices of its results' shapes, too, where sizes are dynamic."""
        dense, values, words = self.tensor(self.shape), self.tensor(self.values), self.tensor(self.words, "i16")
        prune = f"sparse24.prune magnitude ins(%w : {dense}) outs(%e : {dense}) -> {dense}"
        inits = f"outs(%v, %m : {values}, {words})"
        yield f"""
func.func @prune_{self.name}(%w: {dense}, %e: {dense}) -> {dense} {{
  %0 = {prune}
  return %0 : {dense}
}}
func.func @both_{self.name}(%w: {dense}, %e: {dense}, %v: {values}, %m: {words}) -> ({values}, {words}) {{
  %0 = {prune}
  %1:2 = sparse24.compress ins(%0 : {dense}) {inits} -> {values}, {words}
  return %1#0, %1#1 : {values}, {words}
}}
func.func @compress_{self.name}(%w: {dense}, %v: {values}, %m: {words}) -> ({values}, {words}) {{
  %0:2 = sparse24.compress ins(%w : {dense}) {inits} -> {values}, {words}
  return %0#0, %0#1 : {values}, {words}
}}
func.func @decompress_{self.name}(%v: {values}, %m: {words}, %e: {dense}) -> {dense} {{
  %0 = sparse24.decompress ins(%v, %m : {values}, {words}) outs(%e : {dense}) -> {dense}
  return %0 : {dense}
}}
"""
        if self.has_tiles:
            yield f"""
func.func @tiles_{self.name}(%w: {dense}, %e: {dense}) -> {dense} {{
  %0 = sparse24.prune transposable ins(%w : {dense}) outs(%e : {dense}) -> {dense}
  return %0 : {dense}
}}
func.func @tiles_both_{self.name}(%w: {dense}, %v: {values}, %m: {words}) -> ({values}, {words}) {{
  %0:2 = sparse24.compress ins(%w : {dense}) {inits} prune = transposable -> {values}, {words}
  return %0#0, %0#1 : {values}, {words}
}}
"""
        if self.is_both_ways:
            yield from self.both_ways()
        if not self.is_static:
            return
        rows, k = self.shape
        for family in FAMILIES:
            packed = f"tensor<{self.packed_bytes(family)}xi8>"
            layout = f"#sparse24.layout<{family}, {ELEMENTS[self.element][0]}, rows = {rows}, k = {k}>"
            yield f"""
func.func @pack_{family}_{self.name}(%v: {values}, %m: {words}) -> {packed} {{
  %e = tensor.empty() : {packed}
  %0 = sparse24.pack {layout} ins(%v, %m : {values}, {words}) outs(%e : {packed}) -> {packed}
  return %0 : {packed}
}}
func.func @constant_{family}_{self.name}() -> {packed} {{
  %w = arith.constant dense<"0x{self.bits.tobytes().hex().upper()}"> : {dense}
  %pe = tensor.empty() : {dense}
  %p = sparse24.prune magnitude ins(%w : {dense}) outs(%pe : {dense}) -> {dense}
  %v = tensor.empty() : {values}
  %m = tensor.empty() : {words}
  %0:2 = sparse24.compress ins(%p : {dense}) {inits} -> {values}, {words}
  %e = tensor.empty() : {packed}
  %1 = sparse24.pack {layout} ins(%0#0, %0#1 : {values}, {words}) outs(%e : {packed}) -> {packed}
  return %1 : {packed}
}}
"""
        yield f"""
func.func @constant_tiles_{self.name}() -> ({dense}, {values}, {words}) {{
  %w = arith.constant dense<"0x{self.bits.tobytes().hex().upper()}"> : {dense}
  %e = tensor.empty() : {dense}
  %p = sparse24.prune transposable ins(%w : {dense}) outs(%e : {dense}) -> {dense}
  %v = tensor.empty() : {values}
  %m = tensor.empty() : {words}
  %0:2 = sparse24.compress ins(%w : {dense}) {inits} prune = transposable -> {values}, {words}
  return %p, %0#0, %0#1 : {dense}, {values}, {words}
}}
"""

    def both_ways(self):
        dense, values, words = self.tensor(self.shape), self.tensor(self.values), self.tensor(self.words, "i16")
        turned_values, turned_words = self.tensor(self.turned_values), self.tensor(self.turned_words, "i16")
        turned = f"{turned_values}, {turned_words}"
        all_inits = f"outs(%v, %m, %vt, %mt : {values}, {words}, {turned}) prune = transposable"
        yield f"""
func.func @ways_{self.name}(%w: {dense}, %v: {values}, %m: {words}, %vt: {turned_values},
                            %mt: {turned_words}) -> ({values}, {words}, {turned}) {{
  %0:4 = sparse24.compress ins(%w : {dense}) {all_inits} -> {values}, {words}, {turned}
  return %0#0, %0#1, %0#2, %0#3 : {values}, {words}, {turned}
}}
"""
        if not self.is_static:
            return
        yield f"""
func.func @constant_ways_{self.name}() -> ({values}, {words}, {turned}) {{
  %w = arith.constant dense<"0x{self.bits.tobytes().hex().upper()}"> : {dense}
  %v = tensor.empty() : {values}
  %m = tensor.empty() : {words}
  %vt = tensor.empty() : {turned_values}
  %mt = tensor.empty() : {turned_words}
  %0:4 = sparse24.compress ins(%w : {dense}) {all_inits} -> {values}, {words}, {turned}
  return %0#0, %0#1, %0#2, %0#3 : {values}, {words}, {turned}
}}
"""

    def calls(self):
        """Name of a call -> the call and what must come out; None for what another must give, too."""
        element = {"tf32": "f32", "e4m3": "i8", "e5m2": "i8", "s8": "i8"}.get(self.element, self.element)
        pruned = pattern.prune_bits(self.bits, self.element)
        values, words = pattern.compress_bits(self.bits, self.element)
        other = lambda array: np.full_like(array, np.iinfo(array.dtype).max)  # noqa: E731
        compressed = [(values.shape, element), (words.shape, "i16")]
        yield "prune", [self.bits, other(pruned)], [(pruned.shape, element)], [pruned]
        yield "both", [self.bits, other(pruned), other(values), other(words)], compressed, [values, words]
        yield "compress", [pruned, other(values), other(words)], compressed, \
            list(pattern.compress_bits(pruned, self.element))
        yield "decompress", [values, words, other(pruned)], [(pruned.shape, element)], [pruned]
        tiles = pattern.prune_bits(self.bits, self.element, "transposable")
        tiles_compressed = list(pattern.compress_bits(tiles, self.element))
        if self.has_tiles:
            yield "tiles", [self.bits, other(pruned)], [(pruned.shape, element)], [tiles]
            yield "tiles_both", [self.bits, other(values), other(words)], compressed, tiles_compressed
        turned = list(pattern.compress_bits(np.ascontiguousarray(tiles.T), self.element))
        ways = tiles_compressed + turned
        all_compressed = compressed + [(turned[0].shape, element), (turned[1].shape, "i16")]
        if self.is_both_ways:
            yield "ways", [self.bits, *map(other, ways)], all_compressed, ways
            if self.is_static:
                yield "constant_ways", [], all_compressed, ways
        if self.is_static:
            yield "constant_tiles", [], [(pruned.shape, element), *compressed], [tiles, *tiles_compressed]
        for family in FAMILIES if self.is_static else ():
            output = [((self.packed_bytes(family),), "i8")]
            yield f"pack_{family}", [values, words], output, [None]
            yield f"constant_{family}", [], output, [None]


def as_input(array, element):
    """The bits as the tool takes them."""
    if array.dtype == np.uint32:
        return array.view(np.float32)
    if array.dtype == np.uint8:
        return array.view(np.int8)
    return array.view(np.float16) if element == "f16" else array


CASES = [Case(element, shape, is_static)
         for element, shape, is_static in itertools.product(ELEMENTS, SHAPES, (True, False))
         if is_static or shape in DYNAMIC]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Target and type -> name of a case and a call -> the outputs' bits."""
    done = {}

    def get(target, element):
        if (target, element) not in done:
            directory = tmp_path_factory.mktemp("pattern")
            cases = [case for case in CASES if case.element == element]
            (directory / "in.mlir").write_text("".join("".join(case.functions()) for case in cases))
            options, tool = TARGETS[target]
            tools.run([tools.find("sparse24-opt"), directory / "in.mlir", "--remarks-filter=", "-o",
                       directory / "out.mlir", f"--sparse24-pipeline={options}"])
            calls = [(case, name, inputs, outputs) for case in cases for name, inputs, outputs, _ in case.calls()]
            arrays = cpu.run(directory / "out.mlir",
                             [cpu.Call(f"{name}_{case.name}", [as_input(array, element) for array in inputs], outputs)
                              for case, name, inputs, outputs in calls], tool=tool)
            done[target, element] = {(case.name, name): [array.view(f"u{array.itemsize}") for array in outputs]
                                     for (case, name, _, _), (outputs, _) in zip(calls, arrays)}
        return done[target, element]

    return get


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bits(results, target, case):
    found = results(target, case.element)
    for name, _, _, expected in case.calls():
        for got, want in zip(found[case.name, name], expected):
            if want is not None:
                np.testing.assert_array_equal(got, want.reshape(got.shape), err_msg=name)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("element", ELEMENTS)
def test_packs_as_the_compiler_does(results, target, family, element):
    found = results(target, element)
    for case in CASES:
        if case.element == element and case.is_static:
            np.testing.assert_array_equal(found[case.name, f"pack_{family}"][0],
                                          found[case.name, f"constant_{family}"][0], err_msg=case.name)


def test_transposable_is_the_optimum():
    """Integers, whose sums are exact: no pattern keeps more."""
    patterns = [np.concatenate([upper, lower]) for uppers, lowers in pattern.transposable_patterns()
                for upper in uppers for lower in lowers]
    assert len(patterns) == len({mask.tobytes() for mask in patterns}) == 90
    assert all((mask.sum(axis=axis) == 2).all() for mask in patterns for axis in (0, 1))
    random = np.random.default_rng(4)
    bits = random.integers(0, 256, (4, 4 * 1000), dtype=np.uint8)
    mask = pattern.transposable_mask(bits, "s8")
    tiles, masks = (array.reshape(4, 1000, 4).transpose(1, 0, 2) for array in (pattern.magnitude_rank(bits, "s8"), mask))
    most = np.max([(tiles * candidate).sum(axis=(1, 2)) for candidate in patterns], axis=0)
    np.testing.assert_array_equal((tiles * masks).sum(axis=(1, 2)), most)


def test_e4m3_bits_are_these_numbers():
    codes = np.array([[0x00, 0x80, 0x01, 0x38, 0xC0, 0x7E, 0x7F, 0x08]], np.uint8)
    np.testing.assert_array_equal(pattern.to_float(codes, "e4m3"), [[0, 0, 2**-9, 1, -2, 448, np.nan, 2**-6]])

"""Cases of run-time pruning, compression, decompression, packing and verification: functions in
MLIR, calls of them, and what must come out, bit for bit."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import itertools

import numpy as np
import products

from sparse24 import pattern

FAMILIES = tuple(products.FAMILIES)
#: Element type -> its name in MLIR, the bits' NumPy type.
ELEMENTS = {element: (products.ELEMENTS[element][0], np.dtype(f"u{products.ELEMENTS[element][1]}").type)
            for element in products.FAMILIES["wgmma_sp"][0]}
#: Criteria with scores.
SCORED = ("importance", "wanda")
#: Rows of whole words of metadata and of pieces, of groups and of pieces.
SHAPES = ((1, 4), (3, 30), (5, 64), (130, 48), (17, 129), (2, 272), (70, 7))
#: Those whose sizes the compiler doesn't know, too.
DYNAMIC = ((3, 30), (5, 64), (17, 129))
#: Those that are pruned by scores and compressed both ways: the last with unknown sizes.
BOTH_WAYS = ((5, 64), (70, 7), (17, 129))
#: Tiles take long to compile: one type of each size has them of all shapes, and both ways.
TILED = ("bf16", "tf32", "s8")


def special_bits(element):
    """Zeros of both signs, ties, subnormals, infinities and NaN where there are any."""
    return {"bf16": [0, 0x8000, 0x3F80, 0xBF80, 1, 0x8001, 0x7F80, 0xFF80, 0x7FC0, 0xFFC1],
            "f16": [0, 0x8000, 0x3C00, 0xBC00, 1, 0x8001, 0x7C00, 0xFC00, 0x7E00, 0xFE01],
            "tf32": [0, 0x80000000, 0x3F800000, 0xBF800000, 1, 0x80000001, 0x7F800000, 0xFF800000, 0x7FC00000],
            "s8": [0, 1, 0xFF, 0x80, 0x7F, 0x81], "u8": [0, 1, 0xFF, 0x80], "e4m3": [0, 0x80, 0x38, 0xB8, 1, 0x81, 0x7F, 0xFF],
            "e5m2": [0, 0x80, 0x3C, 0xBC, 1, 0x81, 0x7C, 0xFC, 0x7E]}[element]


def draw(random, shape, element):
    """Half of the matrix random bits, half of it special ones, in which ties are common."""
    kind = ELEMENTS[element][1]
    bits = random.integers(0, np.iinfo(kind).max, shape, dtype=kind, endpoint=True)
    return np.where(random.random(shape) < 0.5, bits, random.choice(np.array(special_bits(element), kind), shape))


def draw_scores(random, shape):
    """Numbers of both signs, infinities, NaN, zeros, subnormals; ties are common."""
    special = np.array([0, -0.0, 1, -1, 2, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e-44], np.float32)
    numbers = random.standard_normal(shape).astype(np.float32)
    return np.where(random.random(shape) < 0.5, numbers, random.choice(special, shape))


def report(bits, element):
    """What `verify` says of a matrix."""
    groups, kept = pattern._grouped(pattern.magnitude_rank(bits, element), element)
    bad = np.zeros((len(bits), 4 * -(-groups.shape[1] // 4)), bool)
    bad[:, : groups.shape[1]] = np.count_nonzero(groups, axis=-1) > kept
    return make_report(bad, bits, element)


def make_report(bad, bits, element):
    first = np.flatnonzero(bad)[0] if bad.any() else bad.size
    return np.array([np.count_nonzero(bad), first, np.count_nonzero(np.isnan(pattern.to_float(bits, element)))])


def spoil(words, shape, element):
    """Metadata with illegal nibbles, some of them padding, and where they are."""
    random = np.random.default_rng(len(words))
    nibbles = words[..., None] >> np.arange(0, 16, 4, dtype=np.uint16) & 15
    nibbles = nibbles.reshape(len(words), -1)
    spoiled = random.random(nibbles.shape) < 0.1
    nibbles = np.where(spoiled, random.integers(0, 16, nibbles.shape, dtype=np.uint16), nibbles)
    groups = -(-shape[1] // (2 if element == "tf32" else 4))
    legal = np.isin(nibbles, [4, 14] if element == "tf32" else [4, 8, 9, 12, 13, 14])
    legal[:, groups:] = nibbles[:, groups:] == 4
    packed = (nibbles.reshape(*words.shape, 4) << np.arange(0, 16, 4, dtype=np.uint16)).sum(axis=-1).astype(np.uint16)
    return packed, ~legal


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
        self.is_scored = shape in BOTH_WAYS and is_static != (shape == BOTH_WAYS[-1])
        self.is_both_ways = self.is_scored and element in TILED
        self.has_tiles = self.is_scored or (is_static and element in TILED)
        random = np.random.default_rng(rows * 1000 + k)
        self.bits = draw(random, shape, element)
        self.scores = {"importance": draw_scores(random, shape), "wanda": draw_scores(random, shape[1:])}

    def tensor(self, shape, element=None):
        sizes = map(str, shape) if self.is_static else "?" * len(shape)
        return f"tensor<{'x'.join(sizes)}x{element or ELEMENTS[self.element][0]}>"

    def packed_bytes(self, family):
        return products.packed_bytes(family, ELEMENTS[self.element][1](0).itemsize, *self.shape)

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
        yield f"""
func.func @verify_{self.name}(%w: {dense}, %r: tensor<3xi64>) -> tensor<3xi64> {{
  %0 = sparse24.verify ins(%w : {dense}) outs(%r : tensor<3xi64>) -> tensor<3xi64>
  return %0 : tensor<3xi64>
}}
func.func @verify_metadata_{self.name}(%v: {values}, %m: {words}, %r: tensor<3xi64>) -> tensor<3xi64> {{
  %0 = sparse24.verify ins(%v, %m : {values}, {words}) outs(%r : tensor<3xi64>) -> tensor<3xi64>
  return %0 : tensor<3xi64>
}}
"""
        if self.is_scored:
            yield from self.scored()
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
        if not self.has_tiles:
            return
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

    def scored(self):
        dense, values, words = self.tensor(self.shape), self.tensor(self.values), self.tensor(self.words, "i16")
        inits = f"outs(%v, %m : {values}, {words})"
        for criterion in SCORED:
            scores = self.tensor(self.scores[criterion].shape, "f32")
            ins = f"ins(%w, %s : {dense}, {scores})"
            yield f"""
func.func @{criterion}_{self.name}(%w: {dense}, %s: {scores}, %e: {dense}) -> {dense} {{
  %0 = sparse24.prune {criterion} {ins} outs(%e : {dense}) -> {dense}
  return %0 : {dense}
}}
func.func @{criterion}_both_{self.name}(%w: {dense}, %s: {scores}, %v: {values}, %m: {words}) -> ({values}, {words}) {{
  %0:2 = sparse24.compress {ins} {inits} prune = {criterion} -> {values}, {words}
  return %0#0, %0#1 : {values}, {words}
}}
"""
            if self.is_static:
                yield f"""
func.func @constant_{criterion}_{self.name}() -> ({dense}, {values}, {words}) {{
  %w = arith.constant dense<"0x{self.bits.tobytes().hex().upper()}"> : {dense}
  %s = arith.constant dense<"0x{self.scores[criterion].tobytes().hex().upper()}"> : {scores}
  %e = tensor.empty() : {dense}
  %p = sparse24.prune {criterion} {ins} outs(%e : {dense}) -> {dense}
  %v = tensor.empty() : {values}
  %m = tensor.empty() : {words}
  %0:2 = sparse24.compress {ins} {inits} prune = {criterion} -> {values}, {words}
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
        element = {1: "i8", 2: self.element, 4: "f32"}[self.bits.itemsize]
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
        verified = [((3,), "i64")]
        spoiled, bad = spoil(words, self.shape, self.element)
        yield "verify", [self.bits, other(np.zeros(3, np.int64))], verified, [report(self.bits, self.element)]
        yield "verify_metadata", [values, spoiled, np.zeros(3, np.int64)], verified, \
            [make_report(bad, values, self.element)]
        for criterion in SCORED if self.is_scored else ():
            scores = self.scores[criterion]
            best = pattern.prune_bits(self.bits, self.element, criterion, scores)
            best_compressed = list(pattern.compress_bits(best, self.element))
            yield criterion, [self.bits, scores, other(pruned)], [(pruned.shape, element)], [best]
            yield f"{criterion}_both", [self.bits, scores, other(values), other(words)], compressed, best_compressed
            if self.is_static:
                yield f"constant_{criterion}", [], [(pruned.shape, element), *compressed], [best, *best_compressed]
        if self.is_both_ways:
            yield "ways", [self.bits, *map(other, ways)], all_compressed, ways
            if self.is_static:
                yield "constant_ways", [], all_compressed, ways
        if self.is_static and self.has_tiles:
            yield "constant_tiles", [], [(pruned.shape, element), *compressed], [tiles, *tiles_compressed]
        for family in FAMILIES if self.is_static else ():
            output = [((self.packed_bytes(family),), "i8")]
            yield f"pack_{family}", [values, words], output, [None]
            yield f"constant_{family}", [], output, [None]


CASES = [Case(element, shape, is_static)
         for element, shape, is_static in itertools.product(ELEMENTS, SHAPES, (True, False))
         if is_static or shape in DYNAMIC]

"""The 2:4 rule in NumPy, written independently of the compiler.

A row is cut into groups of four elements (tf32: two), and at most two (tf32:
one) of each may be nonzero. -0.0 is zero. What pruning keeps of a group, by the
criteria of `sparse24.prune`:

    magnitude     the largest |w|
    importance    the largest scores, which the user gives: f32, rows x K (movement
                  or Fisher scores, say); the weight itself doesn't matter
    wanda         the largest |w| |score|, rounded to f32; the scores, f32 and K, are
                  the norms of the columns of the activations (Sun et al., arXiv
                  2306.11695); a zero weight ranks as 0 whatever its score
    transposable  two of each row and column of 4 x 4 tiles, the largest sum of |w|

NaN ranks above everything; of equals the lower index is kept.
"""

import itertools

import numpy as np

#: Element type -> (elements of a group, elements that are kept).
GROUPS = {"tf32": (2, 1), **{name: (4, 2) for name in ("f16", "bf16", "s8", "u8", "e4m3", "e5m2")}}

#: Criterion -> how many dimensions its scores have: none, K or rows x K.
CRITERIA = {"magnitude": 0, "transposable": 0, "wanda": 1, "importance": 2}

#: Element type -> unit roundoff, half of the gap between 1 and the next number.
UNIT_ROUNDOFF = {"f64": 2.0**-53, "f32": 2.0**-24, "tf32": 2.0**-11, "f16": 2.0**-11, "bf16": 2.0**-8}


def _round_mantissa(values, dropped_bits):
    """Rounds f32 to nearest, ties to even, dropping low bits of the mantissa."""
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)
    half = np.uint32((1 << (dropped_bits - 1)) - 1)
    odd = (bits >> np.uint32(dropped_bits)) & np.uint32(1)
    mask = np.uint32((0xFFFFFFFF << dropped_bits) & 0xFFFFFFFF)
    rounded = ((bits + half + odd) & mask).view(np.float32)
    return np.where(np.isnan(values), np.float32(np.nan), rounded)


def round_to(values, element_type):
    """Gives the values rounded to the element type, held as float32."""
    if element_type == "f32":
        return np.asarray(values, np.float32)
    if element_type == "f16":
        with np.errstate(over="ignore"):
            return np.asarray(values, np.float32).astype(np.float16).astype(np.float32)
    if element_type == "bf16":
        return _round_mantissa(values, 16)
    if element_type == "tf32":
        return _round_mantissa(values, 13)
    raise ValueError(f"unknown element type '{element_type}'")


def bf16_bits(values):
    """Gives the bits of f32 values rounded to bf16: the inverse of `to_float`."""
    return (round_to(values, "bf16").view(np.uint32) >> np.uint32(16)).astype(np.uint16)


def _grouped(weight, element_type):
    """Cuts rows into groups; positions past the end are zero."""
    size, kept = GROUPS[element_type]
    rows, columns = weight.shape
    padded = np.pad(weight, ((0, 0), (0, -columns % size)))
    return padded.reshape(rows, -1, size), kept


def count_violations(weight, element_type):
    """Gives (violating groups, groups) of a matrix."""
    groups, kept = _grouped(np.asarray(weight), element_type)
    violating = np.count_nonzero(groups, axis=-1) > kept
    return int(np.count_nonzero(violating)), violating.size


def prune(weight, element_type, criterion="magnitude", scores=None):
    """Gives the matrix with what the criterion drops set to +0.0; what it keeps keeps its bits.

    `weight` is rows x K of numbers that the element type holds, `scores` f32 of the shape that the
    criterion wants (see above), None where it takes none. Raises ValueError if they don't fit.
    """
    weight = np.asarray(weight)
    mask = _kept_mask(weight.astype(np.float32), element_type, criterion, scores)
    return np.where(mask, weight, weight.dtype.type(0))


def _kept_mask(values, element_type, criterion, scores):
    """Gives where the criterion keeps the elements of a f32 matrix."""
    if criterion not in CRITERIA:
        raise ValueError(f"unknown criterion '{criterion}'")
    dimensions = CRITERIA[criterion]
    wanted = values.shape[2 - dimensions:] if dimensions else None
    given = None if scores is None else np.shape(scores)
    if given != wanted:
        raise ValueError(f"{criterion} of a weight {values.shape} takes scores {wanted}, not {given}")
    if criterion == "transposable":
        return _tile_mask(values, GROUPS[element_type][0])
    if criterion == "magnitude":
        scores = np.abs(values)
    elif criterion == "wanda":
        with np.errstate(over="ignore", invalid="ignore"):
            products = np.abs(values) * np.abs(np.asarray(scores, np.float32))
        scores = np.where(values == 0, np.float32(0), products)
    return _group_mask(_score_rank(scores), element_type)


def _score_rank(scores):
    """Gives positive integers in the order of f32 scores: from -inf, over zeros of either sign, to inf, then NaN."""
    bits = np.ascontiguousarray(scores, np.float32).view(np.int32).astype(np.int64)
    rank = np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)
    return np.where(np.isnan(scores), 0x7FFFFFFF, rank) + 2**31


def _top_positions(ranks, element_type):
    """Gives the positions of the highest ranks of each group, ascending: rows × groups × kept.

    Ranks aren't negative, so that positions past the end of a row, which have 0, come last.
    """
    ranks, kept = _grouped(ranks, element_type)
    return np.sort(np.argsort(-ranks, axis=-1, kind="stable")[..., :kept], axis=-1)


def _group_mask(ranks, element_type):
    """Gives where the highest ranks of each group are."""
    groups, _ = _grouped(np.zeros(ranks.shape, bool), element_type)
    np.put_along_axis(groups, _top_positions(ranks, element_type), True, axis=-1)
    return groups.reshape(len(ranks), -1)[:, : ranks.shape[1]]


def norm_kept(weight, pruned):
    """Gives the share of the squared Frobenius norm that pruning kept."""
    whole = float(np.sum(np.square(np.asarray(weight, np.float64))))
    return float(np.sum(np.square(np.asarray(pruned, np.float64)))) / whole if whole else 1.0


# Below, matrices are arrays of unsigned integers: the bits of their elements.


def magnitude_rank(bits, element_type):
    """Gives what magnitude pruning orders elements by; zeros, and they alone, have 0."""
    bits = np.asarray(bits).astype(np.int64)
    if element_type == "s8":
        return np.where(bits >= 128, 256 - bits, bits)
    if element_type == "u8":
        return bits
    return bits & {"tf32": 0x7FFFFFFF, "f16": 0x7FFF, "bf16": 0x7FFF, "e4m3": 0x7F, "e5m2": 0x7F}[element_type]


def compress_bits(bits, element_type, criterion="magnitude", scores=None):
    """Prunes by a criterion and compresses; gives values and 16-bit words of metadata."""
    bits, rows = prune_bits(bits, element_type, criterion, scores), len(bits)
    # Of what was pruned, magnitude finds the nonzeros, and the first zeros where these are too few.
    positions = _top_positions(magnitude_rank(bits, element_type), element_type)
    groups, _ = _grouped(bits, element_type)
    values = np.take_along_axis(groups, positions, axis=-1).reshape(rows, -1)
    if element_type == "tf32":
        nibbles = np.where(positions[..., 0] == 0, 0x4, 0xE)
    else:
        nibbles = positions[..., 0] | positions[..., 1] << 2
    nibbles = np.pad(nibbles, ((0, 0), (0, -nibbles.shape[1] % 4)), constant_values=0x4).reshape(rows, -1, 4)
    return values, (nibbles << [0, 4, 8, 12]).sum(axis=-1).astype(np.uint16)


def prune_bits(bits, element_type, criterion="magnitude", scores=None):
    """Prunes as `prune` does; of NaN, magnitude keeps those with the larger bits."""
    if criterion == "magnitude" and scores is None:
        mask = _group_mask(magnitude_rank(bits, element_type), element_type)
    else:
        mask = _kept_mask(to_float(bits, element_type), element_type, criterion, scores)
    return np.where(mask, bits, bits.dtype.type(0))


def to_float(bits, element_type):
    """Gives the float32 that bits stand for."""
    bits = np.asarray(bits)
    if element_type == "f16":
        return bits.astype(np.uint16).view(np.float16).astype(np.float32)
    if element_type in ("bf16", "tf32"):
        return (bits.astype(np.uint32) << np.uint32(16 if element_type == "bf16" else 0)).view(np.float32)
    if element_type in ("s8", "u8"):
        return bits.astype(np.uint8).view(np.int8 if element_type == "s8" else np.uint8).astype(np.float32)
    if element_type == "e5m2":
        return (bits.astype(np.uint16) << np.uint16(8)).view(np.float16).astype(np.float32)
    exponent, mantissa = (bits >> 3 & 15).astype(np.int32), (bits & 7).astype(np.float32)
    value = np.ldexp(np.where(exponent > 0, 8 + mantissa, mantissa), np.maximum(exponent, 1) - 10)
    value = np.where(bits & 0x7F == 0x7F, np.float32(np.nan), value)
    return np.where(bits & 0x80, -value, value).astype(np.float32)


def transposable_patterns():
    """Gives the 4 × 4 masks with two kept elements in each row and column: pairs of an
    upper and a lower half, by what the upper one leaves to the columns."""
    pairs = [np.array([column in pair for column in range(4)]) for pair in itertools.combinations(range(4), 2)]
    halves = [np.stack(rows) for rows in itertools.product(pairs, pairs)]
    fits = {}
    for half in halves:
        fits.setdefault(tuple(half.sum(axis=0)), []).append(half)
    return [(upper, fits[tuple(2 - np.array(counts))]) for counts, upper in fits.items()]


def transposable_mask(bits, element_type):
    """Gives what `transposable` keeps; Support/Transposable.h defines it, ties included."""
    return _tile_mask(to_float(bits, element_type), GROUPS[element_type][0])


def _tile_mask(values, size):
    rows, columns = values.shape
    value = np.abs(values)
    score = np.where(np.isnan(value), np.float32(2.0**124),
                     np.where(np.isinf(value), np.float32(2.0**120), np.minimum(value, np.float32(2.0**116))))
    score = np.pad(score, ((0, -rows % size), (0, -columns % size)))
    tiles = score.reshape(score.shape[0] // size, size, -1, size).transpose(0, 2, 1, 3)
    if size == 2:
        other = tiles[..., 0, 0] + tiles[..., 1, 1] < tiles[..., 0, 1] + tiles[..., 1, 0]
        masks = np.where(other[..., None, None], ~np.eye(2, dtype=bool), np.eye(2, dtype=bool))
    else:
        masks = _best_masks(tiles)
    return masks.transpose(0, 2, 1, 3).reshape(score.shape)[:rows, :columns]


def _best_masks(tiles):
    def better(first, second):
        """The choice of the larger score, the first of equals."""
        wins = first[0] < second[0]
        return np.where(wins, second[0], first[0]), np.where(wins[..., None, None], second[1], first[1])

    def best_half(rows, halves):
        best = None
        for half in halves:
            kept = [rows[..., row, :][..., half[row]] for row in range(2)]
            sums = (kept[0][..., 0] + kept[0][..., 1]) + (kept[1][..., 0] + kept[1][..., 1])
            choice = sums, np.broadcast_to(half, (*sums.shape, 2, 4))
            best = choice if best is None else better(best, choice)
        return best

    best = None
    for upper, lower in transposable_patterns():
        above, below = best_half(tiles[..., :2, :], upper), best_half(tiles[..., 2:, :], lower)
        choice = above[0] + below[0], np.concatenate([above[1], below[1]], axis=-2)
        best = choice if best is None else better(best, choice)
    return best[1]

"""The 2:4 rule in NumPy, written independently of the compiler.

A row is cut into groups of four elements (tf32: two), and at most two (tf32:
one) of each may be nonzero. Magnitude pruning keeps the largest magnitudes; of
equal ones, the lower index; NaN counts as larger than infinity. -0.0 is zero.
"""

import numpy as np

#: Element type -> (elements of a group, elements that are kept).
GROUPS = {"f16": (4, 2), "bf16": (4, 2), "tf32": (2, 1)}

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


def prune(weight, element_type):
    """Gives the matrix with all but the largest magnitudes of each group zero."""
    weight = np.asarray(weight)
    groups, kept = _grouped(weight, element_type)
    magnitude = np.abs(groups)
    # NaN above infinity: order by (is NaN, magnitude), descending and stable.
    is_nan = np.isnan(magnitude)
    order = np.lexsort((np.where(is_nan, 0, -magnitude), ~is_nan))
    keep = np.zeros(groups.shape, bool)
    np.put_along_axis(keep, order[..., :kept], True, axis=-1)
    pruned = np.where(keep, groups, groups.dtype.type(0))
    return pruned.reshape(weight.shape[0], -1)[:, : weight.shape[1]]


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


def kept_positions(bits, element_type):
    """Gives the kept positions of each group, ascending: rows × groups × kept."""
    size, kept = (2, 1) if element_type == "tf32" else (4, 2)
    rows, columns = bits.shape
    ranks = np.pad(magnitude_rank(bits, element_type), ((0, 0), (0, -columns % size))).reshape(rows, -1, size)
    return np.sort(np.argsort(-ranks, axis=-1, kind="stable")[..., :kept], axis=-1)


def compress_bits(bits, element_type):
    """Prunes by magnitude and compresses; gives values and 16-bit words of metadata."""
    positions = kept_positions(bits, element_type)
    size = 2 if element_type == "tf32" else 4
    rows, columns = bits.shape
    groups = np.pad(bits, ((0, 0), (0, -columns % size))).reshape(rows, -1, size)
    values = np.take_along_axis(groups, positions, axis=-1).reshape(rows, -1)
    if element_type == "tf32":
        nibbles = np.where(positions[..., 0] == 0, 0x4, 0xE)
    else:
        nibbles = positions[..., 0] | positions[..., 1] << 2
    nibbles = np.pad(nibbles, ((0, 0), (0, -nibbles.shape[1] % 4)), constant_values=0x4).reshape(rows, -1, 4)
    return values, (nibbles << [0, 4, 8, 12]).sum(axis=-1).astype(np.uint16)


def prune_bits(bits, element_type):
    """Prunes by magnitude: what is dropped becomes +0.0."""
    positions = kept_positions(bits, element_type)
    size = 2 if element_type == "tf32" else 4
    rows, columns = bits.shape
    groups = np.pad(bits, ((0, 0), (0, -columns % size))).reshape(rows, -1, size)
    pruned = np.zeros_like(groups)
    np.put_along_axis(pruned, positions, np.take_along_axis(groups, positions, axis=-1), axis=-1)
    return pruned.reshape(rows, -1)[:, :columns]

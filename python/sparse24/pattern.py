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

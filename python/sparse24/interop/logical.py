"""Dense matrices to and from the logical format; what the other formats share."""

import numpy as np

from sparse24 import pattern

#: Element type -> (elements of a group, elements that are kept). f32 with two of four is what compressed-tensors
#: stores; the logical format has f32 as tf32 only, one of two.
GROUPS = {**pattern.GROUPS, "f32": (4, 2)}

#: Element type -> bits that are not all clear in a nonzero: of a float, all but the sign.
NONZERO_BITS = {"f16": 0x7FFF, "bf16": 0x7FFF, "tf32": 0x7FFFFFFF, "f32": 0x7FFFFFFF,
                "s8": 0xFF, "u8": 0xFF, "e4m3": 0x7F, "e5m2": 0x7F}

#: Element type -> bytes.
BYTES = {name: mask.bit_length() + 7 >> 3 for name, mask in NONZERO_BITS.items()}

LEGAL_NIBBLES = (0x4, 0x8, 0xC, 0x9, 0xD, 0xE)


class NotSparseError(ValueError):
    """A matrix has groups with more nonzeros than may be kept."""


def nibble_table(fillers, kept):
    """Gives the metadata nibble for each set of nonzeros of a group (bit i: element i), 0xFF if they are too many.

    `fillers` says what a group with fewer nonzeros keeps: its entry 0 is the nibble of a group of zeros, entry 1 + i
    that of one whose only nonzero is element i. If one of two is kept, only entry 0 counts.
    """
    if kept == 1:
        return np.array([fillers[0], 0x4, 0xE, 0xFF], np.uint8)
    table = np.full(16, 0xFF, np.uint8)
    for nibble in LEGAL_NIBBLES:
        table[1 << (nibble & 3) | 1 << (nibble >> 2)] = nibble
    table[[0, 1, 2, 4, 8]] = fillers
    return table


#: A group also keeps its zeros of lowest index.
_FILLERS = (0x4, 0x4, 0x4, 0x8, 0xC)


def bytes_of(element_type):
    """Gives the bytes of an element; raises ValueError if there is no such type."""
    if element_type not in BYTES:
        raise ValueError(f"unknown element type '{element_type}'; use one of {', '.join(BYTES)}")
    return BYTES[element_type]


def bits_of(array, element_type, name):
    """Gives a matrix as unsigned integers of the element type's size; raises ValueError if it isn't such a matrix."""
    array = integers_of(array, bytes_of(element_type), name)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{name} has shape {array.shape}; give a matrix that isn't empty")
    return array


def integers_of(array, size, name):
    """Gives an array's elements as unsigned integers of `size` bytes; raises ValueError if theirs differ."""
    if hasattr(array, "element_size"):
        # A torch tensor. NumPy has no bfloat16 and float8, so take its bits.
        import torch

        array = array.detach().cpu().contiguous().view(getattr(torch, f"int{8 * array.element_size()}")).numpy()
    array = np.ascontiguousarray(array)
    if array.dtype.itemsize != size:
        raise ValueError(f"{name} has elements of {8 * array.dtype.itemsize} bits ({array.dtype}); "
                         f"give elements of {8 * size} bits")
    return array.view(f"<u{size}")


def compress(dense, element_type, fillers):
    """Compresses a matrix; gives values (rows × kept·groups) and nibbles (rows × groups).

    `fillers` says what groups with fewer nonzeros than may be kept keep, as in nibble_table(). Raises NotSparseError if
    a group has more.
    """
    dense = bits_of(dense, element_type, "the dense matrix")
    (rows, columns), (size, kept) = dense.shape, GROUPS[element_type]
    groups = np.pad(dense, ((0, 0), (0, -columns % size))).reshape(rows, -1, size)
    nonzero = groups & dense.dtype.type(NONZERO_BITS[element_type]) != 0
    octets = np.packbits(nonzero.reshape(rows, -1), axis=-1, bitorder="little")
    sets = octets[..., None] >> np.arange(0, 8, size, dtype=np.uint8) & np.uint8((1 << size) - 1)
    nibbles = nibble_table(fillers, kept)[sets.reshape(rows, -1)[:, : groups.shape[1]]]
    wrong = nibbles == 0xFF
    if wrong.any():
        row, group = (int(i) for i in np.argwhere(wrong)[0])
        raise NotSparseError(
            f"{np.count_nonzero(wrong)} of {wrong.size} groups of {size} ({element_type}) have more than {kept} "
            f"nonzero{'s' if kept > 1 else ''}, the first in row {row}, columns {size * group} to "
            f"{min(size * group + size, columns) - 1}; prune the matrix first")
    values = np.take_along_axis(groups, _positions(nibbles, kept), axis=-1).reshape(rows, -1)
    return values, nibbles


def _positions(nibbles, kept):
    if kept == 1:
        return (nibbles == 0xE).astype(np.intp)[..., None]
    return np.stack([nibbles & 3, nibbles >> 2], axis=-1).astype(np.intp)


def words_of(nibbles):
    """Packs nibbles (rows × groups) into metadata words (rows × ⌈groups/4⌉, uint16); the rest of a row is 0x4."""
    nibbles = np.pad(nibbles, ((0, 0), (0, -nibbles.shape[1] % 4)), constant_values=0x4)
    return np.ascontiguousarray(nibbles[:, ::2] | nibbles[:, 1::2] << 4).view("<u2")


def nibbles_of(words):
    """Unpacks little-endian integers (rows × any number) to nibbles, the lowest first."""
    octets = np.ascontiguousarray(words).view(np.uint8)
    return np.stack([octets & 0xF, octets >> 4], axis=-1).reshape(len(octets), -1)


def checked(values, metadata, element_type):
    """Gives values as bits and the nibbles (rows × groups) of a matrix in the logical format.

    Raises ValueError if the two arrays' shapes don't fit, or a nibble is none of the format's.
    """
    values, kept = bits_of(values, element_type, "values"), GROUPS[element_type][1]
    metadata = integers_of(metadata, 2, "metadata")
    groups = values.shape[1] // kept
    if values.shape[1] % kept or metadata.shape != (len(values), -(-groups // 4)):
        raise ValueError(f"values of shape {values.shape} and metadata of shape {metadata.shape} don't fit together; a "
                         f"row has {kept} value{'s' if kept > 1 else ''} a group, and a word for four groups")
    return values, legal(nibbles_of(metadata)[:, :groups], kept)


def legal(nibbles, kept):
    """Gives the nibbles back; raises ValueError if one isn't legal."""
    wrong = ~np.isin(nibbles, LEGAL_NIBBLES if kept == 2 else (0x4, 0xE))
    if wrong.any():
        row, group = (int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"group {group} of row {row} has the metadata nibble {nibbles[row, group]:#x}, which no group "
                         "can have; are element type and layout right?")
    return nibbles


def from_dense(dense, element_type):
    """Compresses a matrix that has the pattern; the result is that of `sparse24.compress`, bit for bit.

    Args:
      dense: rows × k elements.
      element_type: its type; "f32" (two of four) is taken, too, but nothing of sparse24 multiplies it.

    Returns:
      values, rows × kept·groups, and metadata, rows × ⌈groups/4⌉ (uint16).

    Raises:
      NotSparseError: A group has more nonzeros than may be kept.
      ValueError: `dense` isn't a matrix of elements of that size.
    """
    values, nibbles = compress(dense, element_type, _FILLERS)
    return values, words_of(nibbles)


def to_dense(values, metadata, element_type, k=None):
    """Gives the matrix, rows × k, that values and metadata stand for; +0.0 where nothing is kept.

    `k` is the number of columns, by default the groups' (a multiple of a group). Raises ValueError if shapes don't fit
    or a nibble is illegal.
    """
    values, nibbles = checked(values, metadata, element_type)
    (size, kept), (rows, groups) = GROUPS[element_type], nibbles.shape
    k = size * groups if k is None else k
    if -(-k // size) != groups:
        raise ValueError(f"k = {k} has {-(-k // size)} groups in a row, but values and metadata have {groups}")
    dense = np.zeros((rows, groups, size), values.dtype)
    np.put_along_axis(dense, _positions(nibbles, kept), values.reshape(rows, groups, kept), axis=-1)
    return dense.reshape(rows, -1)[:, :k]


def canonical(values, metadata, element_type):
    """Gives the same matrix with the zeros kept that docs/Formats.md says, the lowest of each group.

    Needed only to compare with what `sparse24.compress` makes. A -0.0 that was kept may be dropped.
    """
    return from_dense(to_dense(values, metadata, element_type), element_type)

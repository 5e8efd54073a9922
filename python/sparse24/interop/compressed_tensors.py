"""The formats `sparse-24-bitmask` and `sparse-bitmask` of compressed-tensors, in which sparse models were published.

A weight `X.weight` is stored as `X.compressed` (the kept elements), `X.bitmask` (a bit an element, set if it is kept)
and `X.shape` (docs/Formats.md, "compressed-tensors"). Versions before 0.15 of that library read and write the formats;
later ones, and vLLM, dropped them.

All element types keep two of four, f32 too ("f32" here; the logical format has only tf32, one of two).
"""

import numpy as np

from sparse24.interop import logical

#: What a group with fewer than two nonzeros keeps (see logical.nibble_table): the choice of torch.topk on a CPU.
_FILLERS = (0xE, 0x8, 0xD, 0xE, 0xE)

#: Metadata nibble -> the four bits of the mask, and back; 0 stands for what can't be.
_MASK = np.zeros(16, np.uint8)
_NIBBLE = np.zeros(16, np.uint8)
for _nibble in logical.LEGAL_NIBBLES:
    _MASK[_nibble] = 1 << (_nibble & 3) | 1 << (_nibble >> 2)
    _NIBBLE[_MASK[_nibble]] = _nibble


def _check(element_type):
    if logical.GROUPS.get(element_type, (0, 0)) != (4, 2):
        raise ValueError(f"compressed-tensors keeps two of four elements, but {element_type} isn't such a type; "
                         "go through the dense matrix (f32 there)")


def _shape(shape):
    rows, k = (int(size) for size in np.asarray(shape).reshape(-1))
    return rows, k


def from_logical(values, metadata, element_type):
    """Gives {"compressed", "bitmask", "shape"} of a matrix in the logical format; each group keeps what it keeps.

    Args:
      values: rows × k/2 elements, where k is a multiple of four.
      metadata: rows × ⌈k/16⌉ words.
      element_type: any but tf32.

    Returns:
      "compressed", rows × k/2 (bits); "bitmask", rows × ⌈k/8⌉ (uint8); "shape", 2 × 1 (int64): rows and k.

    Raises:
      ValueError: The type keeps one of two, or values and metadata aren't right.
    """
    _check(element_type)
    values, nibbles = logical.checked(values, metadata, element_type)
    masks = np.pad(_MASK[nibbles], ((0, 0), (0, nibbles.shape[1] % 2)))
    shape = np.array([[len(values)], [4 * nibbles.shape[1]]], np.int64)
    return {"compressed": values, "bitmask": masks[:, ::2] | masks[:, 1::2] << 4, "shape": shape}


def to_logical(compressed, bitmask, shape, element_type):
    """Gives (values, metadata) of a weight in `sparse-24-bitmask`; the inverse of from_logical().

    `shape` may also have rank 1. Raises ValueError if the arrays don't fit together, or a group of the mask hasn't
    exactly two bits (the weight is in `sparse-bitmask`, perhaps: go through to_dense()).
    """
    _check(element_type)
    (rows, k), bitmask = _shape(shape), logical.integers_of(bitmask, 1, "bitmask")
    compressed = logical.bits_of(compressed, element_type, "compressed")
    if k % 4 or compressed.shape != (rows, k // 2) or bitmask.shape != (rows, -(-k // 8)):
        raise ValueError(f"compressed of shape {compressed.shape} and bitmask of shape {bitmask.shape} don't fit to "
                         f"{rows} × {k}; they are rows × k/2 and rows × ⌈k/8⌉, and k is a multiple of four")
    nibbles = _NIBBLE[logical.nibbles_of(bitmask)[:, : k // 4]]
    if not nibbles.all():
        row, group = (int(i) for i in np.argwhere(nibbles == 0)[0])
        raise ValueError(f"the mask of group {group} of row {row} hasn't exactly two bits; is this 'sparse-bitmask'?")
    return compressed, logical.words_of(nibbles)


def from_dense(dense, element_type):
    """Gives {"compressed", "bitmask", "shape"} of a matrix that has the pattern, the bytes that their library makes.

    Groups with fewer than two nonzeros keep the zeros that it keeps on a CPU, as they are. Two exceptions, where it
    ranks elements by an 8-bit `abs` that overflows: it would drop a -128 of s8 before a zero, which this keeps, and it
    prefers other zeros to a -0.0 of e4m3. Raises NotSparseError without the pattern, and ValueError if k isn't a
    multiple of four or the type keeps one of two.
    """
    _check(element_type)
    k = logical.bits_of(dense, element_type, "the dense matrix").shape[1]
    if k % 4:
        raise ValueError(f"k is {k}, but compressed-tensors takes only multiples of four; pad it with zeros")
    values, nibbles = logical.compress(dense, element_type, _FILLERS)
    return from_logical(values, logical.words_of(nibbles), element_type)


def to_dense(compressed, bitmask, shape, element_type):
    """Gives the matrix, rows × k, of a weight in either format; +0.0 where nothing is kept.

    Args:
      compressed: the kept elements in row-major order, in any shape. (`row_offsets` of `sparse-bitmask` isn't needed.)
      bitmask: rows × ⌈k/8⌉ (uint8).
      shape: rows and k.
      element_type: any; only its size matters.

    Raises:
      ValueError: The arrays don't fit together.
    """
    (rows, k), bitmask = _shape(shape), logical.integers_of(bitmask, 1, "bitmask")
    compressed = logical.integers_of(compressed, logical.bytes_of(element_type), "compressed").reshape(-1)
    if bitmask.shape != (rows, -(-k // 8)):
        raise ValueError(f"bitmask has shape {bitmask.shape}; {rows} × {k} needs {(rows, -(-k // 8))}")
    mask = np.unpackbits(bitmask, axis=-1, count=k, bitorder="little").astype(bool)
    if np.count_nonzero(mask) != compressed.size:
        raise ValueError(f"bitmask has {np.count_nonzero(mask)} bits set, compressed {compressed.size} elements; "
                         "they should be as many")
    dense = np.zeros((rows, k), compressed.dtype)
    dense[mask] = compressed
    return dense

"""The operands A and E of CUTLASS's sparse kernels for Hopper (sm_90).

The layouts are those of `cutlass::Sm90GemmSparseConfig`, the bytes those of CUTLASS's `SM90StructuredSparseCompressor`
(docs/Formats.md, "CUTLASS for Hopper"). A is meant row-major ("K-major"), which every element type allows; of
column-major kernels A is the transpose, and E the same.

The layout of E depends on `tile_k`, the kernel's tile along K (in elements) but at most 128: CollectiveBuilder passes
`min(TileShapeK, 128)` to the configuration. Data for one `tile_k` is wrong for another, and nothing in it tells.
"""

import numpy as np

from sparse24.interop import logical

#: Rows of E's blocks.
BLOCK_ROWS = 64

#: What a group with fewer nonzeros than may be kept keeps (see logical.nibble_table). CUTLASS makes each of these zeros
#: +0.0, and gives a group of four zeros the nibble 0 in place of 0x4.
_FILLERS = (0x4, 0xC, 0xD, 0xE, 0xC)
_EMPTY = 0x0


def _check(element_type, tile_k):
    """Raises ValueError unless CUTLASS has E of that type and tile."""
    if element_type not in logical.BYTES or element_type == "f32":
        raise ValueError(f"CUTLASS has no sparse operand of type {element_type} for sm_90 (f32 is 'tf32')")
    step = 64 // logical.BYTES[element_type]
    if tile_k not in range(step, 129, step):
        raise ValueError(f"tile_k is {tile_k}; of {element_type} CUTLASS takes multiples of {step} up to 128")


def _blocks(rows, groups, element_type, tile_k):
    """Gives the shape of E's nibbles in row-major order, and the order of axes that takes them to CUTLASS's."""
    tile = tile_k // logical.GROUPS[element_type][0]
    if logical.BYTES[element_type] == 1:
        return (rows // BLOCK_ROWS, BLOCK_ROWS, groups // tile, tile), (2, 0, 1, 3)
    return (rows // BLOCK_ROWS, 4, 2, 8, groups // tile, tile // 8, 2, 4), (4, 0, 1, 6, 3, 5, 2, 7)


def _padded_shape(rows, groups, element_type, tile_k):
    """Gives the rows and groups that E has room for."""
    tile = tile_k // logical.GROUPS[element_type][0]
    return rows + -rows % BLOCK_ROWS, groups + -groups % tile


def from_logical(values, metadata, element_type, tile_k):
    """Gives (a, e) of a matrix in the logical format; each group keeps what it keeps.

    Args:
      values: rows × k/2 elements, where k is a multiple of a group (four elements; tf32: two).
      metadata: its metadata.
      element_type: any of docs/Formats.md; tf32 also for CUTLASS's float.
      tile_k: the kernel's tile along K but at most 128; a multiple of 64 bytes of dense elements.

    Returns:
      `a`, rows × k/2 (bits), each row filled up with zeros to a multiple of 16 bytes; and `e`, the bytes of tensor E
      (uint8, rank 1): a nibble for every group of k and rows rounded up to `tile_k` and 64, those of padding zero. A
      group that keeps its elements 0 and 1, both +0.0, gets the nibble 0, as from CUTLASS's compressor.

    Raises:
      ValueError: CUTLASS has no such type or tile, or values and metadata aren't right.
    """
    _check(element_type, tile_k)
    values, nibbles = logical.checked(values, metadata, element_type)
    (rows, groups), kept = nibbles.shape, logical.GROUPS[element_type][1]
    if kept == 2:
        zeros = (values.reshape(rows, groups, kept) == 0).all(axis=-1)
        nibbles = np.where(zeros & (nibbles == 0x4), np.uint8(_EMPTY), nibbles)
    padded = _padded_shape(rows, groups, element_type, tile_k)
    nibbles = np.pad(nibbles, ((0, padded[0] - rows), (0, padded[1] - groups)))
    shape, order = _blocks(*padded, element_type, tile_k)
    pairs = nibbles.reshape(shape).transpose(order).reshape(-1, 2)
    a = np.pad(values, ((0, 0), (0, -values.shape[1] % (16 // values.dtype.itemsize))))
    return a, pairs[:, 0] | pairs[:, 1] << 4


def to_logical(a, e, element_type, tile_k, k=None):
    """Gives (values, metadata) of `a` and `e`; the inverse of from_logical().

    `a` has all its rows, k/2 columns and perhaps padding; `k` is by default all that `a` has. A nibble 0 beside two
    zeros is read as 0x4. Raises ValueError as from_logical(), and if a, e and k don't fit together.
    """
    _check(element_type, tile_k)
    a, (size, kept) = logical.bits_of(a, element_type, "a"), logical.GROUPS[element_type]
    groups = a.shape[1] // kept if k is None else -(-k // size)
    columns = groups * kept
    if columns > a.shape[1] or a.shape[1] - columns >= 16 // a.dtype.itemsize:
        raise ValueError(f"k = {k} needs {columns} columns of a, and padding to a multiple of 16 bytes; "
                         f"a has shape {a.shape}")
    rows, values = len(a), np.ascontiguousarray(a[:, :columns])
    padded = _padded_shape(rows, groups, element_type, tile_k)
    e = logical.integers_of(e, 1, "e").reshape(-1)
    if 2 * e.size != padded[0] * padded[1]:
        raise ValueError(f"e has {e.size} bytes; {rows} rows of {groups} groups need {padded[0] * padded[1] // 2} "
                         f"with tile_k = {tile_k}")
    shape, order = _blocks(*padded, element_type, tile_k)
    nibbles = logical.nibbles_of(e[None]).reshape([shape[axis] for axis in order])
    nibbles = nibbles.transpose(np.argsort(order)).reshape(padded)[:rows, :groups]
    if kept == 2:
        zeros = (values.reshape(rows, groups, kept) == 0).all(axis=-1)
        nibbles = np.where(zeros & (nibbles == _EMPTY), np.uint8(0x4), nibbles)
    return values, logical.words_of(logical.legal(nibbles, kept))


def from_dense(dense, element_type, tile_k):
    """Gives (a, e) of a matrix that has the pattern, the bytes that CUTLASS's compressor makes of it.

    That compressor replaces zeros that it keeps by +0.0. It requires k to be a multiple of a group, and so does this.
    Raises NotSparseError without the pattern, and ValueError as from_logical().
    """
    _check(element_type, tile_k)
    k, size = logical.bits_of(dense, element_type, "the dense matrix").shape[1], logical.GROUPS[element_type][0]
    if k % size:
        raise ValueError(f"k is {k}, but of {element_type} CUTLASS takes only multiples of {size}; pad it with zeros")
    values, nibbles = logical.compress(dense, element_type, _FILLERS)
    values[values & values.dtype.type(logical.NONZERO_BITS[element_type]) == 0] = 0
    return from_logical(values, logical.words_of(nibbles), element_type, tile_k)


def to_dense(a, e, element_type, tile_k, k=None):
    """Gives the matrix, rows × k, +0.0 where nothing is kept; arguments and errors are to_logical()'s."""
    return logical.to_dense(*to_logical(a, e, element_type, tile_k, k), element_type, k)

"""The tensors `packed` and `meta` of PyTorch's SparseSemiStructuredTensorCUTLASS.

`packed` is row-major and equals `values` of the logical format; this class keeps no metadata in it. `meta` has the
nibbles of the logical format, in little-endian words (int16; int32 for 8-bit elements) in the order of CUTLASS's
kernels for sm_80 (docs/Formats.md, "PyTorch"). f32 is stored one of two, as tf32 of the logical format.

That is what `torch.sparse.to_sparse_semi_structured` makes with `SparseSemiStructuredTensor._FORCE_CUTLASS`, by
`sparse_semi_structured_from_dense_cutlass` of `torch.sparse._semi_structured_conversions`. cuSPARSELt's tensors, which
keep all in one buffer `packed`, are another format, which nobody documents.
"""

import numpy as np

from sparse24.interop import logical

#: Element type -> (rows, columns) of which a matrix's must be multiples.
MULTIPLES = {"f16": (32, 64), "bf16": (32, 64), "s8": (16, 128), "tf32": (32, 32)}

#: What a group with fewer nonzeros than may be kept keeps (see logical.nibble_table).
_FILLERS = (0xE, 0x8, 0x9, 0xE, 0xE)


def _check(rows, k, element_type):
    if element_type not in MULTIPLES:
        raise ValueError(f"PyTorch has no semi-structured tensors of {element_type}; "
                         f"use one of {', '.join(MULTIPLES)} (f32 is 'tf32')")
    row_multiple, column_multiple = MULTIPLES[element_type]
    if rows % row_multiple or k % column_multiple:
        raise ValueError(f"the matrix is {rows} × {k}, but of {element_type} PyTorch takes only multiples of "
                         f"{row_multiple} rows and {column_multiple} columns; pad it with zeros")


def _blocks(rows, words, element_type):
    """Gives the shape and the order of axes that take row-major metadata to PyTorch's order."""
    # Of 32 rows (int32: 16), those eight apart come together; then 2 × 2 blocks of words are transposed.
    eights = 1 if element_type == "s8" else 2
    return (rows // (16 * eights), eights, 2, 8, words // 2, 2), (4, 0, 3, 1, 5, 2)


def from_logical(values, metadata, element_type):
    """Gives (packed, meta) of a matrix in the logical format; each group keeps what it keeps.

    Args:
      values: rows × k/2 elements.
      metadata: rows × k/16 words (s8: k/16, tf32: k/8).
      element_type: f16, bf16, s8, or tf32 for PyTorch's float32.

    Returns:
      `packed`, rows × k/2 (bits), and `meta`: int16, rows × k/16 (tf32: rows × k/8), or of s8 int32, rows × k/32.

    Raises:
      ValueError: PyTorch has no such type or shape, or values and metadata aren't right.
    """
    values, nibbles = logical.checked(values, metadata, element_type)
    _check(len(values), 2 * values.shape[1], element_type)
    words = logical.words_of(nibbles).view("<i4" if element_type == "s8" else "<i2")
    shape, order = _blocks(*words.shape, element_type)
    return values, words.reshape(shape).transpose(order).reshape(words.shape)


def to_logical(packed, meta, element_type):
    """Gives (values, metadata) of `packed` and `meta`: the inverse of from_logical(), with its shapes and errors."""
    packed = logical.bits_of(packed, element_type, "packed")
    _check(len(packed), 2 * packed.shape[1], element_type)
    meta = logical.integers_of(meta, 4 if element_type == "s8" else 2, "meta")
    kept = logical.GROUPS[element_type][1]
    expected = len(packed), packed.shape[1] // kept // (2 * meta.dtype.itemsize)
    if meta.shape != expected:
        raise ValueError(f"meta has shape {meta.shape}; packed of shape {packed.shape} needs {expected}")
    shape, order = _blocks(*meta.shape, element_type)
    words = meta.reshape([shape[axis] for axis in order]).transpose(np.argsort(order)).reshape(meta.shape)
    return packed, logical.words_of(logical.legal(logical.nibbles_of(words), kept))


def from_dense(dense, element_type):
    """Gives (packed, meta) of a matrix that has the pattern, the bytes that PyTorch makes of it.

    Groups with fewer than two nonzeros keep the zeros that PyTorch keeps, as they are (-0.0, too). A NaN keeps its
    bits, which PyTorch's CPU code replaces by those of another NaN in bf16. PyTorch takes a matrix without the pattern
    and drops nonzeros; this raises NotSparseError. Shapes and other errors are from_logical()'s.
    """
    rows, k = logical.bits_of(dense, element_type, "the dense matrix").shape
    _check(rows, k, element_type)
    values, nibbles = logical.compress(dense, element_type, _FILLERS)
    return from_logical(values, logical.words_of(nibbles), element_type)


def to_dense(packed, meta, element_type):
    """Gives the matrix, rows × k, +0.0 where nothing is kept; errors are to_logical()'s."""
    return logical.to_dense(*to_logical(packed, meta, element_type), element_type)

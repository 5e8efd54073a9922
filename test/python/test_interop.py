"""Other systems' weight formats: bytes as those systems make them, and what is preserved on the way."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import itertools
import sys
from pathlib import Path

import numpy as np
import pytest

from sparse24 import pattern
from sparse24.interop import compressed_tensors, cutlass, logical, pytorch

DATA = Path(__file__).resolve().parent / "data"
sys.path.insert(0, str(DATA))

import interop_inputs as inputs  # noqa: E402
import make_interop  # noqa: E402

TYPES = sorted(pattern.GROUPS)


def golden(name):
    """Gives {case: {array's name: array}} of a file of make_interop.py."""
    cases = {}
    with np.load(DATA / f"interop_{name}.npz") as file:
        for key in file.files:
            if key != "version":
                cases.setdefault(key.partition(".")[0], {})[key.partition(".")[2]] = file[key]
    return cases


PYTORCH, CUTLASS, COMPRESSED_TENSORS = golden("pytorch"), golden("cutlass"), golden("compressed_tensors")


def ids(cases):
    return [pytest.param(*case, id=inputs.case_name(*case)) for case in cases]


def avoiding(element_type, rows, k):
    """Gives the matrix that compressed-tensors was given."""
    return inputs.dense(element_type, rows, k, avoid=inputs.COMPRESSED_TENSORS_AVOID.get(element_type, ()))


def assert_same(actual, expected):
    """Compares element type, shape and bytes."""
    assert (actual.dtype, actual.shape) == (expected.dtype, expected.shape)
    np.testing.assert_array_equal(actual, expected)


def assert_all_same(actual, expected):
    assert len(actual) == len(expected)
    for one, other in zip(actual, expected):
        assert_same(one, other)


def without_negative_zeros(bits, element_type):
    nonzero = bits & bits.dtype.type(logical.NONZERO_BITS[element_type]) != 0
    return np.where(nonzero, bits, bits.dtype.type(0))


# The inputs


@pytest.mark.parametrize("element_type", TYPES)
def test_inputs_have_every_edge(element_type):
    bits = inputs.dense(element_type, 64, 64)
    size, kept = pattern.GROUPS[element_type]
    sets = {tuple(group) for group in (pattern.magnitude_rank(bits, element_type) != 0).reshape(-1, size).tolist()}
    assert sets == {flags for flags in itertools.product((False, True), repeat=size) if sum(flags) <= kept}
    assert set(inputs.NONZEROS[element_type]) <= set(bits.reshape(-1).tolist())
    if element_type in inputs.NEGATIVE_ZERO:
        assert inputs.NEGATIVE_ZERO[element_type] in bits
        assert np.isnan(pattern.to_float(bits, element_type)).any()


# The logical format


@pytest.mark.parametrize("element_type", TYPES)
@pytest.mark.parametrize("k", [1, 16, 37, 64])
def test_logical_is_the_reference(element_type, k):
    dense = inputs.dense(element_type, 9, k)
    values, metadata = logical.from_dense(dense, element_type)
    assert_all_same((values, metadata), pattern.compress_bits(dense, element_type))
    back = logical.to_dense(values, metadata, element_type, k)
    assert_same(without_negative_zeros(back, element_type), without_negative_zeros(dense, element_type))
    assert ((back == dense) | (back == 0)).all()


def test_logical_example_of_the_formats_page():
    values, metadata = logical.from_dense(np.uint16([[0, 5, 0, 6, 7, 0, 0, 8]]), "bf16")
    assert values.tolist() == [[5, 6, 7, 8]]
    assert metadata.tolist() == [[0x44CD]]


def test_a_matrix_may_be_of_any_type_of_that_size_and_any_order():
    dense = pattern.prune(np.random.default_rng(3).standard_normal((8, 16)), "f16").astype(np.float16)
    expected = logical.from_dense(dense.view(np.uint16), "f16")
    assert_all_same(logical.from_dense(dense, "f16"), expected)
    assert_all_same(logical.from_dense(np.asfortranarray(dense), "f16"), expected)
    np.testing.assert_array_equal(logical.to_dense(*expected, "f16").view(np.float16), dense)


# PyTorch


@pytest.mark.parametrize("element_type, rows, k", ids(inputs.PYTORCH))
def test_pytorch_bytes(element_type, rows, k):
    made = PYTORCH[inputs.case_name(element_type, rows, k)]
    dense = inputs.dense(element_type, rows, k)
    assert_all_same(pytorch.from_dense(dense, element_type), (made["packed"], made["meta"]))
    assert_same(pytorch.to_dense(made["packed"], made["meta"], element_type), made["dense"])
    assert_same(without_negative_zeros(made["dense"], element_type), without_negative_zeros(dense, element_type))


@pytest.mark.parametrize("element_type, rows, k", ids(inputs.PYTORCH))
def test_pytorch_there_and_back(element_type, rows, k):
    made = PYTORCH[inputs.case_name(element_type, rows, k)]
    ours = pytorch.to_logical(made["packed"], made["meta"], element_type)
    assert_all_same(pytorch.from_logical(*ours, element_type), (made["packed"], made["meta"]))
    assert_all_same(logical.canonical(*ours, element_type), pattern.compress_bits(made["dense"], element_type))
    ours = pattern.compress_bits(inputs.dense(element_type, rows, k, seed=5), element_type)
    assert_all_same(pytorch.to_logical(*pytorch.from_logical(*ours, element_type), element_type), ours)


def test_pytorch_keeps_negative_zeros():
    assert (PYTORCH["f16_96_64"]["packed"] == 0x8000).any()
    assert (PYTORCH["f16_96_64"]["dense"] == 0x8000).any()


@pytest.mark.parametrize("element_type, rows, k", [("f16", 64, 128), ("s8", 48, 256), ("tf32", 96, 64)])
def test_pytorch_layout_as_documented(element_type, rows, k):
    values, metadata = pattern.compress_bits(inputs.dense(element_type, rows, k), element_type)
    meta = pytorch.from_logical(values, metadata, element_type)[1]
    words = np.ascontiguousarray(metadata).view(meta.dtype)
    block = 16 if element_type == "s8" else 32
    for (row, column), word in np.ndenumerate(words):
        i, j = row % block // 8, row % 8
        line = row - row % block + block // 8 * j + i - i % 2 + column % 2
        assert meta.reshape(-1)[2 * (column // 2 * rows + line) + i % 2] == word


# CUTLASS


@pytest.mark.parametrize("element_type, tile_k, rows, k", ids(inputs.CUTLASS))
def test_cutlass_bytes(element_type, tile_k, rows, k):
    made = CUTLASS[inputs.case_name(element_type, tile_k, rows, k)]
    dense = inputs.dense(element_type, rows, k)
    assert_all_same(cutlass.from_dense(dense, element_type, tile_k), (made["a"], made["e"]))
    back = cutlass.to_dense(made["a"], made["e"], element_type, tile_k, k)
    assert_same(back, without_negative_zeros(dense, element_type))


@pytest.mark.parametrize("element_type, tile_k, rows, k", ids(inputs.CUTLASS))
def test_cutlass_there_and_back(element_type, tile_k, rows, k):
    made = CUTLASS[inputs.case_name(element_type, tile_k, rows, k)]
    ours = cutlass.to_logical(made["a"], made["e"], element_type, tile_k, k)
    assert_all_same(cutlass.from_logical(*ours, element_type, tile_k), (made["a"], made["e"]))
    dense = without_negative_zeros(inputs.dense(element_type, rows, k), element_type)
    assert_all_same(logical.canonical(*ours, element_type), pattern.compress_bits(dense, element_type))
    ours = pattern.compress_bits(inputs.dense(element_type, rows, k, seed=6), element_type)
    theirs = cutlass.from_logical(*ours, element_type, tile_k)
    assert_all_same(cutlass.to_logical(*theirs, element_type, tile_k, k), ours)


@pytest.mark.parametrize("element_type, tile_k", [("f16", 32), ("bf16", 96), ("tf32", 64), ("s8", 64), ("e4m3", 128)])
def test_cutlass_layout_as_documented(element_type, tile_k):
    rows, size = 128, pattern.GROUPS[element_type][0]
    dense = inputs.dense(element_type, rows, 3 * tile_k)
    values, metadata = pattern.compress_bits(dense, element_type)
    nibbles = metadata[..., None] >> np.arange(0, 16, 4) & 0xF
    e, tile = cutlass.from_logical(values, metadata, element_type, tile_k)[1], tile_k // size
    kept = values.reshape(rows, -1, pattern.GROUPS[element_type][1])
    for row, group in np.ndindex(rows, 3 * tile):
        r, g = row % 64, group % tile
        if size == 4 and dense.dtype.itemsize == 1:
            place = r * tile + g
        else:
            place = (((r // 16 * 2 + g // 4 % 2) * 8 + r % 8) * (tile // 8) + g // 8) * 8 + r // 8 % 2 * 4 + g % 4
        place += (group // tile * (rows // 64) + row // 64) * 64 * tile
        nibble = nibbles.reshape(rows, -1)[row, group]
        empty = size == 4 and nibble == 0x4 and not kept[row, group].any()
        assert e[place // 2] >> place % 2 * 4 & 0xF == (0 if empty else nibble)


# compressed-tensors


@pytest.mark.parametrize("element_type, rows, k", ids(inputs.COMPRESSED_TENSORS))
def test_compressed_tensors_bytes(element_type, rows, k):
    made = COMPRESSED_TENSORS[inputs.case_name(element_type, rows, k)]
    dense = avoiding(element_type, rows, k)
    ours = compressed_tensors.from_dense(dense, element_type)
    assert sorted(ours) == ["bitmask", "compressed", "shape"]
    for part, array in ours.items():
        assert_same(array, made[part])
    for prefix in ("", "plain_"):
        arrays = [made[prefix + part] for part in ("compressed", "bitmask", "shape")]
        assert_same(compressed_tensors.to_dense(*arrays, element_type), made[prefix + "dense"])
    assert_same(without_negative_zeros(made["dense"], element_type), without_negative_zeros(dense, element_type))


@pytest.mark.parametrize("element_type, rows, k", ids(inputs.COMPRESSED_TENSORS))
def test_compressed_tensors_there_and_back(element_type, rows, k):
    made = COMPRESSED_TENSORS[inputs.case_name(element_type, rows, k)]
    theirs = {part: made[part] for part in ("compressed", "bitmask", "shape")}
    ours = compressed_tensors.to_logical(**theirs, element_type=element_type)
    assert_same(logical.to_dense(*ours, element_type), made["dense"])
    for part, array in compressed_tensors.from_logical(*ours, element_type).items():
        assert_same(array, theirs[part])
    ours = logical.from_dense(inputs.dense(element_type, rows, k, seed=7), element_type)
    theirs = compressed_tensors.from_logical(*ours, element_type)
    assert_all_same(compressed_tensors.to_logical(**theirs, element_type=element_type), ours)


def test_compressed_tensors_never_drops_a_nonzero():
    dense = np.uint8([[0x80, 0, 5, 0], [0x80, 0x80, 0, 0]])
    made = compressed_tensors.from_dense(dense, "s8")
    assert_same(compressed_tensors.to_dense(**made, element_type="s8"), dense)


# Refusals

F16, S8, F32 = np.zeros((32, 64), np.uint16), np.zeros((16, 64), np.int8), np.zeros((32, 16), np.float32)
VALUES, METADATA = logical.from_dense(F16, "f16")
KEPT, BITMASK, SHAPE = compressed_tensors.from_dense(F16, "f16").values()

#: What is wrong -> the call, and what it answers.
REFUSALS = {
    "more than two nonzeros": (
        lambda: logical.from_dense(np.uint16([[0, 0, 0, 0, 1, 0, 2, 3]]), "f16"),
        r"1 of 2 groups of 4 \(f16\) have more than 2 nonzeros, .* row 0, columns 4 to 7; prune the matrix first"),
    "more than one nonzero": (
        lambda: logical.from_dense(np.float32([[0, 0, 1, 2]]), "tf32"),
        r"groups of 2 \(tf32\) have more than 1 nonzero,"),
    "unknown type": (lambda: logical.from_dense(F16, "f64"), "unknown element type 'f64'; use one of"),
    "wrong size": (lambda: logical.from_dense(F16, "s8"), r"16 bits \(uint16\); give elements of 8 bits"),
    "nothing": (lambda: logical.from_dense(F16[:0], "f16"), r"shape \(0, 64\); give a matrix that isn't empty"),
    "no matrix": (lambda: logical.from_dense(F16[0], "f16"), r"shape \(64,\); give a matrix"),
    "metadata's shape": (lambda: logical.to_dense(VALUES, METADATA[:, 1:], "f16"), "don't fit together"),
    "illegal nibble": (
        lambda: logical.to_dense(VALUES, METADATA & 0xFF0F, "f16"), "group 1 of row 0 has the metadata nibble 0x0"),
    "k of other groups": (lambda: logical.to_dense(VALUES, METADATA, "f16", 60), "k = 60 has 15 groups"),
    "PyTorch, nonzeros": (lambda: pytorch.from_dense(F16 + 1, "f16"), "prune the matrix first"),
    "PyTorch, rows": (lambda: pytorch.from_dense(F16[1:], "f16"), "31 × 64, .* multiples of 32 rows and 64 columns"),
    "PyTorch, columns": (lambda: pytorch.from_dense(F16[:, :32], "f16"), "multiples of 32 rows and 64 columns"),
    "PyTorch, s8": (lambda: pytorch.from_dense(S8, "s8"), "multiples of 16 rows and 128 columns"),
    "PyTorch, f32": (lambda: pytorch.from_dense(F32, "tf32"), "multiples of 32 rows and 32 columns"),
    "PyTorch, e4m3": (lambda: pytorch.from_dense(S8, "e4m3"), "no semi-structured tensors of e4m3"),
    "PyTorch, meta's shape": (
        lambda: pytorch.to_logical(VALUES, np.zeros((32, 8), np.int16), "f16"), r"needs \(32, 4\)"),
    "PyTorch, meta's type": (lambda: pytorch.to_logical(VALUES, np.zeros((32, 2), np.int32), "f16"), "elements of 16"),
    "CUTLASS, tile": (
        lambda: cutlass.from_dense(F16, "f16", 48), "tile_k is 48; of f16 CUTLASS takes multiples of 32 up to 128"),
    "CUTLASS, large tile": (lambda: cutlass.from_dense(F16, "f16", 256), "multiples of 32 up to 128"),
    "CUTLASS, columns": (lambda: cutlass.from_dense(F16[:, :6], "f16", 32), "k is 6, .* only multiples of 4"),
    "CUTLASS, f32": (lambda: cutlass.from_dense(F32, "f32", 32), "no sparse operand of type f32"),
    "CUTLASS, E's size": (
        lambda: cutlass.to_logical(VALUES, np.zeros(9, np.uint8), "f16", 32), "e has 9 bytes; .* with tile_k = 32"),
    "CUTLASS, k": (
        lambda: cutlass.to_logical(VALUES, np.zeros(512, np.uint8), "f16", 32, 200), "k = 200 needs 100 columns of a"),
    "CUTLASS, nibble": (
        lambda: cutlass.to_logical(VALUES + 1, np.zeros(512, np.uint8), "f16", 32), "the metadata nibble 0x0"),
    "bitmask, 1:2": (lambda: compressed_tensors.from_dense(F32, "tf32"), "keeps two of four elements, but tf32"),
    "bitmask, columns": (lambda: compressed_tensors.from_dense(F16[:, :6], "f16"), "k is 6, .* multiples of four"),
    "bitmask, one bit": (
        lambda: compressed_tensors.to_logical(KEPT, BITMASK & 0xF7, SHAPE, "f16"), "row 0 hasn't exactly two bits"),
    "bitmask, another shape": (
        lambda: compressed_tensors.to_logical(KEPT, BITMASK, [32, 60], "f16"), "don't fit to 32 × 60"),
    "bitmask, values": (
        lambda: compressed_tensors.to_dense(KEPT[1:], BITMASK, SHAPE, "f16"), "1024 bits set, compressed 992 elements"),
    "bitmask, its shape": (
        lambda: compressed_tensors.to_dense(KEPT, BITMASK[:, 1:], SHAPE, "f16"), r"32 × 64 needs \(32, 8\)"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_refuses(name):
    call, message = REFUSALS[name]
    with pytest.raises(ValueError, match=message):
        call()


# The libraries themselves, where there are any


@pytest.mark.parametrize("element_type, rows, k", ids(inputs.PYTORCH))
def test_pytorch_itself(element_type, rows, k):
    pytest.importorskip("torch")
    dense = inputs.dense(element_type, rows, k, seed=8, avoid=(0xFFFF,))
    theirs = make_interop.pytorch(dense, element_type)
    assert_all_same(pytorch.from_dense(dense, element_type), (theirs["packed"], theirs["meta"]))
    tensor = make_interop.torch_tensor(dense, element_type)
    assert_all_same(pytorch.from_dense(tensor, element_type), (theirs["packed"], theirs["meta"]))
    assert_same(pytorch.to_dense(theirs["packed"], theirs["meta"], element_type), theirs["dense"])


@pytest.mark.parametrize("element_type, rows, k", ids(inputs.COMPRESSED_TENSORS))
def test_compressed_tensors_itself(element_type, rows, k):
    pytest.importorskip("compressed_tensors.compressors.sparse_compressors.sparse_24_bitmask")
    dense = avoiding(element_type, rows, k)
    theirs = make_interop.compressed_tensors(dense, element_type)
    for part, array in compressed_tensors.from_dense(dense, element_type).items():
        assert_same(array, theirs[part])

"""Other systems' weight formats: bytes as those systems make them, and what is preserved on the way."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import pytest

from sparse24 import pattern
from sparse24.interop import __main__ as command
from sparse24.interop import compressed_tensors, cutlass, layers, logical, pytorch
from sparse24.interop.checkpoint import Reader, Tensor, Writer

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


# Checkpoints

MODEL = {"model.layers.0.proj": ("BF16", "bf16", 64, 128), "model.layers.1.proj": ("F16", "f16", 8, 20),
         "model.layers.2.proj": ("F8_E4M3", "e4m3", 8, 16), "model.layers.3.proj": ("I8", "s8", 6, 24)}


def write_checkpoint(path, tensors, metadata=None):
    """Writes {name: (type, array)}."""
    described = [Tensor(name, dtype, array.shape, path) for name, (dtype, array) in tensors.items()]
    with Writer(path, described, metadata) as writer:
        for name, (_, array) in tensors.items():
            writer.write(name, array)
    return path


@pytest.fixture
def model():
    """The tensors of a model: sparse weights, one that isn't, a vector."""
    tensors = {f"{name}.weight": (dtype, inputs.dense(element_type, rows, k))
               for name, (dtype, element_type, rows, k) in MODEL.items()}
    tensors["lm_head.weight"] = "F32", np.arange(1, 33, dtype=np.float32).reshape(4, 8)
    tensors["norm.weight"] = "F32", np.ones(7, np.float32)
    return tensors


def read_all(path):
    reader = Reader(path)
    return {name: (tensor.dtype, reader.read(name)) for name, tensor in reader.tensors.items()}


def assert_same_tensors(actual, expected):
    assert sorted(actual) == sorted(expected)
    for name, (dtype, array) in expected.items():
        assert actual[name][0] == dtype
        assert_same(actual[name][1], array.view(actual[name][1].dtype))


def test_checkpoints_are_safetensors(tmp_path):
    from safetensors.numpy import load_file, save_file

    arrays = {"a": np.arange(3, dtype=np.uint8), "b": np.arange(6, dtype=np.float16).reshape(2, 3),
              "c": np.int64([[7]]), "none": np.zeros((0, 4), np.float32)}
    tensors = {name: (dtype, arrays[name]) for name, dtype in zip(arrays, ("U8", "F16", "I64", "F32"))}
    ours = write_checkpoint(tmp_path / "ours.safetensors", tensors, {"format": "pt"})
    read = load_file(ours)
    assert sorted(read) == sorted(arrays)
    for name, array in arrays.items():
        assert_same(read[name], array)
    save_file(arrays, tmp_path / "theirs.safetensors", {"format": "pt"})
    assert (tmp_path / "theirs.safetensors").read_bytes() == ours.read_bytes()


def test_convert_to_every_form_and_back(model, tmp_path, capsys):
    source = write_checkpoint(tmp_path / "model.safetensors", model, {"format": "pt"})
    paths = {form: tmp_path / f"{form}.safetensors" for form in layers.TARGETS}
    for start, form in ((source, "compressed-tensors"), (paths["compressed-tensors"], "logical"),
                        (paths["logical"], "dense")):
        assert command.main(["convert", str(start), "-o", str(paths[form]), "--to", form]) == 0
    shown = capsys.readouterr().err
    assert "converting weights to logical (4)" in shown
    assert "lm_head stays dense: 8 of 8 groups of 4 (f32)" in shown
    assert '"ignore": ["lm_head"]' in shown

    compressed, in_logical, dense = (read_all(paths[form]) for form in layers.TARGETS[:1] + ("logical", "dense"))
    for name, (dtype, element_type, rows, k) in MODEL.items():
        weight = model[f"{name}.weight"][1]
        for part, array in compressed_tensors.from_dense(weight, element_type).items():
            assert_same(compressed[f"{name}.{part}"][1], array.view(compressed[f"{name}.{part}"][1].dtype))
        assert (compressed[f"{name}.compressed"][0], in_logical[f"{name}.values"][0]) == (dtype, dtype)
        values, metadata = (in_logical[f"{name}.{part}"][1] for part in ("values", "metadata"))
        assert_same(dense[f"{name}.weight"][1], logical.to_dense(values, metadata, element_type, k))
        assert_same(without_negative_zeros(dense[f"{name}.weight"][1], element_type),
                    without_negative_zeros(weight, element_type))
    assert sorted(dense) == sorted(model)
    for name in ("lm_head.weight", "norm.weight"):
        for made in (compressed, in_logical, dense):
            assert_same(made[name][1], model[name][1].view(np.uint32))
    assert Reader(paths["dense"]).metadata[paths["dense"]] == {"format": "pt"}

    again = tmp_path / "again.safetensors"
    command.main(["convert", str(paths["logical"]), "-o", str(again), "--to", "compressed-tensors"])
    assert again.read_bytes() == paths["compressed-tensors"].read_bytes()


def test_convert_reads_the_bytes_of_compressed_tensors(tmp_path):
    tensors, expected = {}, {}
    for (element_type, rows, k), prefix in itertools.product([("f16", 5, 24), ("f32", 3, 16)], ("", "plain_")):
        made, dtype = COMPRESSED_TENSORS[inputs.case_name(element_type, rows, k)], element_type.upper()
        name = f"{prefix}{element_type}"
        tensors[f"{name}.compressed"] = dtype, made[prefix + "compressed"]
        tensors[f"{name}.bitmask"] = "U8", made[prefix + "bitmask"]
        tensors[f"{name}.shape"] = "I64", made[prefix + "shape"]
        if prefix:
            tensors[f"{name}.row_offsets"] = "I64", made[prefix + "row_offsets"]
        expected[f"{name}.weight"] = dtype, made[prefix + "dense"]
    source = write_checkpoint(tmp_path / "compressed.safetensors", tensors)
    command.main(["convert", str(source), "-o", str(tmp_path / "dense.safetensors"), "--to", "dense"])
    assert_same_tensors(read_all(tmp_path / "dense.safetensors"), expected)


def test_f32_is_two_of_four_there_and_one_of_two_here(tmp_path, capsys):
    source = write_checkpoint(tmp_path / "in.safetensors", {
        "two.weight": ("F32", np.float32([[1, 2, 0, 0]])), "one.weight": ("F32", np.float32([[1, 0, 0, 2]]))})
    output = tmp_path / "out.safetensors"
    command.main(["convert", str(source), "-o", str(output), "--to", "logical"])
    assert "two stays dense: 1 of 2 groups of 2 (tf32)" in capsys.readouterr().err
    made = read_all(output)
    np.testing.assert_array_equal(made["one.values"][1].view(np.float32), [[1, 2]])
    assert made["one.metadata"][1].tolist() == [[0x44E4]]
    command.main(["convert", str(output), "-o", str(tmp_path / "back.safetensors"), "--to", "compressed-tensors"])
    made = read_all(tmp_path / "back.safetensors")
    assert (made["one.bitmask"][1].tolist(), made["two.bitmask"][1].tolist()) == ([[0b1001]], [[0b0011]])


def test_convert_a_directory(model, tmp_path):
    source, output, back = tmp_path / "model", tmp_path / "compressed", tmp_path / "dense"
    source.mkdir()
    names = sorted(model)
    for number, part in enumerate((names[:3], names[3:])):
        write_checkpoint(source / f"model-{number}.safetensors", {name: model[name] for name in part})
    weight_map = {name: f"model-{int(name not in names[:3])}.safetensors" for name in names}
    (source / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    (source / "config.json").write_text('{"hidden_size": 8}')
    (source / "tokenizer.json").write_text("{}")
    write_checkpoint(source / "consolidated.safetensors", {"unrelated": ("U8", np.zeros(1, np.uint8))})

    command.main(["convert", str(source), "-o", str(output), "--to", "compressed-tensors"])
    config = json.loads((output / "config.json").read_text())
    assert config["hidden_size"] == 8
    assert config["quantization_config"]["quant_method"] == "compressed-tensors"
    assert config["quantization_config"]["sparsity_config"]["format"] == "sparse-24-bitmask"
    assert config["quantization_config"]["sparsity_config"]["ignore"] == ["lm_head"]
    index = json.loads((output / "model.safetensors.index.json").read_text())
    reader = Reader(output)
    assert index["weight_map"] == {name: tensor.file.name for name, tensor in sorted(reader.tensors.items())}
    assert index["metadata"]["total_size"] == sum(tensor.nbytes for tensor in reader.tensors.values())
    assert (output / "tokenizer.json").read_text() == "{}"
    assert "model.layers.2.proj.bitmask" in reader.tensors and "model.layers.2.proj.weight" not in reader.tensors

    command.main(["convert", str(output), "-o", str(back), "--to", "dense"])
    assert json.loads((back / "config.json").read_text()) == {"hidden_size": 8}
    assert json.loads((back / "model.safetensors.index.json").read_text())["weight_map"] == weight_map


def test_config_keeps_the_quantization():
    sparsity = command.sparsity_config({"x": "compressed-tensors", "y": "dense"})
    quantized = {"quant_method": "compressed-tensors", "format": "float-quantized", "config_groups": {}}
    config = {"vocab_size": 9, "quantization_config": quantized}
    sparse = command.updated_config(config, sparsity)
    assert sparse == {"vocab_size": 9, "quantization_config": {**quantized, "sparsity_config": sparsity}}
    assert command.updated_config(sparse, None) == config


def test_a_layer_may_lie_in_two_files(tmp_path):
    (tmp_path / "model").mkdir()
    made = COMPRESSED_TENSORS["f16_5_24"]
    write_checkpoint(tmp_path / "model" / "a.safetensors", {"x.bitmask": ("U8", made["bitmask"])})
    write_checkpoint(tmp_path / "model" / "b.safetensors", {"x.compressed": ("F16", made["compressed"]),
                                                            "x.shape": ("I64", made["shape"])})
    command.main(["convert", str(tmp_path / "model"), "-o", str(tmp_path / "out"), "--to", "dense"])
    assert_same_tensors(read_all(tmp_path / "out"), {"x.weight": ("F16", made["dense"])})


def test_only_some_layers(model, tmp_path):
    source = write_checkpoint(tmp_path / "model.safetensors", model)
    output = tmp_path / "out.safetensors"
    command.main(["convert", str(source), "-o", str(output), "--to", "logical", "--layers", "*.0.*", "*.3.*"])
    forms = {layer.name: layer.form for layer in layers.find_layers(Reader(output))}
    assert [name for name, form in forms.items() if form == "logical"] == ["model.layers.0.proj", "model.layers.3.proj"]
    assert len(forms) == len(MODEL) + 1


def test_list(model, tmp_path, capsys):
    tensors = {**model, "x.values": ("F16", VALUES), "x.metadata": ("I16", METADATA),
               "x.shape": ("I64", np.int64([[32], [64]]))}
    command.main(["list", str(write_checkpoint(tmp_path / "model.safetensors", tensors))])
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0] == "lm_head 4 x 8 F32 dense 8 of 8 groups of 4 (f32) have more than 2 nonzeros".split()
    assert lines[1] == "model.layers.0.proj 64 x 128 BF16 dense 2:4".split()
    assert lines[-1] == "x 32 x 64 F16 logical".split()
    assert len(lines) == len(MODEL) + 2


def fails(capsys, *arguments):
    """Runs the command, which must fail, and gives what it says."""
    with pytest.raises(SystemExit) as stop:
        command.main([str(argument) for argument in arguments])
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_what_can_go_wrong(model, tmp_path, capsys):
    source = write_checkpoint(tmp_path / "model.safetensors", model)
    output = tmp_path / "out.safetensors"
    convert = ["convert", source, "-o", output, "--to"]
    assert "the output is the input" in fails(capsys, "convert", source, "-o", source, "--to", "logical")
    assert "the output is the input" in fails(capsys, "convert", source, "-o", tmp_path, "--to", "logical")
    assert "no weight to convert to dense" in fails(capsys, *convert, "dense")
    assert "lm_head stays dense" in fails(capsys, *convert, "logical", "--layers", "lm_head")
    assert "No such file" in fails(capsys, "list", tmp_path / "none.safetensors")
    (tmp_path / "text.safetensors").write_text("no checkpoint at all")
    assert "is no safetensors file" in fails(capsys, "list", tmp_path / "text.safetensors")
    (tmp_path / "short.safetensors").write_bytes(source.read_bytes()[:-5])
    assert "is cut short" in fails(capsys, "list", tmp_path / "short.safetensors")
    (tmp_path / "damaged.safetensors").write_bytes(source.read_bytes().replace(b"[64,128]", b"[64,129]"))
    assert "is damaged: model.layers.0.proj.weight has 16384 bytes" in fails(
        capsys, "list", tmp_path / "damaged.safetensors")
    (tmp_path / "exotic.safetensors").write_bytes(source.read_bytes().replace(b'"BF16"', b'"BF61"'))
    assert "model.layers.0.proj.weight has the unknown element type BF61" in fails(
        capsys, "list", tmp_path / "exotic.safetensors")
    (tmp_path / "empty").mkdir()
    assert "has no .safetensors files" in fails(capsys, "list", tmp_path / "empty")
    (tmp_path / "empty" / "model.safetensors.index.json").write_text("{}")
    assert "has no weight_map" in fails(capsys, "list", tmp_path / "empty")
    assert not output.exists()

    broken = {"x.compressed": ("F16", KEPT), "x.bitmask": ("U8", BITMASK & 0xF7), "x.shape": ("I64", SHAPE)}
    convert[1] = write_checkpoint(tmp_path / "broken.safetensors", broken)
    assert "x: bitmask has 768 bits" in fails(capsys, *convert, "dense")
    assert "x: the mask of group 0 of row 0" in fails(capsys, *convert, "logical")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith("out")) == []


def test_a_checkpoint_of_two_bitmask_formats_is_refused(tmp_path, capsys):
    made = COMPRESSED_TENSORS["f16_5_24"]
    tensors = {f"x.{part}": (dtype, made[f"plain_{part}"]) for part, dtype in
               (("compressed", "F16"), ("bitmask", "U8"), ("shape", "I64"), ("row_offsets", "I64"))}
    tensors["y.weight"] = "F16", made["dense"]
    source = write_checkpoint(tmp_path / "model.safetensors", tensors)
    arguments = ["convert", source, "-o", tmp_path / "out.safetensors", "--to", "compressed-tensors"]
    assert "leave out --layers" in fails(capsys, *arguments, "--layers", "y")
    command.main([str(argument) for argument in arguments])
    made = read_all(tmp_path / "out.safetensors")
    np.testing.assert_array_equal(made["x.bitmask"][1], made["y.bitmask"][1])


def test_a_writer_that_fails_leaves_nothing(tmp_path):
    path = tmp_path / "x.safetensors"
    with pytest.raises(ValueError, match="has 2 bytes, not the 3 that were announced"):
        with Writer(path, [Tensor("a", "U8", (3,), path)]) as writer:
            writer.write("a", np.zeros(2, np.uint8))
    with pytest.raises(ValueError, match="lacks a"):
        with Writer(path, [Tensor("a", "U8", (3,), path)]):
            pass
    assert list(tmp_path.iterdir()) == []


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


def test_compressed_tensors_itself_reads_a_checkpoint(model, tmp_path):
    library = pytest.importorskip("compressed_tensors.compressors.sparse_compressors.sparse_24_bitmask")
    from compressed_tensors.config import SparsityCompressionConfig

    source = write_checkpoint(tmp_path / "model.safetensors", model)
    for form in ("compressed-tensors", "dense"):
        command.main(["convert", str(source), "-o", str(tmp_path / form), "--to", form])
        source = tmp_path / form
    sparsity = command.sparsity_config({"x": "compressed-tensors", "lm_head": "dense"})
    config = SparsityCompressionConfig.load_from_registry(sparsity["format"], **sparsity)
    read = dict(library.Sparse24BitMaskCompressor(config=config).decompress(str(tmp_path / "compressed-tensors")))
    expected = read_all(tmp_path / "dense")
    assert sorted(read) == sorted(expected)
    for name, (_, array) in expected.items():
        assert_same(make_interop.bits_of(read[name]), array)

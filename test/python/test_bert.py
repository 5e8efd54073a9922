"""The sentence-embedding model in NumPy."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sparse24 import bert

ROOT = Path(__file__).resolve().parents[2]
MINILM = ROOT / ".cache" / "all-MiniLM-L6-v2" / "model.safetensors"


@pytest.mark.skipif(not MINILM.exists(), reason="fetch the model: scripts/setup.sh --model")
def test_embeddings_are_those_of_another_implementation():
    golden = json.loads((Path(__file__).parent / "minilm_golden.json").read_text(encoding="utf-8"))
    model = bert.Model(MINILM)
    tokens = model.tokenize(golden["sentences"])
    assert tokens == golden["ids"]
    embeddings = model.embed(tokens)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(embeddings, golden["embeddings"], rtol=0, atol=2e-6)
    similarities = embeddings @ embeddings.T
    assert similarities[0, 1] > 0.5 > similarities[0, 2]


@pytest.fixture(scope="module")
def model(small_bert):
    return bert.Model(small_bert)


def test_tokens(model):
    """[CLS] is 2, [SEP] 3, words begin with 4; nothing is padded, and no more than all positions are used."""
    assert model.tokenize(["The cats sat.", "a zebra"]) == [[2, 4, 6, 16, 9, 18, 3], [2, 5, 1, 3]]
    assert model.tokenize(["dog " * 50]) == [[2, *[7] * 18, 3]]


def test_a_sentence_does_not_depend_on_its_neighbours(model):
    tokens = model.tokenize(["the cat sat on the mat.", "a bird", "the dogs ran under the tree."])
    together = model.embed(tokens)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, rtol=1e-6)
    for alone, embedding in zip(tokens, together):
        np.testing.assert_allclose(model.embed([alone])[0], embedding, rtol=0, atol=1e-6)
    assert abs(together[0] @ together[1]) < 0.99


def test_linear_layers_can_be_replaced_and_watched(model):
    tokens, seen, done = model.tokenize(["the cat sat", "a dog ran."]), {}, []

    def linear(name, x):
        seen[name] = x.shape
        return model.linear(name, x)

    np.testing.assert_array_equal(model.embed(tokens, linear, done.append), model.embed(tokens))
    assert done == [1, 2]
    assert seen == {name: (11, layer.inputs) for name, layer in model.layers.items()}
    changed = model.embed(tokens, lambda name, x: 2 * model.linear(name, x))
    assert np.abs(changed - model.embed(tokens)).max() > 0.01


def test_erf_and_gelu():
    x = np.linspace(-6, 6, 10001, dtype=np.float32)
    exact = np.vectorize(math.erf)(x.astype(np.float64))
    assert bert.erf(x).dtype == np.float32
    np.testing.assert_allclose(bert.erf(x), exact, rtol=0, atol=1e-6)
    exact = np.vectorize(lambda value: value / 2 * (1 + math.erf(value / math.sqrt(2))))(x.astype(np.float64))
    np.testing.assert_allclose(bert.gelu(x), exact, rtol=0, atol=4e-6)


@pytest.mark.parametrize(
    "name, contents, message",
    [
        ("config.json", '{"model_type": "gpt2"}', "config.json: not of a BERT model with GELU"),
        ("config.json", "{", "Expecting property name"),
        ("tokenizer.json", "{}", "tokenizer.json: "),
        ("model.safetensors", "short", "model.safetensors: "),
    ],
)
def test_files_that_are_no_model(small_bert, tmp_path, name, contents, message):
    for path in small_bert.parent.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / name).write_text(contents)
    with pytest.raises(ValueError, match=message):
        bert.Model(tmp_path / "model.safetensors")

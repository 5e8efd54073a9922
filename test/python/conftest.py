"""What the tests share: small models, made on the fly."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json
import sys
from pathlib import Path

import numpy as np
import pytest

#: The harness of the GPU checks: its products.py describes products for other tests, too.
HARNESS = Path(__file__).resolve().parents[1] / "Integration" / "GPU"
sys.path.insert(0, str(HARNESS))

#: Key -> (outputs, inputs) of each layer of the small model.
SMALL_LAYERS = {
    "encoder.layer.0.attention.self.query": (24, 40),
    "encoder.layer.0.intermediate.dense": (64, 24),
    "encoder.layer.0.output.dense": (24, 64),
    "encoder.layer.10.attention.self.query": (8, 10),
    "encoder.layer.2.attention.self.query": (16, 16),
}


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory):
    """Path of a checkpoint with SMALL_LAYERS and tensors that aren't layers."""
    from safetensors.numpy import save_file

    random = np.random.default_rng(24)
    tensors = {
        "embeddings.word_embeddings.weight": random.standard_normal((7, 8), np.float32),
        "encoder.layer.0.LayerNorm.weight": random.standard_normal(8, np.float32),
        "encoder.layer.0.LayerNorm.bias": random.standard_normal(8, np.float32),
    }
    for key, shape in SMALL_LAYERS.items():
        tensors[key + ".weight"] = random.standard_normal(shape, np.float32)
        tensors[key + ".bias"] = random.standard_normal(shape[:1], np.float32)
    path = tmp_path_factory.mktemp("check point") / "small.safetensors"
    save_file(tensors, str(path))
    return path


#: The words that the small BERT knows.
WORDS = ["the", "a", "cat", "dog", "bird", "sat", "ran", "sang", "on", "under", "mat", "tree", "##s", "##ing", "."]


@pytest.fixture(scope="session")
def small_bert(tmp_path_factory):
    """Path of the checkpoint of a BERT with two layers of 16 in four heads, 20 positions and WORDS."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    directory = tmp_path_factory.mktemp("small bert")
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    vocabulary = {word: number for number, word in enumerate(special + WORDS)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    # What a checkpoint may well ask for and the model does without.
    tokenizer.enable_padding(length=12)
    tokenizer.save(str(directory / "tokenizer.json"))
    (directory / "config.json").write_text(json.dumps({
        "model_type": "bert", "hidden_act": "gelu", "num_attention_heads": 4, "num_hidden_layers": 2,
        "layer_norm_eps": 1e-12}))

    random = np.random.default_rng(24)
    shapes = {"embeddings.word_embeddings.weight": (len(vocabulary), 16),
              "embeddings.position_embeddings.weight": (20, 16), "embeddings.token_type_embeddings.weight": (2, 16)}
    norms = ["embeddings"]
    for index in range(2):
        key = f"encoder.layer.{index}."
        norms += [key + "attention.output", key + "output"]
        for part, shape in {"attention.self.query": (16, 16), "attention.self.key": (16, 16),
                            "attention.self.value": (16, 16), "attention.output.dense": (16, 16),
                            "intermediate.dense": (32, 16), "output.dense": (16, 32)}.items():
            shapes[f"{key}{part}.weight"], shapes[f"{key}{part}.bias"] = shape, shape[:1]
    tensors = {key: random.standard_normal(shape, np.float32) for key, shape in shapes.items()}
    for key in norms:
        tensors[key + ".LayerNorm.weight"] = random.uniform(0.5, 1.5, 16).astype(np.float32)
        tensors[key + ".LayerNorm.bias"] = random.uniform(-0.5, 0.5, 16).astype(np.float32)
    save_file(tensors, str(directory / "model.safetensors"))
    return directory / "model.safetensors"

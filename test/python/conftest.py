"""What the tests share: a small model, made on the fly."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import numpy as np
import pytest

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

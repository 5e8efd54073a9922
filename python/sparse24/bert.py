"""A BERT-like encoder in NumPy that gives sentences embeddings, as all-MiniLM-L6-v2 does.

Everything is f32. The linear layers are a parameter, so that they can be pruned, rounded or
watched; `sparse24.export` names them. Sentences are neither padded nor masked: the tokens of all
of them are the rows of one matrix, and only attention looks at one sentence at a time.
"""

import json
from pathlib import Path

import numpy as np

from sparse24 import export

#: Longer sentences are cut off there, as sentence-transformers does for this model.
MAX_TOKENS = 256


def erf(x):
    """The error function of f32, to 1e-6 (Abramowitz and Stegun, formula 7.1.26)."""
    t = 1 / (1 + np.float32(0.3275911) * np.abs(x))
    polynomial = np.float32(0)
    for coefficient in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        polynomial = (polynomial + np.float32(coefficient)) * t
    return np.copysign(1 - polynomial * np.exp(-x * x), x)


def gelu(x):
    """GELU of f32, the exact form."""
    return x * (np.float32(0.5) + np.float32(0.5) * erf(x * np.float32(0.5**0.5)))


def softmax(x):
    """Softmax over the last dimension."""
    powers = np.exp(x - x.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


class Model:
    """A checkpoint with what belongs to it: config.json and tokenizer.json lie beside it.

    `path` is that of a .safetensors file of a BertModel of Hugging Face's transformers. `layers` are
    its linear ones, name -> `export.Layer`. Raises OSError or ValueError if it can't be read.
    """

    def __init__(self, path):
        from safetensors import SafetensorError
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        path = Path(path)
        config = json.loads((path.parent / "config.json").read_text(encoding="utf-8"))
        if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
            raise ValueError(f"{path.parent / 'config.json'}: not of a BERT model with GELU")
        self.heads, self.epsilon = config["num_attention_heads"], np.float32(config["layer_norm_eps"])
        self.depth = config["num_hidden_layers"]
        try:
            self._tensors = {key.removeprefix("bert."): array for key, array in load_file(str(path)).items()}
        except SafetensorError as error:
            raise ValueError(f"{path}: {error}") from error
        self.layers = {layer.name: layer for layer in export.load_layers(path)}
        text = (path.parent / "tokenizer.json").read_text(encoding="utf-8")
        try:
            self._tokenizer = Tokenizer.from_str(text)
        except Exception as error:  # It has no narrower class.
            raise ValueError(f"{path.parent / 'tokenizer.json'}: {error}") from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(min(MAX_TOKENS, len(self._embedding("position"))))

    def tokenize(self, sentences):
        """Gives the numbers of each sentence's tokens, with those that mark its beginning and end."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(sentences))]

    def embed(self, tokens, linear=None, on_layer=None):
        """Gives unit vectors, f32, sentences x hidden size: the means of each sentence's last hidden states.

        `tokens` are those of each sentence; `linear(name, x)` gives x · weightᵀ + bias of a layer, x being
        f32, tokens of all sentences x inputs; `on_layer(done)` is called after each encoder layer.
        """
        linear = linear or self.linear
        ends = np.cumsum([len(ids) for ids in tokens])
        bounds = list(zip([0, *ends], ends))
        x = self._embedding("word")[np.concatenate(tokens)] + self._embedding("token_type")[0]
        x += np.concatenate([self._embedding("position")[: len(ids)] for ids in tokens])
        x = self._normalize("embeddings", x)
        for index in range(self.depth):
            name, key = f"layer_{index}_", f"encoder.layer.{index}."
            attended = self._attend(*(linear(f"{name}attention_self_{part}", x) for part in ("query", "key", "value")),
                                    bounds)
            x = self._normalize(key + "attention.output", x + linear(name + "attention_output", attended))
            wide = gelu(linear(name + "intermediate", x))
            x = self._normalize(key + "output", x + linear(name + "output", wide))
            if on_layer is not None:
                on_layer(index + 1)
        means = np.stack([x[start:end].mean(axis=0) for start, end in bounds])
        return means / np.linalg.norm(means, axis=1, keepdims=True)

    def linear(self, name, x):
        """The layer as the checkpoint has it."""
        return x @ self.layers[name].weight.T + self.layers[name].bias

    def _embedding(self, kind):
        return self._tensors[f"embeddings.{kind}_embeddings.weight"]

    def _normalize(self, key, x):
        """Layer normalisation."""
        x = x - x.mean(axis=-1, keepdims=True)
        x /= np.sqrt(np.square(x).mean(axis=-1, keepdims=True) + self.epsilon)
        return x * self._tensors[key + ".LayerNorm.weight"] + self._tensors[key + ".LayerNorm.bias"]

    def _attend(self, query, key, value, bounds):
        """Multi-head attention, each sentence's tokens to one another."""
        heads = lambda x: x.reshape(len(x), self.heads, -1).transpose(1, 0, 2)  # noqa: E731
        result = np.empty_like(value)
        for start, end in bounds:
            q, k, v = (heads(x[start:end]) for x in (query, key, value))
            weights = softmax(q @ k.transpose(0, 2, 1) / np.float32(q.shape[-1] ** 0.5))
            result[start:end] = (weights @ v).transpose(1, 0, 2).reshape(end - start, -1)
        return result

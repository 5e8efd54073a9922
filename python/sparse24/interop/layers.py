"""The 2:4 sparse weights of a checkpoint, and their conversion from form to form.

Form -> tensors of a layer X:

* dense: `X.weight`
* compressed-tensors: `X.compressed`, `X.bitmask`, `X.shape` (`sparse-24-bitmask` of that library)
* sparse-bitmask: those and `X.row_offsets` (read, not written)
* logical: `X.values`, `X.metadata`, `X.shape` (docs/Formats.md)
"""

import fnmatch
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sparse24.interop import compressed_tensors, logical
from sparse24.interop.checkpoint import Tensor, Writer

#: Form -> its tensors; the first has the layer's element type. Where two forms fit, the first is meant.
FORMS = {
    "sparse-bitmask": ("compressed", "bitmask", "shape", "row_offsets"),
    "compressed-tensors": ("compressed", "bitmask", "shape"),
    "logical": ("values", "metadata", "shape"),
    "dense": ("weight",),
}

#: The forms that are written.
TARGETS = ("compressed-tensors", "dense", "logical")

#: Element type in a file -> in compressed-tensors, where f32 keeps two of four.
ELEMENT_TYPES = {"F16": "f16", "BF16": "bf16", "F32": "f32", "I8": "s8", "U8": "u8", "F8_E4M3": "e4m3",
                 "F8_E5M2": "e5m2"}


def logical_type(dtype):
    """Gives the element type in the logical format, where f32 keeps one of two."""
    return "tf32" if dtype == "F32" else ELEMENT_TYPES[dtype]


@dataclass(frozen=True)
class Layer:
    """A weight of a checkpoint, rows × k. `file` is that of its first tensor."""

    name: str
    form: str
    dtype: str
    rows: int
    k: int
    file: Path

    @property
    def tensors(self):
        """The names of its tensors."""
        return [f"{self.name}.{part}" for part in FORMS[self.form]]

    def read(self, reader):
        """Gives {part: bits}."""
        return {part: reader.read(f"{self.name}.{part}") for part in FORMS[self.form]}

    def is_transcoded(self, target):
        """Says whether form and target hold the same elements, whatever their values are."""
        return (self.form, target) in (("compressed-tensors", "logical"), ("logical", "compressed-tensors")) and \
            self.dtype != "F32" and self.k % 4 == 0


def find_layers(reader):
    """Gives the Layers of a checkpoint.Reader, by name. Raises ValueError if a layer's `shape` isn't two numbers."""
    layers = []
    for name in sorted({tensor.rpartition(".")[0] for tensor in reader.tensors}):
        taken = set()
        for form, parts in FORMS.items():
            first = reader.tensors.get(f"{name}.{parts[0]}")
            if taken.intersection(parts) or not all(f"{name}.{part}" in reader.tensors for part in parts):
                continue
            if first.dtype not in ELEMENT_TYPES or form == "dense" and len(first.shape) != 2:
                continue
            shape = first.shape if form == "dense" else reader.read(f"{name}.shape").reshape(-1)
            if len(shape) != 2:
                raise ValueError(f"{name}.shape has {len(shape)} elements; that of a matrix has two")
            taken.update(parts)
            layers.append(Layer(name, form, first.dtype, int(shape[0]), int(shape[1]), first.file))
    return layers


def to_dense(layer, reader):
    """Gives a layer's dense matrix, rows × k (bits). Raises ValueError if its tensors don't fit together."""
    arrays = layer.read(reader)
    if layer.form == "dense":
        return arrays["weight"]
    if layer.form == "logical":
        return logical.to_dense(arrays["values"], arrays["metadata"], logical_type(layer.dtype), layer.k)
    parts = [arrays[part] for part in ("compressed", "bitmask", "shape")]
    return compressed_tensors.to_dense(*parts, ELEMENT_TYPES[layer.dtype])


def convert(layer, target, reader):
    """Gives {part: array} of a layer in the form `target`; kept elements stay kept if is_transcoded().

    Raises NotSparseError if the weight hasn't the pattern that the form needs, and ValueError if the form has no such
    shape or the layer's tensors don't fit together.
    """
    if target == "dense":
        return {"weight": to_dense(layer, reader)}
    if target == "compressed-tensors":
        if layer.is_transcoded(target):
            arrays = layer.read(reader)
            return compressed_tensors.from_logical(arrays["values"], arrays["metadata"], ELEMENT_TYPES[layer.dtype])
        return compressed_tensors.from_dense(to_dense(layer, reader), ELEMENT_TYPES[layer.dtype])
    if layer.is_transcoded(target):
        values, metadata = compressed_tensors.to_logical(**layer.read(reader), element_type=ELEMENT_TYPES[layer.dtype])
    else:
        values, metadata = logical.from_dense(to_dense(layer, reader), logical_type(layer.dtype))
    return {"values": values, "metadata": metadata, "shape": np.array([[layer.rows], [layer.k]], np.int64)}


def converted_tensors(layer, target):
    """Gives the Tensors of what convert() gives."""
    size, kept = logical.GROUPS[logical_type(layer.dtype)]
    groups = -(-layer.k // size)
    shape = "I64", (2, 1)
    parts = {
        "dense": {"weight": (layer.dtype, (layer.rows, layer.k))},
        "logical": {"values": (layer.dtype, (layer.rows, kept * groups)),
                    "metadata": ("I16", (layer.rows, -(-groups // 4))), "shape": shape},
        "compressed-tensors": {"compressed": (layer.dtype, (layer.rows, layer.k // 2)),
                               "bitmask": ("U8", (layer.rows, -(-layer.k // 8))), "shape": shape},
    }[target]
    return [Tensor(f"{layer.name}.{part}", dtype, shape, layer.file) for part, (dtype, shape) in parts.items()]


def plan(reader, target, patterns, progress):
    """Finds what can be converted, reading the weights whose values decide that, one at a time.

    Args:
      reader: a checkpoint.Reader.
      target: one of TARGETS.
      patterns: shell patterns; layers with another name than these are left alone.
      progress: a sparse24.progress.Progress.

    Returns:
      The Layers to convert, and {Layer: reason} of those that have to stay in their form: without the pattern, or
      dense with a shape that the form hasn't.

    Raises:
      ValueError: A compressed layer's tensors don't fit together.
    """
    layers = [layer for layer in find_layers(reader)
              if layer.form != target and any(fnmatch.fnmatch(layer.name, pattern) for pattern in patterns)]
    convertible, refused = [], {}
    progress.step(f"checking weights ({len(layers)})", len(layers))
    for done, layer in enumerate(layers):
        try:
            if target != "dense" and not layer.is_transcoded(target):
                convert(layer, target, reader)
            convertible.append(layer)
        except ValueError as error:
            if layer.form != "dense" and not isinstance(error, logical.NotSparseError):
                raise ValueError(f"{layer.name}: {error}") from error
            refused[layer] = str(error)
        progress.advance(done + 1)
    return convertible, refused


def write(reader, layers, target, output, progress):
    """Writes a checkpoint with some layers converted, one at a time, and all other tensors as they are.

    `output` is a file, or an existing directory for a file of the same name for each that was read. Gives the contents
    of the index file that tells which tensor is where. Raises ValueError if a layer is broken.
    """
    replaced = {name for layer in layers for name in layer.tensors}
    progress.step(f"converting weights to {target} ({len(layers)})", len(layers))
    done, size, weight_map = 0, 0, {}
    for file in reader.files:
        to = output / file.name if output.is_dir() else output
        copied = [tensor for tensor in reader.tensors.values() if tensor.file == file and tensor.name not in replaced]
        converted = [layer for layer in layers if layer.file == file]
        tensors = copied + [tensor for layer in converted for tensor in converted_tensors(layer, target)]
        with Writer(to, tensors, reader.metadata[file]) as writer:
            for tensor in copied:
                writer.write(tensor.name, reader.read(tensor.name))
            for layer in converted:
                try:
                    for part, array in convert(layer, target, reader).items():
                        writer.write(f"{layer.name}.{part}", array)
                except ValueError as error:
                    raise ValueError(f"{layer.name}: {error}") from error
                done += 1
                progress.advance(done)
        size += sum(tensor.nbytes for tensor in tensors)
        weight_map.update((tensor.name, to.name) for tensor in tensors)
    progress.finish()
    return {"metadata": {"total_size": size}, "weight_map": dict(sorted(weight_map.items()))}

"""Exports the linear layers of a safetensors checkpoint as MLIR.

    python -m sparse24.export model.safetensors -o model.mlir --tokens 128
    python -m sparse24.export model.safetensors -o model.mlir --reference

A linear layer is a two-dimensional `X.weight` (outputs x inputs) with a bias
`X.bias`. Each becomes a public function that takes the activations (tokens x
inputs) and gives act(x . weight^T + bias) in `linalg`; the weights stand in the
module as `dense_resource` constants or, with --reference, as `sparse24.weight`
operations that name the checkpoint's tensors: for checkpoints bigger than memory.
`python -m sparse24.compiler` then takes the file by --checkpoint. With --blocks there is also a function for
each feed-forward block, the intermediate and the output layer in one.
"""

import argparse
import fnmatch
import re
import struct
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

#: Weights begin at multiples of this many bytes in the module.
RESOURCE_ALIGNMENT = 64

#: NumPy has no bf16: its bits stand for it.
MLIR_TYPES = {"float32": "f32", "float16": "f16", "float64": "f64", "uint16": "bf16"}
#: Element types in a checkpoint -> NumPy's.
_CHECKPOINT_TYPES = {"F32": np.float32, "F16": np.float16, "F64": np.float64, "BF16": np.uint16}


@dataclass
class Layer:
    """One linear layer: outputs = activation(inputs . weight^T + bias).

    `key` is the checkpoint's name of it; None means that weight and bias are written into modules.
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray
    activation: Optional[str] = None
    key: Optional[str] = None

    @property
    def outputs(self):
        return self.weight.shape[0]

    @property
    def inputs(self):
        return self.weight.shape[1]

    @property
    def element_type(self):
        return MLIR_TYPES[self.weight.dtype.name]


def function_name(key):
    """Turns a checkpoint's key into a name that C accepts, too."""
    key = re.sub(r"^(bert\.)?encoder\.", "", key)
    key = re.sub(r"\.dense$", "", key)
    return re.sub(r"\W", "_", key)


def load_layers(path, patterns=("*",), reference=False):
    """Reads the layers whose function names match one of the patterns. With `reference` the elements
    stay in the checkpoint, whose tensors the layers name: the arrays are only of their shapes."""
    from safetensors import safe_open

    layers = []
    with safe_open(str(path), framework="numpy") as checkpoint:
        keys = set(checkpoint.keys())
        for key in sorted(keys, key=_natural_order):
            stem, _, kind = key.rpartition(".")
            if kind != "weight" or stem + ".bias" not in keys:
                continue
            name = function_name(stem)
            weight_shape = checkpoint.get_slice(key).get_shape()
            if len(weight_shape) != 2 or not any(fnmatch.fnmatch(name, p) for p in patterns):
                continue
            activation = "gelu" if name.endswith("_intermediate") else None
            if reference:
                weight, bias = (_shape_of(checkpoint, stem + end) for end in (".weight", ".bias"))
                if weight is None or bias is None or bias.shape != weight.shape[:1]:
                    continue
                if weight.dtype != bias.dtype:
                    raise ValueError(f"{stem}: the bias isn't of the weight's type; leave out --reference to convert it")
                layers.append(Layer(name, weight, bias, activation, stem))
                continue
            try:
                weight, bias = checkpoint.get_tensor(key), checkpoint.get_tensor(stem + ".bias")
            except TypeError as error:
                raise ValueError(f"{key}: NumPy can't hold its element type ({error})") from error
            if bias.shape != weight.shape[:1] or weight.dtype.name not in MLIR_TYPES:
                continue
            layers.append(Layer(name, weight, bias.astype(weight.dtype), activation))
    return layers


def _shape_of(checkpoint, key):
    """Gives an array of a tensor's type and shape that takes no memory; None for other types."""
    tensor = checkpoint.get_slice(key)
    kind = _CHECKPOINT_TYPES.get(tensor.get_dtype())
    return None if kind is None else np.broadcast_to(np.zeros((), kind), tensor.get_shape())


def _natural_order(key):
    """Sorts layer.10 after layer.2."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.split(r"(\d+)", key)]


def feed_forward_blocks(layers):
    """Pairs each intermediate layer with the output layer that follows it."""
    by_name = {layer.name: layer for layer in layers}
    blocks = []
    for layer in layers:
        if layer.name.endswith("_intermediate"):
            output = by_name.get(layer.name[: -len("intermediate")] + "output")
            if output is not None and output.inputs == layer.outputs:
                blocks.append((layer.name[: -len("intermediate")] + "ffn", [layer, output]))
    return blocks


class _Writer:
    """Writes a module, function by function, then the weights' bytes."""

    def __init__(self, tokens):
        self.tokens = "?" if tokens is None else str(tokens)
        self.lines = []
        self.resources = {}

    def constant(self, layer, kind, array):
        """Gives the operation whose result is a layer's weight or bias, without its type."""
        if layer.key is not None:
            return f'sparse24.weight "{layer.key}.{kind}"'
        key = f"{layer.name}_{kind}"
        self.resources[key] = array
        return f"arith.constant dense_resource<{key}>"

    def function(self, name, layers):
        """Writes one function that applies the layers in turn."""
        first, last = layers[0], layers[-1]
        element_type = first.element_type
        argument = f"tensor<{self.tokens}x{first.inputs}x{element_type}>"
        result = f"tensor<{self.tokens}x{last.outputs}x{element_type}>"
        self.lines.append(f"func.func @{name}(%x: {argument}) -> {result} {{")
        if self.tokens == "?":
            self.lines.append("  %c0 = arith.constant 0 : index")
            self.lines.append(f"  %tokens = tensor.dim %x, %c0 : {argument}")
        value = "%x"
        for index, layer in enumerate(layers):
            location = name if len(layers) == 1 else f"{name}/{layer.name}"
            value = self.layer(layer, index, value, location)
        self.lines.append(f"  return {value} : {result}")
        self.lines.append("}")

    def layer(self, layer, index, x, location):
        """Writes product, bias and activation; gives the result's name.

        The product carries the location: remarks call it by that.
        """
        element_type = layer.element_type
        x_type = f"tensor<{self.tokens}x{layer.inputs}x{element_type}>"
        w_type = f"tensor<{layer.outputs}x{layer.inputs}x{element_type}>"
        b_type = f"tensor<{layer.outputs}x{element_type}>"
        y_type = f"tensor<{self.tokens}x{layer.outputs}x{element_type}>"
        sizes = "%tokens" if self.tokens == "?" else ""
        weight = self.constant(layer, "weight", layer.weight)
        bias = self.constant(layer, "bias", layer.bias)
        n = lambda word: f"%{word}{index}"
        self.lines += [
            f"  {n('weight')} = {weight} : {w_type}",
            f"  {n('bias')} = {bias} : {b_type}",
            f"  {n('zero')} = arith.constant 0.0 : {element_type}",
            f"  {n('empty')} = tensor.empty({sizes}) : {y_type}",
            f"  {n('fill')} = linalg.fill ins({n('zero')} : {element_type}) outs({n('empty')} : {y_type}) -> {y_type}",
            f"  {n('product')} = linalg.matmul indexing_maps = [#mk, #nk, #mn]",
            f"      ins({x}, {n('weight')} : {x_type}, {w_type})",
            f'      outs({n("fill")} : {y_type}) -> {y_type} loc("{location}")',
            f'  {n("sum")} = linalg.generic {{indexing_maps = [#id, #row, #id], iterator_types = ["parallel", "parallel"]}}',
            f"      ins({n('product')}, {n('bias')} : {y_type}, {b_type}) outs({n('empty')} : {y_type}) {{",
            f"  ^bb0(%a: {element_type}, %b: {element_type}, %out: {element_type}):",
            f"    %s = arith.addf %a, %b : {element_type}",
            f"    linalg.yield %s : {element_type}",
            f"  }} -> {y_type}",
        ]
        if layer.activation is None:
            return n("sum")
        self.lines += [
            f'  {n("gelu")} = linalg.generic {{indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel"]}}',
            f"      ins({n('sum')} : {y_type}) outs({n('empty')} : {y_type}) {{",
            f"  ^bb0(%a: {element_type}, %out: {element_type}):",
            f"    %half = arith.constant 0.5 : {element_type}",
            f"    %one = arith.constant 1.0 : {element_type}",
            f"    %scale = arith.constant 0.70710678118654752 : {element_type}",
            f"    %t = arith.mulf %a, %scale : {element_type}",
            f"    %e = math.erf %t : {element_type}",
            f"    %p = arith.addf %e, %one : {element_type}",
            f"    %h = arith.mulf %a, %half : {element_type}",
            f"    %g = arith.mulf %h, %p : {element_type}",
            f"    linalg.yield %g : {element_type}",
            f"  }} -> {y_type}",
        ]
        return n("gelu")

    def write(self, stream):
        stream.write(
            "#mk = affine_map<(m, n, k) -> (m, k)>\n"
            "#nk = affine_map<(m, n, k) -> (n, k)>\n"
            "#mn = affine_map<(m, n, k) -> (m, n)>\n"
            "#id = affine_map<(m, n) -> (m, n)>\n"
            "#row = affine_map<(m, n) -> (n)>\n\n"
        )
        stream.write("\n".join(self.lines))
        if not self.resources:
            stream.write("\n")
            return
        # The first four bytes of a resource are its alignment.
        alignment = struct.pack("<I", RESOURCE_ALIGNMENT).hex()
        stream.write("\n\n{-#\n  dialect_resources: {\n    builtin: {\n")
        separator = ""
        for key, array in self.resources.items():
            little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            stream.write(f'{separator}      {key}: "0x{alignment}')
            stream.write(little.tobytes().hex())
            stream.write('"')
            separator = ",\n"
        stream.write("\n    }\n  }\n#-}\n")


def write_module(stream, layers, tokens=None, blocks=()):
    """Writes a module with a function for each layer and each block.

    `tokens` is the number of rows of the activations, None for a dynamic one.
    """
    writer = _Writer(tokens)
    for layer in layers:
        writer.function(layer.name, [layer])
    for name, members in blocks:
        writer.function(name, members)
    writer.write(stream)


def parse_tokens(text):
    """Reads the --tokens option: a number, or '?' for a dynamic size."""
    if text in ("?", "dynamic"):
        return None
    tokens = int(text)
    if tokens < 1:
        raise argparse.ArgumentTypeError("must be 1 or more, or '?'")
    return tokens


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m sparse24.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("checkpoint", help="a .safetensors file")
    parser.add_argument("-o", "--output", required=True, help="the .mlir file to write")
    parser.add_argument("--tokens", type=parse_tokens, default=None, metavar="N",
                        help="rows of the activations; '?' (the default) leaves them dynamic")
    parser.add_argument("--layers", nargs="+", default=["*"], metavar="GLOB",
                        help="only functions with matching names, such as 'layer_0_*'")
    parser.add_argument("--blocks", action="store_true", help="also export feed-forward blocks")
    parser.add_argument("--reference", action="store_true",
                        help="leave the weights in the checkpoint and name them")
    options = parser.parse_args(arguments)
    layers = load_layers(options.checkpoint, options.layers, options.reference)
    if not layers:
        parser.error("no linear layer matches")
    blocks = feed_forward_blocks(layers) if options.blocks else []
    with open(Path(options.output), "w", encoding="ascii") as stream:
        write_module(stream, layers, options.tokens, blocks)
    print(f"{len(layers)} layers, {len(blocks)} blocks", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())

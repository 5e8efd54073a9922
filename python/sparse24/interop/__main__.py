"""Converts the 2:4 sparse weights of safetensors checkpoints between forms.

    python -m sparse24.interop list model.safetensors
    python -m sparse24.interop convert model.safetensors -o sparse.safetensors --to compressed-tensors
    python -m sparse24.interop convert model-directory -o dense-directory --to dense

The forms of a weight, and the tensors that a layer X then has:

    dense               X.weight
    compressed-tensors  X.compressed, X.bitmask, X.shape    sparse-24-bitmask (read by versions before 0.15)
    sparse-bitmask      those three and X.row_offsets       read, not written
    logical             X.values, X.metadata, X.shape       sparse24's own (docs/Formats.md)

Nothing is pruned: a dense weight that isn't 2:4 stays dense, and other tensors are copied. (F32 keeps two of four in
compressed-tensors, but as tf32 one of two in the logical form.) Weights go through memory one at a time. A directory is
a model with its config.json, in one .safetensors file or several.
"""

import argparse
import json
import shutil
import sys
from pathlib import Path

from sparse24.interop import layers as forms
from sparse24.interop import logical
from sparse24.interop.checkpoint import INDEX, Reader
from sparse24.progress import Progress


def sparsity_config(result):
    """Gives `sparsity_config` of a model's config.json; None if no weight is compressed.

    `result` maps each layer's name to its form.
    """
    if "compressed-tensors" not in result.values():
        return None
    if "sparse-bitmask" in result.values():
        raise ValueError("a model is in sparse-24-bitmask or in sparse-bitmask, not both; "
                         "leave out --layers to convert all, or convert to dense")
    dense = [name for name, form in result.items() if form == "dense"]
    return {"format": "sparse-24-bitmask", "sparsity_structure": "2:4", "global_sparsity": 0.5, "targets": ["Linear"],
            "ignore": dense}


def updated_config(config, sparsity):
    """Gives a model's config.json with that `sparsity_config`, or without any."""
    quantization = dict(config.get("quantization_config") or {})
    quantization.pop("sparsity_config", None)
    if sparsity is not None:
        quantization = {"quant_method": "compressed-tensors", **quantization, "sparsity_config": sparsity}
    elif "config_groups" not in quantization and quantization.get("quant_method") == "compressed-tensors":
        quantization = {}
    config = {key: value for key, value in config.items() if key != "quantization_config"}
    return {**config, "quantization_config": quantization} if quantization else config


def convert(options, fail):
    """Carries out `convert`; fail() ends the program with a message."""
    source, output = Path(options.checkpoint), Path(options.output)
    if output.is_dir() and not source.is_dir():
        output = output / source.name
    if output.exists() and output.resolve() == source.resolve():
        fail("the output is the input; give another name")
    reader, progress = Reader(source), Progress()
    layers, refused = forms.plan(reader, options.to, options.layers, progress)
    progress.finish()
    for layer, reason in refused.items():
        print(f"{layer.name} stays {layer.form}: {reason}", file=sys.stderr)
    if not layers:
        fail(f"no weight to convert to {options.to}" + ("" if refused else "; see what 'list' shows"))

    # What can fail comes before anything is written.
    result = {layer.name: layer.form for layer in forms.find_layers(reader)}
    result.update((layer.name, options.to) for layer in layers)
    sparsity = sparsity_config(result)
    if source.is_dir():
        output.mkdir(parents=True, exist_ok=True)
        for file in source.iterdir():
            if file.is_file() and file not in reader.files:
                shutil.copyfile(file, output / file.name)
    index = forms.write(reader, layers, options.to, output, progress)
    if not source.is_dir():
        if sparsity is not None:
            print("Say so in the model's config.json:\n" + json.dumps(updated_config({}, sparsity)), file=sys.stderr)
        return
    if len(reader.files) > 1 or (source / INDEX).exists():
        (output / INDEX).write_text(json.dumps(index, indent=2) + "\n", encoding="utf-8")
    if (source / "config.json").exists():
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
        text = json.dumps(updated_config(config, sparsity), indent=2) + "\n"
        (output / "config.json").write_text(text, encoding="utf-8")


def pattern_of(layer, reader):
    """Says what a layer's form doesn't: whether a dense weight is 2:4."""
    if layer.form != "dense":
        return ""
    try:
        logical.from_dense(reader.read(f"{layer.name}.weight"), forms.ELEMENT_TYPES[layer.dtype])
        return "2:4"
    except logical.NotSparseError as error:
        return str(error).split(",")[0]


def list_layers(options, fail):
    """Carries out `list`."""
    reader = Reader(options.checkpoint)
    layers = forms.find_layers(reader)
    if not layers:
        fail("no weights in a form that is known")
    width = max(len(layer.name) for layer in layers)
    for layer in layers:
        line = f"{layer.name:<{width}}  {layer.rows:>7} x {layer.k:<7} {layer.dtype:<8} {layer.form:<18}"
        print(f"{line} {pattern_of(layer, reader)}".rstrip())


def main(arguments=None):
    parser = argparse.ArgumentParser(prog="python -m sparse24.interop", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    command = commands.add_parser("list", help="show each weight with its shape, type and form")
    command.add_argument("checkpoint", help="a .safetensors file, or a directory of them")
    command.set_defaults(run=list_layers, fail=command.error)
    command = commands.add_parser("convert", help="write a checkpoint with its sparse weights in another form")
    command.add_argument("checkpoint", help="a .safetensors file, or a directory of them")
    command.add_argument("-o", "--output", required=True, help="the file or directory to write")
    command.add_argument("--to", required=True, choices=forms.TARGETS, help="the form of the weights")
    command.add_argument("--layers", nargs="+", default=["*"], metavar="GLOB",
                         help="only layers with matching names, such as 'model.layers.0.*' (default: all)")
    command.set_defaults(run=convert, fail=command.error)
    options = parser.parse_args(arguments)
    try:
        options.run(options, options.fail)
    except (OSError, ValueError) as error:
        options.fail(str(error))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Compiles the linear layers of a BERT-like model and checks every output.

    python -m sparse24.minilm --model model.safetensors \\
        --prune magnitude --precision bf16

takes each linear layer of the checkpoint (all-MiniLM-L6-v2 has 37), compiles
them for a GPU, and runs them on random activations: on the GPU if there is one,
else by the CPU lowering. The table says, layer by layer,

    weight      outputs x inputs
    taken       whether it became sparse; if not, the note says why
    kept        share of the squared norm of the weight that pruning kept
    bytes       of the weight before, and in the packed file after
    error       largest error against a float64 product of the same weights
    of bound    the same in units of the allowed error; more than 1 is wrong
    time        of one call on the GPU, with its conversions, in a replayed graph

Pruning and lower precision change results, so that they have to be asked for.
The status is 0 only if every element of every output is right.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np

from sparse24 import compiler, cpu, driver, export, pattern, reference, runtime, tools
from sparse24.progress import Progress

DEFAULT_TOKENS = 128


@dataclass
class Row:
    """One layer's line in the table."""

    layer: export.Layer
    is_taken: bool = False
    note: str = ""
    kept: Optional[float] = None
    bytes_before: int = 0
    bytes_after: Optional[int] = None
    error: float = float("nan")
    of_bound: float = float("inf")
    microseconds: Optional[float] = None

    @property
    def is_right(self):
        return self.of_bound <= 1


def make_row(layer, remark):
    """Makes a layer's row from what the compiler said about it."""
    row = Row(layer, bytes_before=layer.weight.nbytes)
    if remark is None:
        row.note = "the compiler said nothing about it"
        return row
    row.is_taken = remark.is_taken
    if row.is_taken:
        row.kept = remark.number("NormKept")
        after = remark.number("BytesAfter")
        row.bytes_after = None if after is None else int(after)
    else:
        parts = (remark.arguments.get("Reason"), remark.arguments.get("Fix"))
        row.note = "; ".join(part for part in parts if part)
    return row


def check(row, x, actual, prune, precision):
    """Compares an output with the float64 product of the same weights."""
    layer, weight = row.layer, row.layer.weight
    if row.is_taken:
        # The element type that is multiplied; weights are rounded, then pruned.
        kind = precision if layer.element_type == "f32" else layer.element_type
        weight, x = pattern.round_to(weight, kind), pattern.round_to(x, kind)
        if prune != "none":
            rounded, weight = weight, pattern.prune(weight, kind, prune)
            kept = pattern.norm_kept(rounded, weight)
            if row.kept is not None and abs(kept - row.kept) > 1e-3:
                row.note = f"the compiler kept {row.kept:.4f} of the norm, the reference {kept:.4f}"
                return
    expected, bound = reference.linear(x, weight, layer.bias, layer.activation, layer.element_type)
    row.error, row.of_bound = reference.compare(actual, expected, bound)


def run_on_gpu(artifact, rows, inputs, progress):
    """Gives each layer's output, and puts its time into its row."""
    progress.step(f"running on {driver.get().device_name()}", len(rows))
    for index, (row, x) in enumerate(zip(rows, inputs)):
        with runtime.Function(artifact, row.layer.name) as function:
            actual = function(x)
            device_x = driver.DeviceArray.from_numpy(x)
            device_y = driver.DeviceArray(actual.shape, actual.dtype)
            row.microseconds = driver.time_microseconds(
                lambda stream: function.run(stream, device_x, device_y))
        progress.advance(index + 1)
        yield actual


def run_on_cpu(artifact, rows, inputs, progress):
    """Gives each layer's output."""
    progress.step("running the CPU lowering", len(rows))
    calls = [cpu.Call(row.layer.name, [x], [((len(x), row.layer.outputs), row.layer.element_type)])
             for row, x in zip(rows, inputs)]
    for (actual,), _ in cpu.run(artifact.llvm_module, calls, lambda done: progress.advance(done + 1)):
        yield actual


def format_table(rows):
    """Gives the table as text, notes below."""
    notes = {}
    lines = [("layer", "weight", "taken", "kept", "bytes", "error", "of bound", "time")]
    for row in rows:
        mark = ""
        if row.note:
            # Notes that differ in nothing but numbers are one.
            pattern_of_note = re.sub(r"\d+", "#", row.note)
            number = notes.setdefault(pattern_of_note, (len(notes) + 1, row))[0]
            mark = f" [{number}]"
        lines.append((
            row.layer.name,
            f"{row.layer.outputs}x{row.layer.inputs}",
            ("yes" if row.is_taken else "no") + mark,
            "-" if row.kept is None else f"{100 * row.kept:.1f} %",
            f"{row.bytes_before} -> {row.bytes_before if row.bytes_after is None else row.bytes_after}",
            f"{row.error:.2e}",
            f"{row.of_bound:.3f}" + ("" if row.is_right else " WRONG"),
            "-" if row.microseconds is None else f"{row.microseconds:.1f} us",
        ))
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    text.insert(1, "  ".join("-" * width for width in widths))
    for number, first in notes.values():
        text.append(f"[{number}] {first.layer.name}: {first.note}")
    return "\n".join(text)


def format_summary(rows):
    taken = [row for row in rows if row.is_taken]
    before = sum(row.bytes_before for row in rows)
    after = sum(row.bytes_before if row.bytes_after is None else row.bytes_after for row in rows)
    wrong = sum(not row.is_right for row in rows)
    return (f"{len(taken)} of {len(rows)} layers sparse; weights {before / 1e6:.1f} MB -> {after / 1e6:.1f} MB; "
            + ("every output within its error bound" if not wrong else f"{wrong} layers WRONG"))


def run(options, progress):
    """Does it all; gives the rows of the table."""
    output = Path(options.output)
    output.mkdir(parents=True, exist_ok=True)
    progress.step("reading the linear layers")
    layers = export.load_layers(options.model, options.layers)
    if not layers:
        raise ValueError(f"{options.model}: no linear layer matches {' '.join(options.layers)}")
    has_gpu = options.target != "cpu" and driver.is_available()
    targets = [options.target] if has_gpu or options.target == "cpu" else [options.target, "cpu"]
    if options.reuse:
        artifacts = [compiler.load(output / target) for target in targets]
    else:
        module = output / "model.mlir"
        with open(module, "w", encoding="ascii") as stream:
            export.write_module(stream, layers, options.tokens)
        artifacts = []
        for target in targets:
            progress.step(f"compiling for {target}")
            artifacts.append(
                compiler.compile(module, output / target, target, options.prune, options.precision))
    artifact = artifacts[0]

    by_layer = {remark.arguments.get("Layer"): remark for remark in artifact.products}
    rows = [make_row(layer, by_layer.get(layer.name)) for layer in layers]
    random = np.random.default_rng(24)
    inputs = [random.standard_normal((options.tokens or DEFAULT_TOKENS, layer.inputs), np.float32)
              .astype(layer.weight.dtype) for layer in layers]
    if has_gpu:
        outputs = run_on_gpu(artifact, rows, inputs, progress)
    else:
        outputs = run_on_cpu(artifacts[-1], rows, inputs, progress)
    for row, x, actual in zip(rows, inputs, outputs):
        check(row, x, actual, options.prune, options.precision)
    progress.finish()
    where = driver.get().device_name() if has_gpu else "the CPU lowering"
    made = [path for path in (artifact.ptx, artifact.cubin, artifact.weights, artifact.library) if path.exists()]
    return rows, where, made


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m sparse24.minilm",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, help="a .safetensors checkpoint")
    parser.add_argument("--output", default="minilm", help="where the artefacts go (default: minilm/)")
    parser.add_argument("--tokens", type=export.parse_tokens, default=DEFAULT_TOKENS, metavar="N",
                        help=f"rows of the activations (default: {DEFAULT_TOKENS}); '?' compiles for any number")
    parser.add_argument("--layers", nargs="+", default=["*"], metavar="GLOB",
                        help="only layers with matching names, such as 'layer_0_*'")
    parser.add_argument("--reuse", action="store_true",
                        help="compile nothing: run what an earlier call, with the same options, left in --output, "
                             "perhaps on another machine")
    compiler.add_arguments(parser)
    options = parser.parse_args(arguments)
    if options.precision == "tf32":
        parser.error("the reference has no tf32: choose bf16 or f16")
    try:
        rows, where, made = run(options, Progress())
    except (OSError, ValueError, tools.ToolError, driver.CudaError, runtime.Sparse24Error) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(format_table(rows))
    print()
    print(f"ran on {where}")
    for path in made:
        print(f"made {path} ({path.stat().st_size} bytes)")
    print(format_summary(rows))
    return 0 if all(row.is_right for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

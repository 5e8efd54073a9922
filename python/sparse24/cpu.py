"""Runs functions of a lowered module through MLIR's JIT: sparse24-run, sparse24-emulate."""

import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

import numpy as np

from sparse24 import tools

_NUMPY_TYPES = {"f64": np.float64, "f32": np.float32, "f16": np.float16, "i64": np.int64, "i32": np.int32, "i8": np.int8}


@dataclass
class Call:
    """One call: the inputs, and shape and element type of each output."""

    entry: str
    inputs: List[np.ndarray]
    outputs: List[Tuple[Tuple[int, ...], str]]


def run(module, calls, on_done=None, tool="sparse24-run"):
    """Runs the calls in one process; gives (outputs, milliseconds) for each.

    `module` is the path of an LLVM-dialect module, made by sparse24-opt with
    target=cpu, or with a GPU where the tool is sparse24-emulate: then anything
    wrong with a kernel is an error, too. `on_done(index)` is called as each call ends. What a function
    leaves unwritten is NaN (all bits one). A bf16 output comes as 16-bit words.
    """
    with tempfile.TemporaryDirectory(prefix="sparse24-") as directory:
        batch = Path(directory) / "calls"
        outputs = _write_batch(batch, calls)
        times = _run_batch(tool, module, batch, on_done)
        return [
            ([_read(path, kind) for path, kind in files], time)
            for files, time in zip(outputs, times)
        ]


def _write_batch(batch, calls):
    """Writes inputs and the list of calls; gives the files of each one's outputs."""
    lines, outputs = [], []
    for index, call in enumerate(calls):
        words = [f"--entry={call.entry}"]
        for number, array in enumerate(call.inputs):
            path = batch.with_name(f"{index}.{number}.in.npy")
            np.save(path, np.ascontiguousarray(array))
            words.append(f"--input={path}")
        files = []
        for number, (shape, kind) in enumerate(call.outputs):
            path = batch.with_name(f"{index}.{number}.out.npy")
            words.append(f"--output={path}:{'x'.join(map(str, [*shape, kind]))}")
            files.append((path, kind))
        lines.append(" ".join(words))
        outputs.append(files)
    batch.write_text("\n".join(lines) + "\n")
    return outputs


def _run_batch(tool, module, batch, on_done):
    command = [tools.find(tool), str(module), f"--batch={batch}"]
    times = []
    with tempfile.TemporaryFile("w+") as errors:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=errors, text=True) as process:
            for line in process.stdout:
                times.append(float(line.rsplit("\t", 1)[1]))
                if on_done is not None:
                    on_done(len(times) - 1)
        if process.returncode:
            errors.seek(0)
            raise tools.ToolError(f"{tool} failed with status {process.returncode}:\n{errors.read().strip()}")
    return times


def _read(path, kind):
    array = np.load(path)
    return array if kind in _NUMPY_TYPES else array.view(np.uint16 if array.itemsize == 2 else np.uint8)

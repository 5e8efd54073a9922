"""Runs the kernels of a Suite in the emulator."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import dataclasses
import re
import subprocess

import numpy as np

from writer import inputs_of


@dataclasses.dataclass(frozen=True)
class Finding:
    kind: str
    opcode: str
    message: str


_FINDING = re.compile(r"^(?P<file>[^:\n]+):(?P<line>\d+):\d+: error: (?P<kind>[a-z-]+): (?P<message>.*) \[(?P<opcode>[^,]+),",
                      re.M)


def emulate(tool, suite, directory, inputs=inputs_of, kernels=None):
    """Gives for each kernel its results (threads × words) and its findings."""
    kernels = suite.kernels if kernels is None else kernels
    ir = suite.ir(separate=True)
    module = directory / "kernels.mlir"
    module.write_text(ir)
    lines = []
    for k in kernels:
        np.save(directory / f"{k.name}.in.npy", inputs(k))
        source = f"{directory}/{k.name}.in.npy"
        if k.box:
            words, rows, swizzle = k.box
            source = f"map({rows}x{words},{swizzle}):{source}"
        lines.append(f"--kernel={k.name} --block={k.threads} --grid={k.cluster} --cluster={k.cluster} --arg={source} "
                     f"--arg={directory}/{k.name}.out.npy:{k.rows}x{k.num_out}xi32")
    batch = directory / "batch.txt"
    batch.write_text("\n".join(lines) + "\n")
    process = subprocess.run([tool, module, f"--batch={batch}"], capture_output=True, text=True, check=False)
    ran = {line.split("\t")[0] for line in process.stdout.splitlines()}
    missing = [k.name for k in kernels if k.name not in ran]
    if missing:
        raise RuntimeError(f"{len(missing)} kernels didn't run, the first {missing[0]}:\n{process.stderr[:4000]}")

    owners = {}
    owner = None
    for number, line in enumerate(ir.splitlines(), 1):
        if match := re.match(r"\s*llvm\.func @(\w+)\(", line):
            owner = match.group(1)
        owners[number] = owner
    findings = {k.name: [] for k in kernels}
    for match in _FINDING.finditer(process.stderr):
        findings[owners[int(match["line"])]].append(Finding(match["kind"], match["opcode"], match["message"]))
    return {k.name: (np.load(directory / f"{k.name}.out.npy").view(np.uint32), findings[k.name]) for k in kernels}

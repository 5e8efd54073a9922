"""Compiles MLIR to what runs.

    python -m sparse24.compiler model.mlir -o model/ --target sm_80 \\
        --prune magnitude --precision bf16

makes an artefact, a directory that can be carried to another machine:

    model.so       host code with the kernels in it (`sparse24.runtime` calls it)
    model.weights  the compressed weights
    model.ptx      the kernels
    model.cubin    the same, assembled, where the CUDA Toolkit is installed
    remarks.yaml   what was taken or left dense, and why
    manifest.json  the functions and their types

For the target `cpu` it makes model.llvm.mlir, an LLVM-dialect module for
`sparse24.cpu`, with remarks and manifest.
"""

import argparse
import json
import os
import re
import sys
import tempfile
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, List

from sparse24 import pattern, tools
from sparse24.remarks import Remark, read_remarks

TARGETS = ("cpu", "sm_80", "sm_86", "sm_89", "sm_90", "sm_90a", "sm_100a", "sm_120a")


@dataclass
class Artifact:
    """What a compilation made. `functions` maps names to types, as text."""

    directory: Path
    target: str
    functions: Dict[str, Dict[str, List[str]]]
    remarks: List[Remark] = field(default_factory=list)

    @property
    def products(self):
        """The remarks that say of each product whether it became sparse."""
        return [remark for remark in self.remarks if remark.name == "sparse24-detect"]

    @property
    def library(self):
        return self.directory / "model.so"

    @property
    def weights(self):
        return self.directory / "model.weights"

    @property
    def ptx(self):
        return self.directory / "model.ptx"

    @property
    def cubin(self):
        return self.directory / "model.cubin"

    @property
    def llvm_module(self):
        return self.directory / "model.llvm.mlir"


def load(directory):
    """Opens an artefact that was made before."""
    directory = Path(directory).resolve()
    manifest = json.loads((directory / "manifest.json").read_text())
    return Artifact(directory, manifest["target"], manifest["functions"],
                    read_remarks(directory / "remarks.yaml"))


def compile(module, directory, target="sm_80", prune="none", precision="none", checkpoints=(), slide=False,
            permute="none"):
    """Compiles the MLIR file `module` into `directory`; gives the Artifact.

    `prune` and `precision` are permissions: with "none" only weights that are
    2:4 already, in types that kernels multiply, become sparse. `checkpoints` are
    safetensors files that the module's `sparse24.weight` operations name tensors of;
    one weight at a time is brought into memory.
    `slide` makes weights of 4:6 to 10:12 2:4, without loss; `permute` lets pruning
    keep more. Both are for speed or accuracy only: see --help.
    """
    directory, module = Path(directory).resolve(), Path(module).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    artifact = Artifact(directory, target, signatures(module))
    for stale in ("manifest.json", "remarks.yaml", "model.ptx", "model.cubin", "model.weights"):
        (directory / stale).unlink(missing_ok=True)

    is_cpu = target == "cpu"
    options = {"target": target, "prune": prune, "precision": precision, "slide": str(bool(slide)).lower(),
               "permute": permute, "format": "llvm" if is_cpu else "isa"}
    if not is_cpu:
        options.update({"weights-file": artifact.weights.name, "kernels-file": artifact.ptx.name})
    # In the directory, for the options' syntax allows few characters in names.
    with tempfile.TemporaryDirectory(prefix="checkpoints_", dir=directory) as links:
        if checkpoints:
            options["checkpoints"] = ",".join(_link_checkpoints(checkpoints, Path(links)))
        pipeline = " ".join(f"{key}={value}" for key, value in options.items())
        tools.run([tools.find("sparse24-opt"), module, "-o", artifact.llvm_module,
                   f"--sparse24-pipeline={pipeline}",
                   "--remarks-filter=^sparse24", "--remark-format=yaml",
                   "--remarks-output-file=remarks.yaml"], cwd=directory)
    artifact.remarks = read_remarks(directory / "remarks.yaml")
    if not is_cpu:
        _link(artifact)
        _assemble(artifact)
    manifest = {"target": target, "prune": prune, "precision": precision, "slide": bool(slide), "permute": permute,
                "functions": artifact.functions}
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return artifact


def _link_checkpoints(checkpoints, links):
    """Gives the checkpoints names that the options' syntax allows, relative to the artefact."""
    for index, checkpoint in enumerate(checkpoints):
        if not Path(checkpoint).is_file():
            raise tools.ToolError(f"{checkpoint}: there is no such checkpoint")
        link = links / f"{index}.safetensors"
        link.symlink_to(Path(checkpoint).resolve())
        yield f"{links.name}/{link.name}"


def _link(artifact):
    """Makes the shared library, with the runtime inside."""
    llvm_ir, object_file = artifact.directory / "model.ll", artifact.directory / "model.o"
    tools.run([tools.find_llvm("mlir-translate"), "--mlir-to-llvmir", artifact.llvm_module, "-o", llvm_ir])
    tools.run([tools.find_llvm("llc"), "-O2", "-filetype=obj", "-relocation-model=pic", llvm_ir, "-o", object_file])
    # These two are for callers; nothing in the object asks the linker for them.
    wanted = ["-Wl,-u,sparse24StatusString", "-Wl,-u,sparse24LastError"]
    tools.run([os.environ.get("CXX", "c++"), "-shared", "-o", artifact.library, object_file, *wanted,
               *tools.runtime_archives(), "-static-libstdc++", "-static-libgcc", "-ldl", "-lpthread"])
    llvm_ir.unlink()
    object_file.unlink()


def _assemble(artifact):
    """Makes a cubin of the PTX, where ptxas is installed and new enough."""
    ptxas = tools.find_ptxas()
    if ptxas is None or not artifact.ptx.exists():
        return
    try:
        tools.run([ptxas, f"-arch={artifact.target}", artifact.ptx, "-o", artifact.cubin])
    except tools.ToolError as error:
        warnings.warn(f"no cubin, only PTX: {error}", stacklevel=3)


def signatures(module):
    """Gives the public functions of an MLIR file: name -> inputs and outputs."""
    text, _ = tools.run([tools.find("sparse24-opt"), module, "--mlir-print-op-generic",
                         "--mlir-elide-elementsattrs-if-larger=4", "--mlir-elide-resource-strings-if-larger=4",
                         "--remarks-filter="])
    functions = {}
    for properties in re.findall(r'"func\.func"\(\) <\{(.*?)\}> \(\{', text):
        if 'sym_visibility = "private"' in properties:
            continue
        name = re.search(r'sym_name = "([^"]*)"', properties)[1]
        inputs, outputs = _split_function_type(re.search(r"function_type = (.*?)(?:, sym_|, res_attrs|$)", properties)[1])
        functions[name] = {"inputs": inputs, "outputs": outputs}
    return functions


def _split_function_type(text):
    """Splits "(A, B) -> C" or "(A) -> (C, D)" into lists of types."""
    inputs, _, outputs = text.partition(" -> ")
    return [[part for part in side.strip("()").split(", ") if part] for side in (inputs, outputs)]


_TENSOR = re.compile(r"^tensor<((?:(?:\d+|\?)x)*)(\w+)>$")


def parse_tensor(text):
    """Gives (shape, element type) of "tensor<?x384xf32>"; a dynamic size is None."""
    match = _TENSOR.match(text)
    if not match:
        raise ValueError(f"'{text}' is not a plain tensor type")
    sizes = [None if size == "?" else int(size) for size in match[1].split("x") if size]
    return tuple(sizes), match[2]


def add_arguments(parser):
    """Adds the options that say what to compile for."""
    parser.add_argument("--target", choices=TARGETS, default="sm_80",
                        help="what to compile for (default: sm_80)")
    parser.add_argument("--prune", choices=("none", *pattern.CRITERIA), default="none",
                        help="permit pruning weights that aren't 2:4 (default: none, they stay dense): keep of each "
                             "four the two of largest magnitude, of largest importance, or of largest magnitude "
                             "times norm of the activations (wanda; the last two need attributes sparse24.scores); "
                             "or those of each four by four that leave the transposed weight 2:4, too (transposable)")
    parser.add_argument("--precision", choices=("none", "bf16", "f16", "tf32"), default="none",
                        help="permit multiplying f32 operands in this type (default: none, they stay dense)")


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m sparse24.compiler",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("module", help="an MLIR file: linalg on tensors")
    parser.add_argument("-o", "--output", required=True, help="the directory to make")
    parser.add_argument("--checkpoint", nargs="+", default=[], metavar="FILE",
                        help="safetensors files that the module names weights of (see sparse24.export --reference)")
    add_arguments(parser)
    parser.add_argument("--slide", action="store_true",
                        help="also take weights with at most 4 nonzeros in 6, 6 in 8, 8 in 10 or 10 in 12, without loss: "
                             "they are spread over overlapping windows of four, and the activations gathered to match. "
                             "Pays for large products only (at best 1.5, 1.33, 1.25 and 1.2 times as fast as dense)")
    parser.add_argument("--permute", choices=("none", "producers", "all"), default="none",
                        help="reorder the channels of weights that are pruned by magnitude, so that more of the norm is "
                             "kept: where the order can be folded into the layer before (producers: nothing is left at "
                             "run time), or everywhere (all: other activations are gathered by each call) (default: none)")
    options = parser.parse_args(arguments)
    try:
        artifact = compile(options.module, options.output, options.target, options.prune, options.precision,
                           options.checkpoint, options.slide, options.permute)
    except tools.ToolError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    taken = sum(remark.is_taken for remark in artifact.products)
    print(f"{len(artifact.functions)} functions, {taken} of {len(artifact.products)} products sparse")
    return 0


if __name__ == "__main__":
    sys.exit(main())

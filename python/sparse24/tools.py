"""Finds and runs the compiler's command-line tools."""

import glob
import os
import shlex
import shutil
import subprocess
from pathlib import Path

#: Where Debian's packages put LLVM's own tools.
LLVM_DIRECTORY = "/usr/lib/llvm-22/bin"


class ToolError(RuntimeError):
    """A tool is missing or failed; the text is what it printed."""


def _build_directory():
    default = Path(__file__).resolve().parents[2] / "build"
    return Path(os.environ.get("SPARSE24_BUILD_DIR", default))


def find(name):
    """Gives the path of one of this project's tools.

    The build directory comes first, then PATH.
    """
    built = _build_directory() / "tools" / name / name
    path = str(built) if os.access(built, os.X_OK) else shutil.which(name)
    if path is None:
        raise ToolError(f"{name} not found: build the project, or put it on PATH")
    return path


def find_llvm(name):
    """Gives the path of one of LLVM 22's tools."""
    path = shutil.which(name, path=LLVM_DIRECTORY) or shutil.which(name + "-22")
    if path is None:
        raise ToolError(f"{name} of LLVM 22 not found")
    return path


def runtime_archives():
    """Gives the static libraries that a compiled program needs, in link order."""
    build, installed = _build_directory() / "lib", Path(find("sparse24-opt")).parents[1] / "lib"
    archives = []
    for part in ("Runtime", "Support"):
        name = f"libSparse24{part}.a"
        found = [path for path in (build / part / name, *installed.glob(f"**/{name}")) if path.exists()]
        if not found:
            raise ToolError(f"{name} not found: build the project, or install it")
        archives.append(found[0])
    return archives


def find_ptxas():
    """Gives the path of ptxas, or None where there is no CUDA Toolkit."""
    roots = [os.environ.get("CUDA_HOME", ""), *sorted(glob.glob("/usr/local/cuda*"), reverse=True)]
    candidates = [os.path.join(root, "bin") for root in roots if root]
    return shutil.which("ptxas") or shutil.which("ptxas", path=os.pathsep.join(candidates) or os.devnull)


def run(command, **options):
    """Runs a command without standard input; gives what it printed.

    Raises ToolError, with the command and its standard error, if it fails.
    """
    command = [str(word) for word in command]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, **options)
    if done.returncode:
        raise ToolError(f"{shlex.join(command)}\nfailed with status {done.returncode}:\n{done.stderr.strip()}")
    return done.stdout, done.stderr

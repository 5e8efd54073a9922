"""How lit finds and runs the tests."""

import glob
import os
import shutil
import subprocess

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "Sparse24"
config.test_format = lit.formats.ShTest(not llvm_config.use_lit_shell)
config.suffixes = [".mlir", ".test"]
config.excludes = ["Inputs", "Unit", "python", "consumer"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.sparse24_binary_dir, "test")

llvm_config.with_system_environment(["HOME", "TMP", "TEMP", "CUDA_HOME"])


def sparse24_tool(name):
    return os.path.join(config.sparse24_binary_dir, "tools", name)


def mlir_tool(name):
    return ToolSubst(name, os.path.join(config.llvm_tools_dir, name))


llvm_config.add_tool_substitutions(
    [
        ToolSubst("sparse24-emulate", sparse24_tool("sparse24-emulate/sparse24-emulate")),
        ToolSubst("sparse24-opt", sparse24_tool("sparse24-opt/sparse24-opt")),
        ToolSubst("sparse24-run", sparse24_tool("sparse24-run/sparse24-run")),
        mlir_tool("mlir-opt"),
        mlir_tool("mlir-translate"),
        mlir_tool("mlir-runner"),
        mlir_tool("llc"),
        mlir_tool("not"),
        mlir_tool("count"),
        mlir_tool("split-file"),
        ToolSubst(
            "FileCheck",
            os.path.join(config.llvm_tools_dir, "FileCheck"),
            extra_args=["-enable-var-scope", "--dump-input-filter=all"],
        ),
    ],
    [config.llvm_tools_dir],
)
config.substitutions.append(("%mlir_lib_dir", os.path.join(os.path.dirname(config.llvm_tools_dir), "lib")))
config.substitutions.append(("%python", config.python_executable))
config.substitutions.append(("%cxx", config.host_cxx))
config.substitutions.append(
    ("%check_matmul_host", os.path.join(config.test_exec_root, "Integration", "GPU", "check_matmul_host"))
)
config.substitutions.append(("%sparse24_include_dir", os.path.join(config.sparse24_source_dir, "include")))
config.substitutions.append(("%sparse24_runtime_dir", os.path.join(config.sparse24_binary_dir, "lib", "Runtime")))
config.substitutions.append(
    (
        "%sparse24_support_archive",
        os.path.join(config.sparse24_binary_dir, "lib", "Support", "libSparse24Support.a"),
    )
)
for name in ("sparse24_fake_cuda", "sparse24_old_fake_cuda"):
    config.substitutions.append(
        ("%" + name, os.path.join(config.test_exec_root, "FakeCuda", "lib" + name + ".so"))
    )


def find_packages():
    """Gives where the tests' Python has its packages."""
    command = "import sysconfig; print(sysconfig.get_path('purelib'))"
    return subprocess.run(
        [config.python_executable, "-c", command], capture_output=True, text=True, check=True
    ).stdout.strip()


def find_cuda_tool(name, packages):
    """Gives a tool of CUDA's newest Toolkit of this machine, or of Python's packages, or None."""
    candidates = [shutil.which(name)]
    for root in [os.environ.get("CUDA_HOME")] + sorted(glob.glob("/usr/local/cuda*"), reverse=True):
        candidates.append(os.path.join(root, "bin", name) if root else None)
    candidates += sorted(glob.glob(os.path.join(packages, "nvidia", "*", "bin", name)), reverse=True)
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


def compute_capability():
    """Gives the first card's compute capability times ten, or 0."""
    try:
        output = subprocess.run(
            ["nvidia-smi", "--query-gpu=compute_cap", "--format=csv,noheader"],
            capture_output=True, text=True, timeout=30, check=True,
        ).stdout
        return round(float(output.splitlines()[0]) * 10)
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return 0


packages = find_packages()
for tool in ("ptxas", "nvdisasm"):
    path = find_cuda_tool(tool, packages)
    if path:
        config.available_features.add(tool)
        config.substitutions.append(("%" + tool, path))
capability = compute_capability()
for minimum in (80, 90):
    if capability >= minimum:
        config.available_features.add("gpu-sm-gte-%d" % minimum)

"""The benchmark's parts that need no GPU: its modules, its packer, its report."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import products
import pytest

from sparse24 import tools

ROOT = Path(__file__).resolve().parents[2]
HARNESS = Path(products.__file__).parent
sys.path.insert(0, str(ROOT / "benchmarks"))
import compiled  # noqa: E402
import report  # noqa: E402


def result(name, times, **options):
    """A product of bench_matmul.py's JSON."""
    product = {"name": name, "side": "lhs", "element": "bf16", "output": "bf16", "rows": 4096, "k": 8192,
               "columns": 1024, "transpose": True, "epilogue": "", **options}
    contestants = {who: {"median_us": time, "minimum_us": time, "error": 0.5} for who, time in times.items()}
    return {**product, "contestants": contestants}


@pytest.fixture
def measured(tmp_path):
    """Two runs on one card, the second without peers. The search finds nothing better in b."""
    machine = {"device": "NVIDIA H100 80GB HBM3", "driver": "580", "maximum_clock": "1980 MHz",
               "power_limit": "700 W", "torch": "2", "cusparselt": 800, "repetitions": 5, "rest_ms": 20.0}
    a = {"ours": 100.0, "cublas": 200.0, "cusparselt": 180.0, "cusparselt_searched": 120.0}
    b = {"ours": 50.0, "cublas": 50.0, "cusparselt": 60.0, "cusparselt_searched": 70.0}
    runs = [[result("a", a), result("b", b, element="e4m3"),
             result("fused", {"ours": 110.0, "pytorch": 275.0}, epilogue="gelu")],
            [result("a", {"ours": 110.0}), result("c", {"ours": 5.0}, columns=8)]]
    paths = []
    for number, contents in enumerate(runs):
        paths.append(tmp_path / f"run{number}.json")
        paths[-1].write_text(json.dumps({**machine, "products": contents}))
    return paths


def run_report(*arguments):
    return subprocess.run([sys.executable, ROOT / "benchmarks" / "report.py", *arguments],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_report(measured, tmp_path):
    done = run_report(*measured, "-o", tmp_path / "results", "--name", "h100")
    assert (done.returncode, done.stderr) == (0, "")
    lines = (tmp_path / "results" / "h100.md").read_text().splitlines()
    # Ours took 105 µs in the median: 2·4096·8192·1024 / 105 µs is 654 TFLOP/s.
    assert ("| W·Xᵀ | bf16 | 4096 | 8192 | 1024 | 105.0 (654) | 200.0 (344) | 180.0 (382) | 120.0 (573) "
            "| 1.14 | 1.90 |") in lines
    # Searched is never slower than the default.
    assert ("| W·Xᵀ | e4m3 | 4096 | 8192 | 1024 | 50.0 (1374) | 50.0 (1374) | 60.0 (1145) | 60.0 (1145) "
            "| 1.20 | 1.00 |") in lines
    assert "| W·Xᵀ | bf16 | 4096 | 8192 | 8 | 5.0 (107) | – | – | – | – | – |" in lines
    # The means leave out N = 8.
    assert "| bf16 | 1 | 1.14 | 1.90 |" in lines
    assert "| W·Xᵀ | bf16 | 4096 | 8192 | 1024 | bias, GELU, residual | 105.0 (654) | 110.0 (625) | 275.0 (250) | 2.50 |" in lines
    assert "![Rates over operations a byte](h100.png)" in lines


@pytest.mark.parametrize("flush, words", [("write", "with cold L2, in"), ("read", "with cold L2 that needn't be written back, in")])
def test_report_tells_how_l2_was_emptied(measured, tmp_path, flush, words):
    run = json.loads(measured[0].read_text())
    measured[0].write_text(json.dumps({**run, "flush": flush}))
    assert run_report(measured[0], "-o", tmp_path, "--name", "a", "--no-plot").returncode == 0
    assert words in (tmp_path / "a.md").read_text()


def test_plot(measured, tmp_path):
    assert run_report(measured[0], "-o", tmp_path).returncode == 0
    import matplotlib.image

    # Two panels of 7 × 5 inches, and not a single colour.
    image = matplotlib.image.imread(tmp_path / "run0.png")
    assert image.shape[:2] == (550, 1540)
    assert all(len(np.unique(half[..., :3].reshape(-1, 3), axis=0)) > 10 for half in np.split(image, 2, axis=1))


def test_report_refuses_different_cards(measured, tmp_path):
    measured[1].write_text(measured[1].read_text().replace("H100", "H200"))
    done = run_report(*measured, "-o", tmp_path / "results")
    assert done.returncode == 1
    assert done.stderr == "error: different cards: NVIDIA H100 80GB HBM3, NVIDIA H200 80GB HBM3\n"


def test_report_refuses_different_flushes(measured, tmp_path):
    run = json.loads(measured[1].read_text())
    measured[1].write_text(json.dumps({**run, "flush": "read"}))
    done = run_report(*measured, "-o", tmp_path / "results")
    assert done.returncode == 1
    assert done.stderr == "error: the L2 cache was emptied in different ways (--flush)\n"


def test_work_of_a_row():
    row = report.Row([result("a", {"ours": 1.0}, rows=64, k=128, columns=32)])
    assert row.operations == 2 * 64 * 128 * 32
    assert row.bytes == 64 * 128 * 2 * 0.5625 + 32 * 128 * 2 + 64 * 32 * 2


#: Stands in for a compiled function: tells what descriptor it got.
STAND_IN = """
#include <cstdint>
#include <cstring>
extern "C" {
int32_t f_create(const char *weights, void **context) { *context = new int(7); return weights != nullptr; }
int32_t _mlir_ciface_f_run(int *context, int64_t *input, int64_t *output, void *stream) {
  std::memcpy(reinterpret_cast<void *>(output[1]), input, 7 * 8);
  return *context != 7 || stream != reinterpret_cast<void *>(24);
}
int32_t f_destroy(int *context) { delete context; return 0; }
int32_t failing_create(const char *, void **) { return 1; }
}
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    path = tmp_path_factory.mktemp("library")
    (path / "functions.cpp").write_text(STAND_IN)
    subprocess.run(["g++", "-std=c++17", "-shared", "-fPIC", f"-I{ROOT / 'include'}", "-o", path / "lib.so",
                    path / "functions.cpp", ROOT / "benchmarks" / "pack.cpp", "-Wl,--whole-archive",
                    *tools.runtime_archives(), "-Wl,--no-whole-archive", "-ldl", "-lpthread"], check=True)
    return compiled.Library(path / "lib.so")


class Tensor:
    """As much of PyTorch's as descriptors need."""

    def __init__(self, array):
        self.array, self.shape = array, array.shape

    def data_ptr(self):
        return self.array.ctypes.data

    def stride(self):
        return tuple(size // self.array.itemsize for size in self.array.strides)


def test_function(library):
    x, words = np.zeros((3, 5), np.float32), np.zeros(7, np.int64)
    with compiled.Function(library, "f") as function:
        function.run([Tensor(x), Tensor(words)], 24)
        assert words.tolist() == [x.ctypes.data, x.ctypes.data, 0, 3, 5, 5, 1]
        with pytest.raises(RuntimeError, match="f_run: "):
            function.run([Tensor(x), Tensor(words)], 25)
    with pytest.raises(RuntimeError, match="failing_create: "):
        compiled.Function(library, "failing").__enter__()


@pytest.mark.parametrize("family", products.FAMILIES)
def test_packed_sizes(library, family):
    for element in products.FAMILIES[family][0]:
        for rows, k in ((16, 32), (100, 130), (4096, 1000)):
            case = products.Case(family, "lhs", element, "f32", rows, k)
            assert library.packed_bytes(case.layout) == case.packed_bytes


def test_packer(library):
    layout = "mma_sp,s8,rows=16,k=128"
    dense = np.random.default_rng(24).integers(1, 128, (16, 128), np.int8)
    dense[:, 1::4] = dense[:, 2::4] = 0
    packed = np.zeros(library.packed_bytes(layout), np.uint8)
    library.pack(layout, dense.ctypes.data, packed.ctypes.data)
    # Register 0 of lane 0 has the first four kept elements of row 0.
    assert packed[:4].tolist() == dense[0][dense[0] != 0][:4].tolist()


def test_packer_refuses_other_texts(library):
    with pytest.raises(ValueError, match="not a layout: mma_sp,s8"):
        library.packed_bytes("mma_sp,s8")


def test_schedule_by_hand():
    case = products.Case("wgmma_sp", "lhs", "e4m3", "bf16", 64, 256)
    schedule = "wgmma_sp, tile = [64, 8, {k}], warps = [4, 1], stages = 3"
    assert "#sparse24.schedule<wgmma_sp, tile = [64, 8, 128], warps = [4, 1], stages = 3>" in case.mlir(schedule)


def make_modules(directory, *options):
    return subprocess.run([sys.executable, HARNESS / "make_modules.py", *options[:1], directory, *options[1:]],
                          capture_output=True, text=True)


def test_shapes_by_hand(tmp_path):
    made = make_modules(tmp_path, "bench", "--family", "wgmma_sp", "--shape", "5120,13824,512", "--shape", "64,128,1")
    assert made.returncode == 0, made.stderr
    cases = json.loads((tmp_path / "cases.json").read_text())
    products = {(case["side"], case["element"], case["rows"], case["k"], case["columns"]) for case in cases}
    assert products == {(side, element, *shape) for side in ("lhs", "rhs") for element in ("bf16", "e4m3", "s8")
                        for shape in ((5120, 13824, 512), (64, 128, 1))}
    assert len(cases) == len(products)


@pytest.mark.parametrize("options, message", [
    (("bench", "--shape", "5120,512"), "invalid shape value: '5120,512'"),
    (("bench", "--shape", "0,64,8"), "invalid shape value: '0,64,8'"),
    (("check", "--shape", "64,64,8"), "--shape is for bench")])
def test_wrong_shapes(tmp_path, options, message):
    made = make_modules(tmp_path, *options)
    assert made.returncode == 2
    assert message in made.stderr


@pytest.mark.parametrize("family, target, elements", [
    ("mma_sp", "sm_90", {"bf16", "f16"}), ("wgmma_sp", "sm_90a", {"bf16", "f16", "e4m3", "s8"})])
def test_modules_compile(tmp_path, family, target, elements):
    assert make_modules(tmp_path, "bench", "--family", family).returncode == 0
    cases = json.loads((tmp_path / "cases.json").read_text())
    assert {case["element"] for case in cases} == elements
    assert {"bias_gelu", "gelu"} <= {case["epilogue"] for case in cases}
    for line in (tmp_path / "modules.txt").read_text().splitlines():
        module, *options = line.split()
        subprocess.run([tools.find("sparse24-opt"), tmp_path / f"{module}.mlir", "-o", tmp_path / "out.mlir",
                        "--remarks-filter=",
                        f"--sparse24-pipeline=target={target} format=isa kernels-file={tmp_path}/out.ptx {' '.join(options)}"],
                       check=True)
        kernels = (tmp_path / "out.ptx").read_text()
        assert f".entry matmul_{family}_" in kernels
        functions = (tmp_path / "out.mlir").read_text()
        assert all(f"@_mlir_ciface_{case['name']}_run(" in functions for case in cases
                   if module == f"{case['side']}_{case['element']}")

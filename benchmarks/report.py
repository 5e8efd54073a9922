#!/usr/bin/env python3
"""Makes a table and a roofline plot of what bench_matmul.py measured.

    report.py RESULT.json… -o benchmarks/results

writes NAME.md and NAME.png (NAME: --name, or that of the first file). Several files
are several runs on one card: of a product that is in more than one, the medians'
median counts. The plot needs `pip install matplotlib`; --no-plot leaves it out.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import json
import math
import statistics
import sys
from pathlib import Path

PEERS = {"cublas": "cuBLAS", "cusparselt": "cuSPARSELt", "cusparselt_searched": "searched"}
#: What is fused, in words.
EPILOGUES = {"bias_gelu": "bias, GELU", "gelu": "bias, GELU, residual"}
BYTES = {"bf16": 2, "f16": 2, "e4m3": 1, "s8": 1, "f32": 4, "s32": 4}
#: What a GPU's data sheet says: bytes a second, and dense operations a second on
#: elements of 2 bytes; 2:4 sparsity and elements of 1 byte each give twice as many.
CARDS = {"H100 80GB HBM3": (3.35e12, 989e12), "H100 PCIe": (2.0e12, 756e12), "H200": (4.8e12, 989e12)}


class Row:
    """One product and the times of its contestants in microseconds."""

    def __init__(self, runs):
        first = runs[0]
        self.side, self.element, self.output = first["side"], first["element"], first["output"]
        self.m, self.k, self.n = first["rows"], first["k"], first["columns"]
        self.by_columns = (self.side == "lhs") == first["transpose"]
        self.epilogue = first["epilogue"]
        # Some runs may be without peers.
        medians = {}
        for run in runs:
            for name, result in run["contestants"].items():
                medians.setdefault(name, []).append(result["median_us"])
        self.times = {name: statistics.median(values) for name, values in medians.items()}
        self.is_fused = "pytorch" in self.times
        # The default algorithm is one of those that a search may choose.
        if "cusparselt" in self.times:
            self.times["cusparselt_searched"] = min(self.times.get("cusparselt_searched", math.inf),
                                                    self.times["cusparselt"])

    @property
    def formula(self):
        """What is multiplied, as the operands lie in memory; W is M × K."""
        if self.side == "lhs":
            return "W·Xᵀ" if self.by_columns else "W·X"
        return "X·Wᵀ" if self.by_columns else "Xᵀ·Wᵀ"

    @property
    def operations(self):
        return 2 * self.m * self.n * self.k

    @property
    def bytes(self):
        """What has to be moved: the packed weight, the activations, the output."""
        element = BYTES[self.element]
        weight = self.m * self.k * element * (0.5 + (0.125 if element == 1 else 0.0625))
        return weight + self.n * self.k * element + self.m * self.n * BYTES[self.output]

    def rate(self, name):
        """Dense-equivalent operations a second."""
        return self.operations / (self.times[name] * 1e-6)

    def speed_up(self, name):
        """How many times faster ours is; None where there is nothing to compare."""
        return self.times[name] / self.times["ours"] if name in self.times else None


def read(paths):
    """The machine of the first file, and the rows of all."""
    results = [json.loads(path.read_text(encoding="utf-8")) for path in paths]
    devices = {result["device"] for result in results}
    if len(devices) > 1:
        raise SystemExit(f"error: different cards: {', '.join(sorted(devices))}")
    if len({result.get("flush", "write") for result in results}) > 1:
        raise SystemExit("error: the L2 cache was emptied in different ways (--flush)")
    runs = {}
    for result in results:
        for product in result["products"]:
            runs.setdefault(product["name"], []).append(product)
    return results[0], [Row(products) for products in runs.values()]


def geometric_mean(values):
    return math.exp(statistics.fmean(map(math.log, values)))


def table(header, rows):
    lines = [header, ["---"] * len(header), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)


def cell(row, name):
    return f"{row.times[name]:.1f} ({row.rate(name) / 1e12:.0f})" if name in row.times else "–"


def ratio(value):
    return f"{value:.2f}" if value else "–"


def results_table(rows):
    return table(
        ["", "type", "M", "K", "N", "ours", *PEERS.values(), "ours / searched", "ours / cuBLAS"],
        [[row.formula, row.element, row.m, row.k, row.n, cell(row, "ours"), *(cell(row, name) for name in PEERS),
          ratio(row.speed_up("cusparselt_searched")), ratio(row.speed_up("cublas"))] for row in rows])


def means_table(rows):
    """Geometric means of each type's speed-ups where math dominates."""
    lines = []
    wide = [row for row in rows if row.n >= 1024]
    for element in dict.fromkeys(row.element for row in wide):
        ours = [row for row in wide if row.element == element]
        line = [element, len(ours)]
        for name in ("cusparselt_searched", "cublas"):
            values = [row.speed_up(name) for row in ours if name in row.times]
            line.append(ratio(geometric_mean(values) if values else None))
        lines.append(line)
    return table(["type", "products", "ours / searched", "ours / cuBLAS"], lines)


def fused_table(fused, rows):
    lines = []
    for row in fused:
        same = [other for other in rows if (other.side, other.element, other.m, other.k, other.n)
                == (row.side, row.element, row.m, row.k, row.n)]
        plain = cell(same[0], "ours") if same else "–"
        lines.append([row.formula, row.element, row.m, row.k, row.n, EPILOGUES[row.epilogue], plain, cell(row, "ours"),
                      cell(row, "pytorch"), ratio(row.speed_up("pytorch"))])
    return table(["", "type", "M", "K", "N", "epilogue", "ours, plain", "ours, fused", "PyTorch", "fused / PyTorch"],
                 lines)


def markdown(machine, rows, plot):
    plain, fused = [row for row in rows if not row.is_fused], [row for row in rows if row.is_fused]
    cold = "cold L2" if machine.get("flush", "write") == "write" else "cold L2 that needn't be written back"
    text = f"""# 2:4 products on an {machine['device']}

By `scripts/bench.sh` in one process: medians of {machine['repetitions']} graph replays with {cold}, in turns,
after {machine['rest_ms']:g} ms of rest each. Driver {machine['driver']}, PyTorch {machine['torch']}, cuSPARSELt \
{machine['cusparselt']}; the clock is at most
{machine['maximum_clock']}, the power limit {machine['power_limit']}.

W is M × K and 2:4 sparse, X is N × K (Xᵀ: given as K × N). Times are in µs, behind them dense-equivalent TFLOP/s
(2·M·N·K / time). 'searched' is the better of cuSPARSELt's default algorithm and the one that its search finds. Ratios
are of speeds: above 1, ours is faster. cuBLAS multiplies the same W as dense, and of s8 gives s32 instead of bf16.

"""
    text += results_table(plain)
    text += "\nGeometric means of the products with N ≥ 1024:\n\n" + means_table(plain)
    if fused:
        text += ("\nWith a fused epilogue, beside PyTorch's `linear` with bias, `gelu` and addition:\n\n"
                 + fused_table(fused, plain))
    if plot:
        text += f"\n![Rates over operations a byte]({plot})\n"
    return text


def plot(machine, rows, path):
    """Rates over operations a byte, a panel for each size of elements."""
    try:
        import matplotlib
    except ImportError:
        raise SystemExit("error: the plot needs matplotlib: pip install matplotlib, or --no-plot")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    card = next((figures for name, figures in CARDS.items() if name in machine["device"]), None)
    sizes = sorted({BYTES[row.element] for row in rows}, reverse=True)
    figure, panels = pyplot.subplots(1, len(sizes), figsize=(7 * len(sizes), 5), squeeze=False)
    for size, axes in zip(sizes, panels[0]):
        members = [row for row in rows if BYTES[row.element] == size]
        for name, label, marker in (("ours", "ours", "o"), ("cusparselt_searched", "cuSPARSELt, searched", "^"),
                                    ("cublas", "cuBLAS, dense", "x")):
            points = [(row.operations / row.bytes, row.rate(name) / 1e12) for row in members if name in row.times]
            if points:
                axes.scatter(*zip(*points), marker=marker, label=label)
        if card:
            bandwidth, dense = card[0] / 1e12, card[1] / 1e12 * 2 / size
            intensities = [row.operations / row.bytes for row in members]
            for rate, label, style in ((2 * dense, "memory's and 2:4 math's roof", "-"), (dense, "dense math's", ":")):
                ends = [min(intensities) / 2, rate / bandwidth, max(intensities) * 2]
                axes.plot(ends, [min(rate, bandwidth * end) for end in ends], "k" + style, linewidth=1, label=label)
        axes.set(xscale="log", yscale="log", xlabel="dense-equivalent operations a byte (W packed)",
                 ylabel="dense-equivalent TFLOP/s", title=", ".join(dict.fromkeys(row.element for row in members)))
        axes.legend()
        axes.grid(True, which="both", linewidth=0.2)
    figure.suptitle(machine["device"])
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, nargs="+", metavar="RESULT.json")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR")
    parser.add_argument("--name", help="of the files written")
    parser.add_argument("--no-plot", action="store_true")
    options = parser.parse_args()
    machine, rows = read(options.results)
    name = options.name or options.results[0].stem
    options.output.mkdir(parents=True, exist_ok=True)
    picture = None
    if not options.no_plot:
        picture = f"{name}.png"
        plot(machine, [row for row in rows if not row.is_fused], options.output / picture)
    (options.output / f"{name}.md").write_text(markdown(machine, rows, picture), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

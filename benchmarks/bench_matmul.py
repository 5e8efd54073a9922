#!/usr/bin/env python3
"""Times compiled 2:4 products beside cuBLAS (dense) and cuSPARSELt, in one process.

All multiply the same pruned random weight with the same random activations. Each is
captured into a CUDA graph, and the graphs take turns, so that all see the same
clocks. Before each replay the card rests (--rest): replays of big products one after
the other draw more than it may, and its clock falls, by how much depends on the card
and its temperature; --rest 0 measures that state. Then it is kept busy until the host
has enqueued the replay, so that only the card's time is measured, and a buffer of
256 MB is written, which leaves nothing of the operands in the L2 cache (it writes
zeros: like those of Triton's do_bench, its lines still have to go to memory while the
product runs; --flush read leaves lines that needn't, as other layers' weights would
be). The median of the replays counts. Outputs are checked before they are
timed; an error above 1 is more than rounding explains, and if it is ours, the exit
status is 1.

`scripts/bench.sh run` calls this with the library that it links.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import contextlib
import json
import math
import statistics
import subprocess
import sys
import time
from pathlib import Path

import torch

import contestants
from compiled import Function, Library
from problem import FUSED, Problem

WARM_UPS = 3
FLUSH_BYTES = 256 << 20
#: Half a millisecond, in which the host enqueues a replay.
AHEAD_CLOCKS = 1_000_000


def capture(multiply):
    """A graph of the product, and its output. What is loaded lazily is loaded before."""
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(WARM_UPS):
            multiply()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        output = multiply()
    return graph, output


def make_flush(kind):
    """What leaves nothing but its own lines in the L2 cache, by writing or reading them."""
    buffer = torch.zeros(FLUSH_BYTES // 8, dtype=torch.int64, device="cuda")
    return {"write": buffer.zero_, "read": buffer.max}[kind]


def take_turns(graphs, flush, options):
    """The microseconds of each graph's replays."""
    begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    times = {name: [] for name in graphs}
    for turn in range(WARM_UPS + options.repetitions):
        for name, graph in graphs.items():
            torch.cuda.synchronize()
            time.sleep(options.rest / 1e3)
            torch.cuda._sleep(AHEAD_CLOCKS)
            flush()
            begin.record()
            graph.replay()
            end.record()
            end.synchronize()
            if turn >= WARM_UPS:
                times[name].append(begin.elapsed_time(end) * 1e3)
    return times


def select_contestants(problem, functions, options):
    """Name -> what multiplies, those that can."""
    chosen = {name: contestants.ours(problem, function) for name, function in functions.items()}
    if options.no_peers:
        return chosen
    if problem.case.epilogue in FUSED:
        chosen["pytorch"] = contestants.pytorch_sequence(problem)
    else:
        chosen["cublas"] = contestants.cublas(problem)
        chosen["cusparselt"], chosen["cusparselt_searched"] = contestants.cusparselt(problem)
    return {name: multiply for name, multiply in chosen.items() if multiply}


def compete(problem, functions, flush, options):
    """Every contestant's error and times."""
    # A graph doesn't keep what it reads alive, contestants do.
    chosen = select_contestants(problem, functions, options)
    captured = {name: capture(multiply) for name, multiply in chosen.items()}
    results = {}
    for name, (graph, output) in captured.items():
        graph.replay()
        torch.cuda.synchronize()
        # What wasn't written is NaN, in the sample or not.
        error = problem.error(output, is_fused=name in functions) if output.isfinite().all() else float("inf")
        results[name] = {"error": error}
    times = take_turns({name: graph for name, (graph, _) in captured.items()}, flush, options)
    for name, microseconds in times.items():
        results[name].update(median_us=statistics.median(microseconds), minimum_us=min(microseconds))
    return results


def measure(case, libraries, flush, options):
    problem = Problem(case, libraries["ours"])
    with contextlib.ExitStack() as stack:
        functions = {name: stack.enter_context(Function(library, case["name"])) for name, library in libraries.items()}
        return {**case, "contestants": compete(problem, functions, flush, options)}


#: Column's head -> the contestant, of plain products and of fused ones.
COLUMNS = {"ours": ("ours", "ours"), "beside": ("beside", "beside"), "cuBLAS": ("cublas", "pytorch"),
           "cuSPARSELt": ("cusparselt", None), "searched": ("cusparselt_searched", None)}


def columns(options):
    return [name for name in COLUMNS if name == "ours" or (options.beside if name == "beside" else not options.no_peers)]


def print_header(options):
    names = columns(options)
    print("side type       M      K      N |" + "".join(f"{name:>21s} |" for name in names) + "\n" + " " * 31 + "|"
          + "      µs TFLOP/s error |" * len(names), flush=True)


def print_row(row, options):
    operations = 2e-6 * row["rows"] * row["k"] * row["columns"]
    text = f"{row['side']} {row['element']:4s} {row['rows']:7d}{row['k']:7d}{row['columns']:7d} |"
    is_fused = row["epilogue"] in FUSED
    for name in columns(options):
        result = row["contestants"].get(COLUMNS[name][is_fused])
        text += (f"{result['median_us']:8.1f} {operations / result['median_us']:7.0f} {result['error']:5.2f} |"
                 if result else f"{'–':>21s} |")
    print(text + (" fused; PyTorch's sequence instead of cuBLAS" if is_fused else "")
          + "  WRONG" * (not is_right(row)), flush=True)


def is_right(row):
    return all(result["error"] <= 1 for name, result in row["contestants"].items() if name in ("ours", "beside"))


def print_comparison(products):
    """How many times faster ours is than what is beside it, in the geometric mean."""
    logarithms = [math.log(product["contestants"]["beside"]["median_us"] / product["contestants"]["ours"]["median_us"])
                  for product in products]
    print(f"\nours / beside: {math.exp(statistics.fmean(logarithms)):.3f} in the geometric mean of {len(products)} "
          f"products, from {math.exp(min(logarithms)):.3f} to {math.exp(max(logarithms)):.3f} (above 1: ours is faster)")


def describe_machine(options):
    query = ["nvidia-smi", "--query-gpu=driver_version,clocks.max.sm,power.limit", "--format=csv,noheader"]
    try:
        driver, clock, power = subprocess.run(query, check=True, capture_output=True, text=True) \
            .stdout.splitlines()[0].split(", ")
    except (OSError, subprocess.CalledProcessError):
        driver = clock = power = "unknown"
    return {"device": torch.cuda.get_device_name(), "driver": driver, "maximum_clock": clock,
            "power_limit": power, "torch": torch.__version__, "cuda": torch.version.cuda,
            "cusparselt": torch.backends.cusparselt.version(), "repetitions": options.repetitions,
            "rest_ms": options.rest, "flush_bytes": FLUSH_BYTES}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path, help="the compiled functions")
    parser.add_argument("cases", type=Path, help="cases.json of make_modules.py")
    parser.add_argument("--filter", default="", metavar="TEXT", help="only products whose name has TEXT in it")
    parser.add_argument("--fused", action="store_true", help="products with bias, GELU and residual fused, "
                        "beside the plain ones and PyTorch's sequence")
    parser.add_argument("--repetitions", type=int, default=30, metavar="COUNT")
    parser.add_argument("--rest", type=float, default=20, metavar="MILLISECONDS")
    parser.add_argument("--flush", choices=("write", "read"), default="write", help="how the L2 cache is emptied")
    parser.add_argument("--beside", type=Path, metavar="LIBRARY", help="another compiler's library of the same "
                        "products; its functions take turns too, which tells what a change did")
    parser.add_argument("--no-peers", action="store_true", help="without cuBLAS, cuSPARSELt and PyTorch's sequence")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes everything measured, for report.py")
    options = parser.parse_args()

    cases = [case for case in json.loads(options.cases.read_text()) if options.filter in case["name"]]
    fused = [case for case in cases if case["epilogue"] in FUSED]
    if options.fused:
        shapes = [(case["side"], case["element"], case["rows"], case["k"], case["columns"]) for case in fused]
        plain = [case for case in cases if (case["side"], case["element"], case["rows"], case["k"],
                                            case["columns"]) in shapes and case not in fused]
        cases = plain + fused
    else:
        cases = [case for case in cases if case not in fused]
    if not cases:
        parser.error("no product matches")

    torch.manual_seed(24)
    libraries = {"ours": Library(options.library)}
    if options.beside:
        libraries["beside"] = Library(options.beside)
    flush = make_flush(options.flush)
    result = {**describe_machine(options), "flush": options.flush}
    print(", ".join(f"{key} {value}" for key, value in result.items()) + "\n", flush=True)
    print_header(options)
    result["products"] = []
    for case in cases:
        result["products"].append(measure(case, libraries, flush, options))
        print_row(result["products"][-1], options)
        # After each, so that an interrupted run isn't lost.
        if options.json:
            options.json.write_text(json.dumps(result, indent=1))
    if options.beside:
        print_comparison(result["products"])
    return 0 if all(map(is_right, result["products"])) else 1


if __name__ == "__main__":
    sys.exit(main())

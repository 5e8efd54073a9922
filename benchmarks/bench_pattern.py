#!/usr/bin/env python3
"""Times run-time pruning and compression of a matrix beside PyTorch's and cuSPARSELt's.

The matrix is random, of bf16. Each contestant is captured into a CUDA graph, and the
graphs take turns with a cold L2 cache, as in bench_matmul.py. Our outputs are compared,
bit for bit, with the reference of sparse24.pattern on some rows; if one differs, the
exit status is 1. The rate counts what has to be read and written, once.

`scripts/bench.sh --what pattern run` calls this with the library that it links.
"""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import argparse
import contextlib
import json
import statistics
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "python"))

from bench_matmul import capture, describe_machine, make_flush, take_turns  # noqa: E402
from compiled import Function, Library  # noqa: E402
from contestants import attempt  # noqa: E402
from sparse24 import pattern  # noqa: E402

SAMPLED_ROWS = 64


def bits(tensor):
    """The bits of a tensor's elements in memory."""
    return tensor.view(torch.int16).cpu().numpy().view(np.uint16)


class Problem:
    """A random matrix, and the results' memory."""

    def __init__(self, rows, k):
        self.dense = torch.randn(rows, k, device="cuda", dtype=torch.bfloat16)
        self.pruned = torch.empty_like(self.dense)
        self.values = torch.empty(rows, k // 2, device="cuda", dtype=torch.bfloat16)
        self.metadata = torch.empty(rows, k // 16, device="cuda", dtype=torch.int16)
        self.packed = torch.empty(self.values.nbytes + self.metadata.nbytes, device="cuda", dtype=torch.uint8)
        self.restored = torch.empty_like(self.dense)
        self.tiles = torch.empty_like(self.dense)
        self.tile_values, self.tile_metadata = torch.empty_like(self.values), torch.empty_like(self.metadata)
        self.scores = torch.rand(k, device="cuda")
        self.wanda_values, self.wanda_metadata = torch.empty_like(self.values), torch.empty_like(self.metadata)
        self.report = torch.empty(3, device="cuda", dtype=torch.int64)
        self.both_ways = [torch.empty_like(tensor) for tensor in (self.values, self.metadata) * 2]
        # Whole tiles of rows.
        self.sample = (4 * torch.randperm(rows // 4)[:SAMPLED_ROWS // 4, None] + torch.arange(4)).flatten()

    def is_right(self):
        """Whether the outputs of what ran are right on the sample."""
        dense = bits(self.dense[self.sample])
        values, metadata = pattern.compress_bits(dense, "bf16")
        pruned = pattern.prune_bits(dense, "bf16")
        tiles = pattern.prune_bits(dense, "bf16", "transposable")
        tile_values, tile_metadata = pattern.compress_bits(tiles, "bf16")
        wanda = pattern.compress_bits(dense, "bf16", "wanda", self.scores.cpu().numpy())
        if self.report.tolist() != [0, self.dense.numel() // 4, 0]:
            return False
        wanted = ((self.pruned, pruned), (self.wanda_values, wanda[0]), (self.wanda_metadata, wanda[1]), (self.values, values), (self.metadata, metadata), (self.restored, pruned),
                  (self.tiles, tiles), (self.tile_values, tile_values), (self.tile_metadata, tile_metadata))
        if not all(np.array_equal(bits(got[self.sample]), want) for got, want in wanted):
            return False
        # The transposed matrix: some columns.
        values, metadata, turned_values, turned_metadata = self.both_ways
        turned = pattern.compress_bits(bits(self.tiles[:, self.sample].t().contiguous()), "bf16")
        return (torch.equal(values, self.tile_values) and torch.equal(metadata, self.tile_metadata)
                and np.array_equal(bits(turned_values[self.sample]), turned[0])
                and np.array_equal(bits(turned_metadata[self.sample]), turned[1]))


def ours(problem, functions):
    """Name -> what to run, in an order in which inputs are there."""
    tensors = {"prune": (problem.dense, problem.pruned),
               "prune_compress": (problem.dense, problem.values, problem.metadata),
               "compress": (problem.pruned, problem.values, problem.metadata),
               "tiles": (problem.dense, problem.tiles),
               "tiles_compress": (problem.dense, problem.tile_values, problem.tile_metadata),
               "tiles_both_ways": (problem.dense, *problem.both_ways),
               "wanda_compress": (problem.dense, problem.scores, problem.wanda_values, problem.wanda_metadata),
               "verify": (problem.pruned, problem.report),
               "decompress": (problem.values, problem.metadata, problem.restored),
               "pack": (problem.values, problem.metadata, problem.packed)}
    return {name: lambda name=name, own=own: functions[name].run(own, torch.cuda.current_stream().cuda_stream)
            for name, own in tensors.items()}


def topk_prune(matrix):
    """As PyTorch's tutorials do it."""
    groups = matrix.view(-1, 4)
    kept = groups.abs().topk(2, dim=1, sorted=False).indices
    return torch.zeros_like(groups).scatter_(1, kept, groups.gather(1, kept)).view(matrix.shape)


def pytorch_tile(matrix):
    """Masks of tiles by magnitude, chosen greedily, and the matrix and its transpose compressed by them."""
    return torch._sparse_semi_structured_tile(matrix, "largest_abs_values_greedy", True)


def kept_norms(problem):
    """The shares of the magnitudes' sum and of the squared norm that each way of pruning keeps."""
    def sums(values):
        return tuple(part.sum(dtype=torch.float64).item() for part in (values.float().abs(), values.float().square()))

    kept = {"magnitude": problem.values, "transposable": problem.tile_values}
    greedy = attempt("PyTorch's greedy 4×4 tile", lambda: pytorch_tile(problem.dense))
    if greedy:
        kept["PyTorch's greedy 4×4 tile"] = greedy()[0]
    whole = sums(problem.dense)
    return {name: [part / all_of_it for part, all_of_it in zip(sums(values), whole)] for name, values in kept.items()}


def peers(problem):
    """Operation -> name -> what to run."""
    copy = torch.empty_like(problem.dense)
    contestants = {
        "copy": {"PyTorch copy": lambda: copy.copy_(problem.dense)},
        "prune": {"PyTorch topk": lambda: topk_prune(problem.dense)},
        "compress": {"cuSPARSELt": lambda: torch._cslt_compress(problem.pruned)},
        "tiles_both_ways": {"PyTorch's greedy 4×4 tile": lambda: pytorch_tile(problem.dense)},
    }
    return {operation: {name: run for name, run in others.items() if attempt(name, run)}
            for operation, others in contestants.items()}


def bytes_moved(problem):
    """Operation -> bytes that have to be read and written."""
    dense, compressed = problem.dense.nbytes, problem.values.nbytes + problem.metadata.nbytes
    return {**dict.fromkeys(("copy", "prune", "tiles"), 2 * dense),
            **dict.fromkeys(("compress", "prune_compress", "tiles_compress", "wanda_compress", "decompress"),
                            dense + compressed), "verify": dense,
            "tiles_both_ways": dense + 2 * compressed, "pack": 2 * compressed}


def measure(problem, functions, flush, options):
    """The rows of the table."""
    own = ours(problem, functions)
    for run in own.values():
        run()
    right = problem.is_right()
    contestants = {operation: {"ours": run} for operation, run in own.items()}
    for operation, others in peers(problem).items():
        contestants.setdefault(operation, {}).update(others)
    sizes, rows = bytes_moved(problem), []
    for operation, candidates in contestants.items():
        captured = {name: capture(run) for name, run in candidates.items()}
        times = take_turns({name: graph for name, (graph, _) in captured.items()}, flush, options)
        for name, microseconds in times.items():
            rows.append({"operation": operation, "contestant": name, "median_us": statistics.median(microseconds),
                         "minimum_us": min(microseconds), "bytes": sizes[operation],
                         "right": right if name == "ours" else None})
    return rows


def table(rows):
    lines = ["| operation | by | µs | TB/s |", "| --- | --- | --- | --- |"]
    for row in rows:
        rate = row["bytes"] / row["median_us"] / 1e6
        lines.append(f"| {row['operation']} | {row['contestant']} | {row['median_us']:.0f} | {rate:.2f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("library", type=Path, help="the compiled functions")
    parser.add_argument("cases", type=Path, help="cases.json of make_modules.py")
    parser.add_argument("--repetitions", type=int, default=30, metavar="COUNT")
    parser.add_argument("--rest", type=float, default=20, metavar="MILLISECONDS")
    parser.add_argument("--json", type=Path, metavar="FILE", help="writes everything measured")
    options = parser.parse_args()

    torch.manual_seed(24)
    library = Library(options.library)
    flush = make_flush("write")
    result = describe_machine(options)
    case, = json.loads(options.cases.read_text())
    result.update(case)
    problem = Problem(case["rows"], case["k"])
    with contextlib.ExitStack() as stack:
        functions = {name: stack.enter_context(Function(library, f"{name}_{case['name']}"))
                     for name in case["operations"]}
        result["rows_measured"] = measure(problem, functions, flush, options)
    result["kept_magnitude_and_squared_norm"] = kept_norms(problem)
    print(", ".join(f"{key} {value}" for key, value in result.items() if key != "rows_measured"),
          table(result["rows_measured"]), sep="\n\n")
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))
    right = all(row["right"] is not False for row in result["rows_measured"])
    print("all bits right" if right else "WRONG")
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())

"""Reports what each pruning criterion does to a sentence-embedding model.

    python -m sparse24.prune_report --model model.safetensors --output report

prunes every linear layer of the encoder (all-MiniLM-L6-v2 has 36) to 2:4 with each criterion that
needs no training, by the compiler's own kernels, and compares the weights bit for bit with the
reference: it stops if they differ. Then it writes report.md, report.json and report.png, with

  of each layer and criterion
    kept        share of the squared norm of the weight that pruning kept
    error       |X W^T - X W'^T| / |X W^T| (Frobenius norms): how much of the layer's output pruning
                changes, of W before and W' after it; X are the layer's inputs when the dense model
                reads the sentences of the evaluation
  of the whole model pruned so, and of the dense model in bf16, beside the dense model in f32
    cosine      of each sentence's embedding with that of the dense model: the mean, and the worst
    Spearman    rank correlation of the similarities of all pairs of sentences with those of the
                dense model: how far search results keep their order

Weights and activations are rounded to bf16 before they are multiplied, as the compiled program does
it; the rest is f32. The criterion wanda gets the norms of the columns of the layer's inputs, from other
sentences than those of the evaluation. Nothing is trained after pruning, which usually regains much of
what is lost: the numbers compare criteria, they don't say what 2:4 can reach.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from sparse24 import bert, cpu, pattern, tools
from sparse24.progress import Progress

DATA = Path(__file__).resolve().parent / "data"

#: `importance` is left out: its scores come from training.
CRITERIA = [name for name in pattern.CRITERIA if name != "importance"]


class Mismatch(RuntimeError):
    """The compiler pruned a weight differently from the reference."""


def read_sentences(path):
    """Gives the lines of a file that aren't blank. Raises OSError if it can't be read."""
    return [line.strip() for line in Path(path).read_text(encoding="utf-8").splitlines() if line.strip()]


def bf16_products(model, weights, watch=None):
    """Gives the linear layers for `bert.Model.embed` with operands in bf16: `weights` are f32 that bf16 holds,
    by name; `watch(name, x)` sees the rounded input of each layer."""

    def linear(name, x):
        x = pattern.round_to(x, "bf16")
        if watch is not None:
            watch(name, x)
        return x @ weights[name].T + model.layers[name].bias

    return linear


def column_norms(x):
    """Gives the Euclidean norms of the columns, f32."""
    return np.sqrt(np.square(x, dtype=np.float64).sum(axis=0)).astype(np.float32)


def output_error(x, weight, pruned):
    """Gives |X W^T - X W'^T| / |X W^T|; 0 where nothing changes."""
    change = float(np.linalg.norm(x @ (weight - pruned).T))
    return change / float(np.linalg.norm(x @ weight.T)) if change else 0.0


def ranks(values):
    """Gives the ranks of the values, from 0; equal ones share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts + 1) / 2)[inverse]


def spearman(first, second):
    """Gives Spearman's rank correlation of two vectors."""
    return float(np.corrcoef(ranks(first), ranks(second))[0, 1])


def compare_embeddings(embeddings, dense):
    """Gives the cosine of each sentence's embedding (unit vectors, sentences x size) with the dense model's, and
    Spearman's correlation of all pairs' similarities."""
    pairs = np.triu_indices(len(dense), 1)
    similarities = [(matrix @ matrix.T)[pairs] for matrix in (embeddings, dense)]
    return np.sum(embeddings * dense, axis=1), spearman(*similarities)


def kernels(criteria):
    """Gives a module with a function for each criterion that prunes a bf16 matrix of any size."""
    weight, lines = "tensor<?x?xbf16>", []
    for criterion in criteria:
        operands = [("%w", weight)]
        if pattern.CRITERIA[criterion]:
            operands.append(("%scores", f"tensor<{'?x' * pattern.CRITERIA[criterion]}f32>"))
        names, types = zip(*operands)
        lines += [
            f"func.func @{criterion}({', '.join(map(': '.join, operands))}) -> {weight} {{",
            "  %c0 = arith.constant 0 : index",
            "  %c1 = arith.constant 1 : index",
            f"  %rows = tensor.dim %w, %c0 : {weight}",
            f"  %columns = tensor.dim %w, %c1 : {weight}",
            f"  %init = tensor.empty(%rows, %columns) : {weight}",
            f"  %pruned = sparse24.prune {criterion} ins({', '.join(names)} : {', '.join(types)})",
            f"      outs(%init : {weight}) -> {weight}",
            f"  return %pruned : {weight}",
            "}",
        ]
    return "\n".join(lines) + "\n"


def prune_by_compiler(jobs, on_done=None):
    """Gives what the compiler's CPU kernels make of each job: (criterion, bits of a bf16 matrix, scores or None).

    `on_done(index)` is called as each job ends. Raises ToolError if the compiler fails.
    """
    with tempfile.TemporaryDirectory(prefix="sparse24-") as directory:
        source, lowered = Path(directory) / "prune.mlir", Path(directory) / "lowered.mlir"
        source.write_text(kernels(sorted({criterion for criterion, _, _ in jobs})), encoding="ascii")
        tools.run([tools.find("sparse24-opt"), source, "--sparse24-pipeline=target=cpu", "-o", lowered])
        calls = [cpu.Call(criterion, [bits] if scores is None else [bits, scores], [(bits.shape, "bf16")])
                 for criterion, bits, scores in jobs]
        return [pruned for (pruned,), _ in cpu.run(lowered, calls, on_done)]


def check_pruned(name, criterion, pruned, expected):
    """Raises Mismatch if the bits of two pruned weights differ."""
    wrong = np.argwhere(pruned != expected)
    if len(wrong):
        row, column = wrong[0]
        raise Mismatch(f"{criterion} of {name}: {len(wrong)} of {expected.size} elements differ from the reference, "
                       f"first [{row}, {column}]: {pruned[row, column]:#06x} instead of {expected[row, column]:#06x}")


def prune_layers(weights, norms, progress):
    """Gives criterion -> name -> pruned bits of bf16 weights, as the compiler and the reference agree on them."""
    jobs = {(criterion, name): (criterion, bits, norms[name] if pattern.CRITERIA[criterion] else None)
            for criterion in CRITERIA for name, bits in weights.items()}
    progress.step("pruning with the reference", len(jobs))
    expected = {}
    for done, (key, (criterion, bits, scores)) in enumerate(jobs.items()):
        expected[key] = pattern.prune_bits(bits, "bf16", criterion, scores)
        progress.advance(done + 1)
    progress.step("pruning with the compiler's kernels", len(jobs))
    results = prune_by_compiler(list(jobs.values()), lambda done: progress.advance(done + 1))
    for (criterion, name), pruned in zip(jobs, results):
        check_pruned(name, criterion, pruned, expected[criterion, name])
    return {criterion: {name: expected[criterion, name] for name in weights} for criterion in CRITERIA}


def measure(model, evaluation, calibration, progress):
    """Does it all; gives the report as JSON has it."""

    def embed(title, tokens, linear=None):
        progress.step(title, model.depth)
        return model.embed(tokens, linear, progress.advance)

    tokens = model.tokenize(evaluation)
    # Those of the encoder: a mean of hidden states doesn't need the pooler.
    bits = {name: pattern.bf16_bits(layer.weight) for name, layer in model.layers.items() if name.startswith("layer_")}
    weights = {name: pattern.to_float(layer, "bf16") for name, layer in bits.items()}
    norms, errors = {}, {}
    embed("calibrating wanda", model.tokenize(calibration), bf16_products(
        model, weights, lambda name, x: norms.update({name: column_norms(x)})))
    pruned = {criterion: {name: pattern.to_float(layer, "bf16") for name, layer in layers.items()}
              for criterion, layers in prune_layers(bits, norms, progress).items()}

    def watch(name, x):
        errors[name] = {criterion: output_error(x, weights[name], layers[name])
                        for criterion, layers in pruned.items()}

    dense = embed("embedding, dense in f32", tokens)
    embeddings = {"dense": embed("embedding, dense in bf16", tokens, bf16_products(model, weights, watch))}
    for criterion, layers in pruned.items():
        embeddings[criterion] = embed(f"embedding, pruned by {criterion}", tokens, bf16_products(model, layers))
    progress.finish()

    models = []
    for name, found in embeddings.items():
        layers = pruned.get(name, weights)
        cosines, correlation = compare_embeddings(found, dense)
        models.append({
            "name": name,
            "kept": pattern.norm_kept(*(np.concatenate([part[layer].ravel() for layer in weights])
                                        for part in (weights, layers))),
            "error": float(np.mean([errors[layer].get(name, 0.0) for layer in weights])),
            "mean_cosine": float(cosines.mean()),
            "worst_cosine": float(cosines.min()),
            "worst_sentence": evaluation[int(cosines.argmin())],
            "spearman": correlation,
            "cosines": [round(float(cosine), 6) for cosine in cosines],
        })
    return {
        "sentences": len(evaluation),
        "calibration": len(calibration),
        "models": models,
        "layers": [{"name": name, "shape": list(weight.shape), "error": errors[name],
                    "kept": {criterion: pattern.norm_kept(weight, pruned[criterion][name]) for criterion in CRITERIA}}
                   for name, weight in weights.items()],
    }


def table(header, lines):
    """Gives a table in Markdown, all columns but the first aligned right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def percent(share):
    return f"{100 * share:.1f} %"


def models_table(report):
    return table(
        ["model, in bf16", "kept", "mean error of layers", "mean cosine", "worst cosine", "Spearman"],
        [[model["name"], percent(model["kept"]), percent(model["error"]),
          *(f"{model[key]:.4f}" for key in ("mean_cosine", "worst_cosine", "spearman"))]
         for model in report["models"]])


def layers_table(report):
    return table(
        ["layer", "weight", *(f"{criterion}: {what}" for criterion in CRITERIA for what in ("kept", "error"))],
        [[layer["name"], "x".join(map(str, layer["shape"])),
          *(percent(layer[what][criterion]) for criterion in CRITERIA for what in ("kept", "error"))]
         for layer in report["layers"]])


def markdown(report, plot_name):
    """Gives the report as Markdown, with a link to the plot."""
    return f"""# What pruning to 2:4 does to {report['model']}

By `scripts/prune-report.sh`, without any training after pruning. *Kept* is the share of the weights' squared norm,
*error* how much of a layer's output pruning changes: ‖X·Wᵀ − X·W'ᵀ‖ / ‖X·Wᵀ‖ on the layer's inputs in the dense
model. *Cosine* is that of a sentence's embedding with the dense f32 model's, over {report['sentences']} sentences; \
*Spearman* the
rank correlation of the similarities of all their pairs with the dense f32 model's. wanda's norms are from
{report['calibration']} other sentences. Every pruned weight is what the compiler's kernels gave, equal to the
reference's bit for bit.

{models_table(report)}
![Kept norm and output error of each layer, cosine of each sentence]({plot_name})

{layers_table(report)}"""


def plot(report, path):
    """Draws kept norm and output error over the layers, and the sorted cosines of the sentences, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (kept, error, cosine) = pyplot.subplots(3, 1, figsize=(10, 12), layout="constrained",
                                                    height_ratios=(3, 3, 4))
    layers, positions = report["layers"], range(len(report["layers"]))
    for axes, what, label in ((kept, "kept", "squared norm kept"), (error, "error", "relative output error")):
        for criterion in CRITERIA:
            axes.plot(positions, [layer[what][criterion] for layer in layers], "o-", linewidth=0.5, markersize=4)
        axes.set(ylabel=label)
        axes.set_xticks(positions, [""] * len(layers))
    error.set_xticks(positions, [layer["name"] for layer in layers], rotation=90, fontsize=7)
    # The dense model comes last, so that the criteria keep their colours.
    for model in [*report["models"][1:], report["models"][0]]:
        cosine.plot(sorted(model["cosines"]), label=model["name"])
    cosine.set(xlabel="sentences, worst first", ylabel="cosine with the dense f32 model")
    for axes in (kept, error, cosine):
        axes.grid(True, linewidth=0.2)
    figure.suptitle(f"{report['model']}, 2:4 in bf16")
    figure.legend(loc="outside upper right", ncols=2)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def run(options, progress):
    """Measures and writes the three files; gives the report and their paths."""
    evaluation, calibration = read_sentences(options.sentences), read_sentences(options.calibration)
    if len(evaluation) < 3:
        raise ValueError(f"{options.sentences}: {len(evaluation)} sentences, but pairs are ranked from 3 on")
    if not calibration:
        raise ValueError(f"{options.calibration}: no sentences")
    shared = sorted(set(evaluation) & set(calibration))
    if shared:
        raise ValueError(f"{options.calibration}: sentences of the evaluation, such as '{shared[0]}'")
    progress.step("reading the model")
    model = bert.Model(options.model)
    report = {"model": Path(options.model).resolve().parent.name, **measure(model, evaluation, calibration, progress)}
    paths = [Path(f"{options.output}.{kind}") for kind in ("md", "json", "png")]
    paths[0].parent.mkdir(parents=True, exist_ok=True)
    paths[0].write_text(markdown(report, paths[2].name), encoding="utf-8")
    paths[1].write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    plot(report, paths[2])
    return report, paths


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m sparse24.prune_report",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model", required=True, help="a .safetensors checkpoint of a BERT-like model that averages "
                        "hidden states; config.json and tokenizer.json lie beside it")
    parser.add_argument("--output", default="pruning", metavar="PATH",
                        help="of the three files, without .md, .json and .png (default: pruning)")
    parser.add_argument("--sentences", default=DATA / "evaluation.txt", metavar="FILE",
                        help="what the models read, a sentence a line (default: about 300 of many kinds)")
    parser.add_argument("--calibration", default=DATA / "calibration.txt", metavar="FILE",
                        help="what wanda's norms are measured on, other sentences (default: 64)")
    options = parser.parse_args(arguments)
    try:
        report, paths = run(options, Progress())
    except (OSError, ValueError, tools.ToolError, Mismatch) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(models_table(report))
    for path in paths:
        print(f"made {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

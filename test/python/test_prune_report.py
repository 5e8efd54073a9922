"""The report on pruning criteria: its arithmetic, its files, its command line."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import json

import numpy as np
import pytest

from sparse24 import bert, pattern, prune_report

SENTENCES = ["the cat sat on the mat.", "a dog ran under a tree.", "birds sang.", "the cats sang on a tree.", "a mat."]
CALIBRATION = ["a bird sat under the tree.", "the dogs ran."]


def test_the_sentences_are_many_and_those_of_calibration_are_others():
    evaluation = prune_report.read_sentences(prune_report.DATA / "evaluation.txt")
    calibration = prune_report.read_sentences(prune_report.DATA / "calibration.txt")
    assert len(set(evaluation)) == len(evaluation) >= 300
    assert len(set(calibration)) == len(calibration) == 64
    assert not set(evaluation) & set(calibration)


def test_bits_are_of_rounded_numbers():
    bits = pattern.bf16_bits(np.float32([[1, 1 + 2**-8, 1 + 3 * 2**-8, -0.0]]))
    assert bits.dtype == np.uint16
    np.testing.assert_array_equal(bits, [[0x3F80, 0x3F80, 0x3F82, 0x8000]])


def test_column_norms():
    norms = prune_report.column_norms(np.float32([[3, 0, 1e30], [4, -2, 1e30]]))
    assert norms.dtype == np.float32
    np.testing.assert_allclose(norms, [5, 2, 2**0.5 * 1e30], rtol=1e-6)


def test_output_error():
    """X W^T is (3, 8) and without the second column (3, 0)."""
    x, weight = np.float32([[1, 2]]), np.float32([[3, 0], [0, 4]])
    assert prune_report.output_error(x, weight, np.float32([[3, 0], [0, 0]])) == pytest.approx(8 / 73**0.5)
    assert prune_report.output_error(x, weight, weight) == 0
    assert prune_report.output_error(x, 0 * weight, 0 * weight) == 0


def test_ranks_of_equal_values_are_their_mean():
    np.testing.assert_array_equal(prune_report.ranks(np.float32([5, 1, 5, -2, 5])), [3, 1, 3, 0, 3])


def test_spearman():
    x = np.float32([1, 2, 3, 4, 5])
    assert prune_report.spearman(x, np.exp(x)) == pytest.approx(1)
    assert prune_report.spearman(x, -x) == pytest.approx(-1)
    # 1 - 6 · (sum of squared differences of ranks) / (n (n² - 1)).
    assert prune_report.spearman(x, np.float32([2, 1, 3, 5, 4])) == pytest.approx(1 - 6 * 4 / 120)


def test_embeddings_are_compared_by_direction_and_by_pairs():
    dense = np.float32([[1, 0], [0.8, 0.6], [0, 1]])
    turned = np.float32([[0, 1], [-0.6, 0.8], [-1, 0]])
    cosines, correlation = prune_report.compare_embeddings(turned, dense)
    np.testing.assert_allclose(cosines, 0, atol=1e-7)
    assert correlation == pytest.approx(1)
    cosines, correlation = prune_report.compare_embeddings(dense[[1, 0, 2]], dense)
    np.testing.assert_allclose(cosines, [0.8, 0.8, 1])
    # Pairs 01, 02, 12 have 0.8, 0, 0.6 in one and 0.8, 0.6, 0 in the other.
    assert correlation == pytest.approx(0.5)


def test_products_are_of_bf16(small_bert):
    model, seen = bert.Model(small_bert), {}
    name = "layer_0_attention_self_query"
    weights = {name: np.eye(16, dtype=np.float32)}
    x = np.full((1, 16), 1 + 2**-9, np.float32)
    product = prune_report.bf16_products(model, weights, lambda layer, x: seen.update({layer: x}))(name, x)
    np.testing.assert_array_equal(seen[name], np.ones((1, 16)))
    np.testing.assert_array_equal(product, 1 + model.layers[name].bias[None])


@pytest.mark.parametrize("criterion", prune_report.CRITERIA)
def test_kernels_prune_as_the_reference_does(criterion):
    random, jobs, done = np.random.default_rng(3), [], []
    for shape in ((8, 16), (5, 30), (1, 3)):
        bits = pattern.bf16_bits(random.standard_normal(shape, np.float32))
        scores = random.uniform(0, 2, shape[1]).astype(np.float32) if pattern.CRITERIA[criterion] else None
        jobs.append((criterion, bits, scores))
    pruned = prune_report.prune_by_compiler(jobs, done.append)
    assert done == [0, 1, 2]
    for (_, bits, scores), actual in zip(jobs, pruned):
        np.testing.assert_array_equal(actual, pattern.prune_bits(bits, "bf16", criterion, scores))


def test_a_mismatch_says_where():
    expected = np.array([[0x3F80, 0, 0x4000, 0]], np.uint16)
    prune_report.check_pruned("layer_0", "magnitude", expected.copy(), expected)
    pruned = np.array([[0x3F80, 0x3F00, 0x4000, 0x8000]], np.uint16)
    with pytest.raises(prune_report.Mismatch, match=r"magnitude of layer_0: 2 of 4 elements differ from the reference, "
                                                    r"first \[0, 1\]: 0x3f00 instead of 0x0000"):
        prune_report.check_pruned("layer_0", "magnitude", pruned, expected)


@pytest.fixture
def arguments(small_bert, tmp_path):
    """Those of the command, for the small model."""
    for name, sentences in (("evaluation", SENTENCES), ("calibration", CALIBRATION)):
        (tmp_path / f"{name}.txt").write_text("\n\n".join(sentences) + "\n")
    return ["--model", str(small_bert), "--output", str(tmp_path / "results" / "small.v1"),
            "--sentences", str(tmp_path / "evaluation.txt"), "--calibration", str(tmp_path / "calibration.txt")]


def test_report(arguments, tmp_path, small_bert, capsys):
    assert prune_report.main(arguments) == 0
    report = json.loads((tmp_path / "results" / "small.v1.json").read_text(encoding="utf-8"))
    assert (report["model"], report["sentences"], report["calibration"]) == (small_bert.parent.name, 5, 2)
    dense, *pruned = report["models"]
    assert (dense["name"], dense["kept"], dense["error"]) == ("dense", 1, 0)
    assert 0.999 < dense["worst_cosine"] <= dense["mean_cosine"] < 1.000001
    assert [model["name"] for model in pruned] == prune_report.CRITERIA
    assert len(report["layers"]) == 12
    weight = bert.Model(small_bert).layers["layer_1_output"].weight
    layer = next(layer for layer in report["layers"] if layer["name"] == "layer_1_output")
    assert layer["shape"] == [16, 32]
    rounded = pattern.round_to(weight, "bf16")
    for criterion in ("magnitude", "transposable"):
        assert layer["kept"][criterion] == pattern.norm_kept(rounded, pattern.prune(rounded, "bf16", criterion))
    for model in pruned:
        name = model["name"]
        assert model["error"] == pytest.approx(np.mean([layer["error"][name] for layer in report["layers"]]))
        assert 0.5 < model["kept"] < 1 and 0 < model["error"] < 1
        assert model["worst_cosine"] == pytest.approx(min(model["cosines"]), abs=1e-6)
        assert model["cosines"][SENTENCES.index(model["worst_sentence"])] == min(model["cosines"])
        assert model["worst_cosine"] < dense["worst_cosine"]
    # Nothing keeps more of the norm than magnitude.
    assert max(pruned, key=lambda model: model["kept"])["name"] == "magnitude"

    lines = (tmp_path / "results" / "small.v1.md").read_text(encoding="utf-8").splitlines()
    values = layer["kept"]["magnitude"], layer["error"]["magnitude"]
    assert any(line.startswith("| layer_1_output | 16x32 | {:.1%} | {:.1%} |".format(*values).replace("%", " %"))
               for line in lines)
    assert "![Kept norm and output error of each layer, cosine of each sentence](small.v1.png)" in lines
    printed = capsys.readouterr().out
    assert f"| magnitude | {100 * pruned[0]['kept']:.1f} % |" in printed
    assert printed.endswith(f"made {tmp_path / 'results' / 'small.v1.png'}\n")

    import matplotlib.image

    image = matplotlib.image.imread(tmp_path / "results" / "small.v1.png")
    assert image.shape[:2] == (1320, 1100)
    # Of four lines, three of them criteria, in colours of their own.
    colours, counts = np.unique((image[..., :3] * 255).round().reshape(-1, 3), axis=0, return_counts=True)
    assert sum(count > 300 for colour, count in zip(colours, counts) if np.ptp(colour) > 50) >= 4


def test_a_wrong_kernel_stops_the_report(arguments, tmp_path, monkeypatch, capsys):
    def wrong(jobs, on_done=None):
        pruned = [pattern.prune_bits(bits, "bf16", criterion, scores) for criterion, bits, scores in jobs]
        pruned[1][2, 3] ^= 1
        return pruned

    monkeypatch.setattr(prune_report, "prune_by_compiler", wrong)
    assert prune_report.main(arguments) == 1
    assert "error: magnitude of layer_0_attention_self_key: 1 of 256 elements differ" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    "option, contents, message",
    [
        ("--model", None, "config.json"),
        ("--sentences", None, "No such file"),
        ("--sentences", "one\n\ntwo\n", "2 sentences, but pairs are ranked from 3 on"),
        ("--calibration", "\n", "no sentences"),
        ("--calibration", "other\n" + SENTENCES[1], "sentences of the evaluation, such as 'a dog ran under a tree.'"),
    ],
)
def test_errors(arguments, tmp_path, option, contents, message, capsys):
    path = tmp_path / "absent" / "file"
    if contents is not None:
        path = tmp_path / "file"
        path.write_text(contents)
    arguments[arguments.index(option) + 1] = str(path)
    assert prune_report.main(arguments) == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith("error: ") and message in error


def test_help_and_a_missing_model(capsys):
    with pytest.raises(SystemExit) as stopped:
        prune_report.main(["--help"])
    assert stopped.value.code == 0
    text = capsys.readouterr().out
    assert all(word in text for word in ("kept", "error", "cosine", "Spearman", "--calibration"))
    with pytest.raises(SystemExit) as stopped:
        prune_report.main([])
    assert stopped.value.code == 2

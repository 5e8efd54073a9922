"""The main job's table and its judgement, without the compiler."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import numpy as np
import pytest

from sparse24 import export, minilm, pattern
from sparse24.remarks import Remark

TAKEN = Remark("Passed", arguments={"NormKept": "0.0", "BytesAfter": "1152"})
MISSED = Remark("Missed", arguments={"Reason": "3 of 80 groups violate", "Fix": "permit pruning"})


@pytest.fixture
def layer():
    random = np.random.default_rng(7)
    return export.Layer("layer", random.standard_normal((8, 40), np.float32),
                        random.standard_normal(8, np.float32))


def sparse_row(layer):
    """A row of a layer that was pruned, with the share that is kept in truth."""
    row = minilm.make_row(layer, TAKEN)
    rounded = pattern.round_to(layer.weight, "bf16")
    pruned = pattern.prune(rounded, "bf16")
    row.kept = pattern.norm_kept(rounded, pruned)
    return row, pruned


def test_a_sparse_layer_is_compared_with_the_pruned_product(layer):
    row, pruned = sparse_row(layer)
    x = np.random.default_rng(8).standard_normal((3, 40), np.float32)
    right = pattern.round_to(x, "bf16") @ pruned.T + layer.bias
    minilm.check(row, x, right, "magnitude", "bf16")
    assert row.is_right
    minilm.check(row, x, x @ layer.weight.T + layer.bias, "magnitude", "bf16")
    assert not row.is_right


def test_a_dense_layer_is_compared_with_the_whole_product(layer):
    row = minilm.make_row(layer, MISSED)
    x = np.ones((3, 40), np.float32)
    minilm.check(row, x, x @ layer.weight.T + layer.bias, "none", "none")
    assert row.is_right


def test_a_wrong_share_of_the_norm_is_noticed(layer):
    row, pruned = sparse_row(layer)
    row.kept += 0.01
    x = np.ones((3, 40), np.float32)
    minilm.check(row, x, x @ pruned.T + layer.bias, "magnitude", "bf16")
    assert not row.is_right
    assert "the compiler kept" in row.note


def test_a_row_that_nobody_checked_is_not_right(layer):
    assert not minilm.make_row(layer, None).is_right


def test_table(layer):
    row, pruned = sparse_row(layer)
    x = np.ones((3, 40), np.float32)
    minilm.check(row, x, x @ pruned.T + layer.bias, "magnitude", "bf16")
    row.microseconds = 3.25
    dense = minilm.make_row(layer, MISSED)
    other = minilm.make_row(layer, Remark("Missed", arguments={**MISSED.arguments, "Reason": "9 of 80 groups violate"}))
    lines = minilm.format_table([row, dense, other]).splitlines()
    assert lines[0].split() == ["layer", "weight", "taken", "kept", "bytes", "error", "of", "bound", "time"]
    assert "8x40" in lines[2] and "yes" in lines[2] and "1280 -> 1152" in lines[2] and "3.2 us" in lines[2]
    assert "no [1]" in lines[3] and "no [1]" in lines[4] and "WRONG" in lines[4]
    assert lines[5:] == ["[1] layer: 3 of 80 groups violate; permit pruning"]
    summary = minilm.format_summary([row, dense])
    assert summary.startswith("1 of 2 layers sparse") and "1 layers WRONG" in summary

"""The 2:4 rule in NumPy."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import functools

import numpy as np
import pytest

from sparse24 import pattern

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    "group, pruned",
    [
        ([1, -4, 3, 2], [0, -4, 3, 0]),
        ([1, 1, 1, 1], [1, 1, 0, 0]),
        ([0, 2, 2, -2], [0, 2, 2, 0]),
        ([5, INF, NAN, -INF], [0, INF, NAN, 0]),
        ([0, 0, 0, 7], [0, 0, 0, 7]),
    ],
)
def test_prune_keeps_the_two_largest(group, pruned):
    np.testing.assert_array_equal(pattern.prune(np.float32([group]), "bf16"), np.float32([pruned]))


def test_prune_tf32_keeps_one_of_two():
    actual = pattern.prune(np.float32([[1, -2, 3, 3, 0]]), "tf32")
    np.testing.assert_array_equal(actual, np.float32([[0, -2, 3, 0, 0]]))


def test_prune_handles_a_tail_and_is_idempotent():
    weight = np.random.default_rng(0).standard_normal((5, 11), np.float32)
    once = pattern.prune(weight, "f16")
    assert once.shape == weight.shape
    assert pattern.count_violations(once, "f16") == (0, 15)
    np.testing.assert_array_equal(pattern.prune(once, "f16"), once)


@pytest.mark.parametrize(
    "scores, kept",
    [
        ([1, 2, 3, 4], [2, 3]),
        ([1, 1, 1, 1], [0, 1]),
        ([-0.0, 0.0, -1, 0.0], [0, 1]),
        ([-4, -1, -3, -2], [1, 3]),
        ([INF, 1, NAN, INF], [0, 2]),
        ([NAN, INF, -NAN, NAN], [0, 2]),
        ([-INF, -3e38, -INF, -1e-45], [1, 3]),
        ([-1e-45, 1e-45, 0, -1], [1, 2]),
    ],
)
def test_importance_orders_by_the_scores_alone(scores, kept):
    weight = np.float32([[-0.0, NAN, 5, -1e30]])
    actual = pattern.prune(weight, "bf16", "importance", np.float32([scores]))
    expected = np.where(np.isin(range(4), kept), weight, np.float32(0))
    np.testing.assert_array_equal(actual.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize(
    "weight, scores, kept",
    [
        ([1, -4, 3, 2], [1, 1, 1, 1], [1, 2]),
        ([1, -4, 3, 2], [9, 1, 1, 4], [0, 3]),
        ([1, -4, 3, 2], [-9, 1, 1, -4], [0, 3]),
        ([2, 1, 4, 1], [2, 4, 1, 4], [0, 1]),
        # Zeros are 0 times anything, infinity times another number isn't.
        ([-0.0, 0, 1e-45, 1e-45], [INF, NAN, 1, 1], [2, 3]),
        ([5, INF, -1, NAN], [INF, 1, NAN, 0], [2, 3]),
        ([INF, 1, 2, NAN], [0, INF, 3, 4], [0, 3]),
        ([-0.0, 1, 1, 0], [5, 0, -0.0, 7], [0, 1]),
        # Products are rounded to f32: here to 1, which the exact one exceeds, there to subnormals and below them.
        ([1, 1 + 2**-6, 0, 2], [1, 1 / (1 + 2**-6), 0, 1], [0, 3]),
        ([2**-100, 2**-99, 2**-98, 2**-97], [2**-60, 2**-49, 2**-50, 2**-53], [1, 2]),
        ([3e38, 2e38, 1, 2e38], [10, 10, 1, 1], [0, 1]),
    ],
)
def test_wanda_orders_by_the_products_with_the_norms(weight, scores, kept):
    weight = np.float32([weight])
    actual = pattern.prune(weight, "bf16", "wanda", np.float32(scores))
    expected = np.where(np.isin(range(4), kept), weight, np.float32(0))
    np.testing.assert_array_equal(actual.view(np.uint32), expected.view(np.uint32))


@pytest.mark.parametrize("columns, kept", [(5, [0, 1, 4]), (6, [0, 1, 4, 5]), (7, [0, 1, 4, 6])])
def test_what_is_past_the_end_of_a_row_is_not_kept(columns, kept):
    weight = np.ones((1, columns), np.float32)
    scores = np.full((1, columns), -INF, np.float32)
    scores[:, 6:] = -1
    np.testing.assert_array_equal(np.flatnonzero(pattern.prune(weight, "f16", "importance", scores)), kept)
    products = np.zeros(columns, np.float32)
    products[6:] = 1
    np.testing.assert_array_equal(np.flatnonzero(pattern.prune(weight, "f16", "wanda", products)), kept)


def test_scores_of_tf32_keep_one_of_two():
    weight = np.float32([[1, -2, 3, 3, 7]])
    importance = np.float32([[-1, -2, NAN, INF, -INF]])
    np.testing.assert_array_equal(pattern.prune(weight, "tf32", "importance", importance), [[1, 0, 3, 0, 7]])
    np.testing.assert_array_equal(pattern.prune(weight, "tf32", "wanda", np.float32([3, 1, 1, 1, 0])),
                                  [[1, 0, 3, 0, 7]])


def test_wanda_takes_integers_as_numbers():
    """|-128| is 128 of s8; u8 has 128 to 255."""
    bits = np.array([[0x80, 0x7F, 0x81, 0]], np.uint8)
    norms = np.float32([1, 1, 1, INF])
    np.testing.assert_array_equal(pattern.prune_bits(bits, "s8", "wanda", norms), [[0x80, 0x7F, 0, 0]])
    np.testing.assert_array_equal(pattern.prune_bits(bits, "u8", "wanda", norms), [[0x80, 0, 0x81, 0]])
    signed = bits.view(np.int8)
    np.testing.assert_array_equal(pattern.prune(signed, "s8", "wanda", norms), [[-128, 127, 0, 0]])
    np.testing.assert_array_equal(pattern.prune(signed, "s8"), [[-128, 127, 0, 0]])


def precedes(first, second):
    """Negative if the first score goes before the second one, as the text of the rule has it."""
    if np.isnan(first) or np.isnan(second):
        return int(np.isnan(second)) - int(np.isnan(first))
    return int(first < second) - int(first > second)


@pytest.mark.parametrize("element_type, kind", [("bf16", np.uint16), ("f16", np.uint16), ("tf32", np.uint32),
                                                ("s8", np.uint8), ("u8", np.uint8), ("e4m3", np.uint8),
                                                ("e5m2", np.uint8)])
@pytest.mark.parametrize("criterion", ["importance", "wanda"])
def test_scores_choose_what_a_sort_of_each_group_does(element_type, kind, criterion):
    random = np.random.default_rng(5)
    rows, columns = 40, 23
    bits = random.integers(0, np.iinfo(kind).max, (rows, columns), dtype=kind, endpoint=True)
    bits[random.random(bits.shape) < 0.2] = 0
    shape = (rows, columns) if criterion == "importance" else (columns,)
    special = random.choice(np.float32([0, -0.0, 1, -1, INF, -INF, NAN]), shape)
    scores = np.where(random.random(shape) < 0.5, random.standard_normal(shape, np.float32), special)
    pruned = pattern.prune_bits(bits, element_type, criterion, scores)

    values = pattern.to_float(bits, element_type)
    size, kept = pattern.GROUPS[element_type]
    with np.errstate(invalid="ignore", over="ignore"):
        ranked = scores if criterion == "importance" else np.where(values == 0, 0, np.abs(values * scores))
    expected = np.zeros_like(bits)
    for row in range(rows):
        for start in range(0, columns, size):
            group = sorted(range(start, min(start + size, columns)), key=functools.cmp_to_key(
                lambda i, j: precedes(ranked[row, i], ranked[row, j])))
            expected[row, group[:kept]] = bits[row, group[:kept]]
    np.testing.assert_array_equal(pruned, expected)
    whole = pattern.compress_bits(bits, element_type, criterion, scores)
    for actual, wanted in zip(whole, pattern.compress_bits(expected, element_type)):
        np.testing.assert_array_equal(actual, wanted)


@pytest.mark.parametrize(
    "criterion, shape, message",
    [
        ("largest", None, "unknown criterion 'largest'"),
        ("magnitude", (8,), r"magnitude of a weight \(3, 8\) takes scores None, not \(8,\)"),
        ("transposable", (3, 8), r"takes scores None, not \(3, 8\)"),
        ("wanda", None, r"takes scores \(8,\), not None"),
        ("wanda", (3, 8), r"takes scores \(8,\), not \(3, 8\)"),
        ("importance", (8,), r"takes scores \(3, 8\), not \(8,\)"),
    ],
)
def test_scores_that_do_not_fit_are_refused(criterion, shape, message):
    scores = None if shape is None else np.ones(shape, np.float32)
    with pytest.raises(ValueError, match=message):
        pattern.prune(np.ones((3, 8), np.float32), "bf16", criterion, scores)
    with pytest.raises(ValueError, match=message):
        pattern.prune_bits(np.ones((3, 8), np.uint16), "bf16", criterion, scores)


def test_negative_zero_is_zero():
    assert pattern.count_violations(np.float32([[-0.0, 1, 2, 0]]), "bf16") == (0, 1)
    assert pattern.count_violations(np.float32([[1, 1, 2, -0.0]]), "bf16") == (1, 1)


def test_norm_kept():
    weight = np.float32([[3, 4, 0, 0]])
    assert pattern.norm_kept(weight, np.float32([[0, 4, 0, 0]])) == pytest.approx(16 / 25)
    assert pattern.norm_kept(np.zeros((1, 4)), np.zeros((1, 4))) == 1.0


def test_round_to_bf16_ties_to_even():
    # 1 + 2^-8 lies between 1 and 1 + 2^-7; 1 + 3 * 2^-8 below 1 + 2^-6.
    values = np.float32([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -INF, NAN, -0.0])
    expected = np.float32([1, 1 + 2**-6, 1 + 2**-7, -INF, NAN, -0.0])
    actual = pattern.round_to(values, "bf16")
    np.testing.assert_array_equal(actual, expected)
    assert np.signbit(actual[-1])


@pytest.mark.parametrize("element_type", ["f16", "bf16", "tf32"])
def test_round_to_stays_within_the_unit_roundoff(element_type):
    values = np.random.default_rng(1).uniform(0.5, 2, 1000).astype(np.float32)
    rounded = pattern.round_to(values, element_type)
    error = np.abs(rounded - values) / values
    assert error.max() <= pattern.UNIT_ROUNDOFF[element_type]
    assert error.max() > pattern.UNIT_ROUNDOFF[element_type] / 2
    np.testing.assert_array_equal(pattern.round_to(rounded, element_type), rounded)

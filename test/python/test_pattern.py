"""The 2:4 rule in NumPy."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

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

"""The float64 reference and its error bound."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import numpy as np
import pytest

from sparse24 import reference


@pytest.fixture
def problem():
    random = np.random.default_rng(3)
    x = random.standard_normal((9, 100), np.float32)
    weight = random.standard_normal((7, 100), np.float32)
    bias = random.standard_normal(7, np.float32)
    return x, weight, bias


@pytest.mark.parametrize("activation", [None, "gelu"])
def test_a_product_in_f32_is_within_the_bound(problem, activation):
    x, weight, bias = problem
    expected, bound = reference.linear(x, weight, bias, activation)
    actual = x @ weight.T + bias
    if activation:
        actual = reference.gelu(actual.astype(np.float64)).astype(np.float32)
    assert reference.compare(actual, expected, bound)[1] <= 1


def test_a_dropped_column_is_not(problem):
    x, weight, bias = problem
    expected, bound = reference.linear(x, weight, bias)
    wrong = x[:, :-1] @ weight[:, :-1].T + bias
    assert reference.compare(wrong, expected, bound)[1] > 1


def test_an_unwritten_element_is_infinitely_wrong(problem):
    x, weight, bias = problem
    expected, bound = reference.linear(x, weight, bias)
    actual = expected.astype(np.float32)
    actual[2, 3] = np.nan
    assert reference.compare(actual, expected, bound) == (np.inf, np.inf)


def test_unknown_activation(problem):
    with pytest.raises(ValueError, match="unknown activation"):
        reference.linear(*problem, activation="swish")

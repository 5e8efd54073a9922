"""What a layer should give: a float64 product, and how far off one may be.

Rounding and summation order are left to the implementation, so an element is
right when |error| <= u_out |ref| + c K u_acc (|A| |B|), where u is the unit
roundoff of the output's and the accumulator's type and K the length of the sum.
"""

import math

import numpy as np

from sparse24.pattern import UNIT_ROUNDOFF

#: The constant c of the bound: one for the sum and one for the products.
SUM_CONSTANT = 2.0

#: No two points of GELU's graph are joined by a steeper line than this.
GELU_LIPSCHITZ = 1.13

#: Roundings of an evaluation of GELU in f32, in units of u |x|.
GELU_ROUNDINGS = 8.0

_erf = np.vectorize(math.erf, otypes=[np.float64])


def gelu(x):
    """GELU, the exact form."""
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)))


def linear(x, weight, bias=None, activation=None, output_type="f32", accumulator_type="f32"):
    """Gives act(x · weightᵀ + bias) in float64 and the bound on its error."""
    x = np.asarray(x, np.float64)
    weight = np.asarray(weight, np.float64)
    terms = weight.shape[1] + (0 if bias is None else 1)
    result = x @ weight.T
    magnitude = np.abs(x) @ np.abs(weight).T
    if bias is not None:
        result = result + np.asarray(bias, np.float64)
        magnitude = magnitude + np.abs(np.asarray(bias, np.float64))
    accumulator = UNIT_ROUNDOFF[accumulator_type]
    bound = SUM_CONSTANT * terms * accumulator * magnitude
    if activation == "gelu":
        bound = GELU_LIPSCHITZ * bound + GELU_ROUNDINGS * accumulator * np.abs(result)
        result = gelu(result)
    elif activation is not None:
        raise ValueError(f"unknown activation '{activation}'")
    return result, bound + UNIT_ROUNDOFF[output_type] * np.abs(result)


def compare(actual, expected, bound):
    """Gives (largest error, largest error in units of its bound).

    An element that isn't finite where the reference is counts as infinitely
    wrong: that is how outputs that nobody wrote show.
    """
    error = np.abs(np.asarray(actual, np.float64) - expected)
    error = np.where(np.isfinite(actual) | ~np.isfinite(expected), error, np.inf)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(error == 0, 0.0, error / bound)
    return float(np.max(error, initial=0.0)), float(np.max(ratio, initial=0.0))

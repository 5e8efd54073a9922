"""Run-time pruning, compression, decompression, packing and verification: on the CPU and by the
emulator's GPU, bit for bit what the reference says."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import numpy as np
import pytest

from pattern_cases import CASES, ELEMENTS, FAMILIES
from sparse24 import cpu, pattern, tools

TARGETS = {"cpu": ("target=cpu", "sparse24-run"), "gpu": ("target=sm_80 format=llvm", "sparse24-emulate")}


def as_input(array, element):
    """The bits as the tool takes them."""
    if array.dtype == np.uint32:
        return array.view(np.float32)
    if array.dtype == np.uint8:
        return array.view(np.int8)
    return array.view(np.float16) if element == "f16" and array.dtype == np.uint16 else array


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Target and type -> name of a case and a call -> the outputs' bits."""
    done = {}

    def get(target, element):
        if (target, element) not in done:
            directory = tmp_path_factory.mktemp("pattern")
            cases = [case for case in CASES if case.element == element]
            (directory / "in.mlir").write_text("".join("".join(case.functions()) for case in cases))
            options, tool = TARGETS[target]
            tools.run([tools.find("sparse24-opt"), directory / "in.mlir", "--remarks-filter=", "-o",
                       directory / "out.mlir", f"--sparse24-pipeline={options}"])
            calls = [(case, name, inputs, outputs) for case in cases for name, inputs, outputs, _ in case.calls()]
            arrays = cpu.run(directory / "out.mlir",
                             [cpu.Call(f"{name}_{case.name}", [as_input(array, element) for array in inputs], outputs)
                              for case, name, inputs, outputs in calls], tool=tool)
            done[target, element] = {(case.name, name): [array.view(f"u{array.itemsize}") for array in outputs]
                                     for (case, name, _, _), (outputs, _) in zip(calls, arrays)}
        return done[target, element]

    return get


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_bits(results, target, case):
    found = results(target, case.element)
    for name, _, _, expected in case.calls():
        for got, want in zip(found[case.name, name], expected):
            if want is not None:
                np.testing.assert_array_equal(got, want.reshape(got.shape), err_msg=name)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("element", ELEMENTS)
def test_packs_as_the_compiler_does(results, target, family, element):
    found = results(target, element)
    for case in CASES:
        if case.element == element and case.is_static:
            np.testing.assert_array_equal(found[case.name, f"pack_{family}"][0],
                                          found[case.name, f"constant_{family}"][0], err_msg=case.name)


def test_transposable_is_the_optimum():
    """Integers, whose sums are exact: no pattern keeps more."""
    patterns = [np.concatenate([upper, lower]) for uppers, lowers in pattern.transposable_patterns()
                for upper in uppers for lower in lowers]
    assert len(patterns) == len({mask.tobytes() for mask in patterns}) == 90
    assert all((mask.sum(axis=axis) == 2).all() for mask in patterns for axis in (0, 1))
    random = np.random.default_rng(4)
    bits = random.integers(0, 256, (4, 4 * 1000), dtype=np.uint8)
    mask = pattern.transposable_mask(bits, "s8")
    tiles, masks = (array.reshape(4, 1000, 4).transpose(1, 0, 2) for array in (pattern.magnitude_rank(bits, "s8"), mask))
    most = np.max([(tiles * candidate).sum(axis=(1, 2)) for candidate in patterns], axis=0)
    np.testing.assert_array_equal((tiles * masks).sum(axis=(1, 2)), most)


def test_e4m3_bits_are_these_numbers():
    codes = np.array([[0x00, 0x80, 0x01, 0x38, 0xC0, 0x7E, 0x7F, 0x08]], np.uint8)
    np.testing.assert_array_equal(pattern.to_float(codes, "e4m3"), [[0, 0, 2**-9, 1, -2, 448, np.nan, 2**-6]])

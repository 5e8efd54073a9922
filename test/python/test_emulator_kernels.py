"""The emulator on small kernels: it agrees with a card, and finds planted mistakes."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import pathlib
import sys

import numpy as np
import pytest

from sparse24 import tools

EMULATOR = pathlib.Path(__file__).resolve().parents[1] / "Emulator"
sys.path[:0] = [str(EMULATOR), str(EMULATOR / "Hardware")]
import compare  # noqa: E402
import kernels  # noqa: E402
import mistakes  # noqa: E402
from emulation import emulate  # noqa: E402


@pytest.fixture(scope="module")
def comparison(tmp_path_factory):
    results = np.load(EMULATOR / "Hardware" / "results" / "results.npz")
    compared = compare.compare(tools.find("sparse24-emulate"), results, tmp_path_factory.mktemp("hardware"))
    return {kernel.name: (share, findings) for kernel, share, findings in compared}


@pytest.mark.parametrize("name", [kernel.name for kernel in kernels.SUITE.kernels])
def test_agrees_with_the_card(comparison, name):
    share, findings = comparison[name]
    assert not findings
    assert share <= 1


@pytest.fixture(scope="module")
def emulated(tmp_path_factory):
    return emulate(tools.find("sparse24-emulate"), mistakes.SUITE, tmp_path_factory.mktemp("mistakes"))


@pytest.mark.parametrize("name", sorted({mistake.right for mistake in mistakes.MISTAKES}))
def test_right_kernel_has_no_finding(emulated, name):
    assert not emulated[name][1]


@pytest.mark.parametrize("mistake", mistakes.MISTAKES, ids=lambda mistake: mistake.kernel)
def test_mistake_is_found(emulated, mistake):
    result, findings = emulated[mistake.kernel]
    if mistake.finding is None:
        # No rule is broken: the comparison with the right result finds it.
        assert not findings
        assert (result != emulated[mistake.right][0]).any()
        return
    named = {(finding.kind, finding.opcode) for finding in findings}
    assert any(kind == mistake.finding and mistake.opcode in opcode for kind, opcode in named), named

"""The scripts that people and CI run."""
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = sorted((ROOT / "scripts").glob("*.sh"))

PASSED = '<testcase name="a"/>'
FAILED = '<testcase name="b"><failure/></testcase>'
SKIPPED = '<testcase name="c"><skipped/></testcase>'


@pytest.mark.parametrize(
    "suites, status, last",
    [
        ([[PASSED, PASSED], [PASSED, SKIPPED]], 0, "3 passed, 0 failed"),
        ([[PASSED], [FAILED, PASSED]], 1, "2 passed, 1 failed"),
        ([[PASSED], []], 1, "1 passed, 1 failed"),
        ([[PASSED], [SKIPPED]], 1, "1 passed, 1 failed"),
        ([[PASSED], None], 1, "1 passed, 1 failed"),
    ],
    ids=["all pass", "one fails", "a suite is empty", "a suite is skipped", "a suite has no results"],
)
def test_count(tmp_path, suites, status, last):
    paths = []
    for number, cases in enumerate(suites):
        paths.append(tmp_path / f"{number}.xml")
        if cases is not None:
            paths[-1].write_text(f"<testsuites><testsuite>{''.join(cases)}</testsuite></testsuites>")
    done = subprocess.run([sys.executable, ROOT / "scripts" / "count_tests.py", *paths],
                          stdout=subprocess.PIPE, text=True)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (status, last)


@pytest.mark.parametrize("script", [*SCRIPTS, ROOT / ".ci" / "run"], ids=lambda path: path.name)
def test_scripts_are_sound(script):
    assert subprocess.run(["bash", "-n", script]).returncode == 0
    assert script.name.endswith("common.sh") or os.access(script, os.X_OK)


def test_setup_refuses_unknown_options():
    done = subprocess.run([ROOT / "scripts" / "setup.sh", "--wrong"], stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert "unknown option '--wrong'" in done.stderr

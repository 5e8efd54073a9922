#!/usr/bin/env bash
# Sets up and runs every test: unit and install tests (ctest), lit, pytest.
# The last line counts them; the status says whether all passed.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

"$root/scripts/setup.sh" --model --tests
export PYTHONPATH=$root/python SPARSE24_BUILD_DIR=$build
results=$build/test-results
rm -rf "$results"
mkdir -p "$results"

# A suite that dies early leaves no result file: the count below notices.
say "unit and install tests"
ctest --test-dir "$build" --output-on-failure --no-tests=error \
  --output-junit "$results/ctest.xml" </dev/null || true
say "lit tests"
/usr/lib/llvm-22/bin/lit -v --xunit-xml-output "$results/lit.xml" \
  "$build/test" </dev/null || true
say "Python tests"
"$python" -m pytest -q -p no:cacheprovider \
  --junit-xml "$results/pytest.xml" "$root/test/python" </dev/null || true
say "done"
"$python" "$root/scripts/count_tests.py" "$results"/{ctest,lit,pytest}.xml

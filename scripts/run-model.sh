#!/usr/bin/env bash
# Sets up, builds, compiles the linear layers of all-MiniLM-L6-v2 and runs them.
# Arguments go to `python -m sparse24.minilm`; try --help.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_with_model sparse24.minilm minilm "$@"

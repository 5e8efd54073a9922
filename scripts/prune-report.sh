#!/usr/bin/env bash
# Sets up, builds, prunes all-MiniLM-L6-v2 by each criterion and reports what
# that does to its layers and its embeddings. Arguments go to
# `python -m sparse24.prune_report`; try --help.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
run_with_model sparse24.prune_report minilm-pruning "$@"

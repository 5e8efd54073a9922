# Shared by the scripts in this directory; to be sourced.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception

export DEBIAN_FRONTEND=noninteractive
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_ROOT_USER_ACTION=ignore
export PYTHONDONTWRITEBYTECODE=1

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${SPARSE24_BUILD_DIR:-$root/build}
venv=$root/.venv
cache=$root/.cache
python=$venv/bin/python
model=$cache/all-MiniLM-L6-v2/model.safetensors

# Says what goes on, with the seconds since the script began.
say() { printf '[%4ds] %s\n' "$SECONDS" "$*" >&2; }

die() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

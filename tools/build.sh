#!/usr/bin/env bash
# build.sh PRESET JOBS [TARGETS...]: configures if that was not done yet, and builds.
set -euo pipefail
cd "$(dirname "$0")/.."
preset=$1 jobs=$2
shift 2
if [ ! -e "build/$preset/build.ninja" ] || [ CMakePresets.json -nt "build/$preset/build.ninja" ]; then
  cmake --preset "$preset" -Wno-dev
fi
cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}

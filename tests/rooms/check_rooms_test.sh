#!/usr/bin/env bash
# The checker passes on our tree and fails, naming the place, on a tree with a forbidden include: a checker that
# cannot fail would be broken.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
"$here/check_rooms.sh"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$scratch/world" "$scratch/store"
printf 'world: base\nstore: base\nbase:\n' >"$scratch/rooms.txt"
printf '#include "store/database.h"\n' >"$scratch/world/frame.cpp"
if out=$("$here/check_rooms.sh" "$scratch"); then
  echo "the checker let world include store"; exit 1
fi
grep -q 'world/frame.cpp:1: room world may not include store' <<<"$out" || { echo "wrong report: $out"; exit 1; }

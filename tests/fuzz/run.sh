#!/usr/bin/env bash
# run.sh DIR SECONDS: runs every fuzz target of DIR for that long, from its committed corpus and what earlier runs
# learnt (build/fuzz/learnt). The canary comes first, and must be found. Status 1 on the first finding: its input lies
# in build/fuzz/found; add it to tests/fuzz/corpus once the bug is fixed.
set -euo pipefail
programs=$(realpath "${1:?usage: run.sh DIR SECONDS}")
seconds=${2:?usage: run.sh DIR SECONDS}
cd "$(dirname "$0")/../.."
mkdir -p build/fuzz/found
export ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=0

mkdir -p build/fuzz/learnt/canary
if "$programs/canary_fuzz" -runs=2000000 -artifact_prefix=build/fuzz/found/canary- build/fuzz/learnt/canary \
  >build/fuzz/canary.log 2>&1 || ! grep -q 'heap-buffer-overflow' build/fuzz/canary.log; then
  echo "canary: the planted bug was not found; see build/fuzz/canary.log" >&2
  exit 1
fi
rm -rf build/fuzz/found/canary-* build/fuzz/learnt/canary
echo "canary: found, as it must be"

for program in "$programs"/*_fuzz; do
  name=$(basename "$program" _fuzz)
  [ "$name" = canary ] && continue
  mkdir -p "build/fuzz/learnt/$name"
  log=build/fuzz/$name.log
  if ! "$program" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="build/fuzz/found/$name-" "build/fuzz/learnt/$name" "tests/fuzz/corpus/$name" >"$log" 2>&1; then
    grep -E 'ERROR|SUMMARY|Test unit written|assert' "$log" >&2 || tail -20 "$log" >&2
    exit 1
  fi
  awk -v name="$name" '/cov:/ {for (i = 1; i < NF; i++) if ($i == "cov:") cov = $(i + 1)}
    /number_of_executed_units/ {runs = $2}
    END {printf "%s: %d runs, %d edges, nothing found\n", name, runs, cov}' "$log"
done

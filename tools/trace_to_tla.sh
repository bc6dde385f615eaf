#!/usr/bin/env bash
# trace_to_tla.sh FILE [LINES]: the first LINES (2,000) steps of a trace, as the module WorldTraceSteps that
# spec/WorldTrace.tla extends; to standard output.
set -euo pipefail
file=${1:?usage: trace_to_tla.sh FILE [LINES]}
lines=${2:-2000}

echo '---- MODULE WorldTraceSteps ----'
echo 'Trace == <<'
sed -n "1,${lines}p" "$file" | sed '/"step":"end"/,$d' |
  sed -E 's/\[/<</g; s/\]/>>/g; s/\{/[/; s/\}/]/; s/"([a-z_]+)":/\1 |-> /g; $!s/$/,/'
echo '>>'
echo '===='

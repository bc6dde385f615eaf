#!/usr/bin/env bash
# check_spec.sh [WORKERS]: TLC over spec/: the model, each bug that must be caught, a trace of a real server. Without
# TLC it says how to get it and is content. TLC_JAR: where tla2tools.jar is, if not in a usual place.
set -euo pipefail
workers=${1:-2}
spec=$(cd "$(dirname "$0")/../spec" && pwd)
jar=${TLC_JAR:-}
for place in ~/tla2tools.jar /usr/share/java/tla2tools.jar /usr/local/lib/tla2tools.jar /opt/tla/tla2tools.jar; do
  [ -n "$jar" ] || { [ -f "$place" ] && jar=$place; } || true
done
if [ -z "$jar" ] || ! command -v java >/dev/null; then
  echo "spec: not checked. It needs Java 11 or later and TLC: tla2tools.jar of https://github.com/tlaplus/tlaplus"
  echo "      (MIT), in $HOME or named by TLC_JAR=FILE."
  exit 0
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp "$spec"/World*.tla "$spec"/World*.cfg "$work"
"$(dirname "$0")/trace_to_tla.sh" "$spec/traces/steps.jsonl" >"$work/WorldTraceSteps.tla"
cd "$work"

tlc() { # MODULE CONFIG LOG
  java -XX:+UseParallelGC -jar "$jar" -workers "$workers" -lncheck final -metadir "$work/states" -config "$2" \
    -cleanup "$1" >"$3" 2>&1
}
count() { grep -E '^[0-9]+ states generated' "$1" | tail -1 | sed 's/ states generated, /, /; s/ distinct.*//'; }
must_hold() { # MODULE CONFIG
  if tlc "$1" "$2" log; then echo "$2: holds ($(count log) states)"; return; fi
  tail -60 log >&2
  echo "$2: does NOT hold" >&2
  exit 1
}
must_fail() { # BUG PROPERTY CONFIG KINDS FAULTS HANDS
  sed -E "/^(INVARIANT|PROPERT)/d; s/Broken = .*/Broken = \"$1\"/; s/Kinds = .*/Kinds = {$4}/
    s/FaultsMax = .*/FaultsMax = $5/; s/HandsMax = .*/HandsMax = $6/" "$3" >bug.cfg
  if [ "$3" = WorldStateLive.cfg ]; then echo "PROPERTY $2"; else echo "INVARIANT $2"; fi >>bug.cfg
  if tlc WorldState bug.cfg log || ! grep -qE "(Invariant|property) $2 (is|was) violated" log; then
    tail -40 log >&2
    echo "bug \"$1\": $2 did not notice" >&2
    exit 1
  fi
  echo "bug \"$1\": $2 is violated after $(count log) states"
}

must_hold WorldTrace WorldTrace.cfg
all='"move", "harvest", "build", "give"'
must_fail 'gift before look' TypeOK WorldState.cfg '"build", "give"' 0 0
must_fail 'ledger apart' Conservation WorldState.cfg "$all" 1 1
must_fail 'mail apart' OnePlace WorldState.cfg "$all" 1 1
must_fail 'retry without lookup' ExactlyOnce WorldState.cfg "$all" 1 1
must_fail 'no seq check' ExactlyOnce WorldState.cfg '"move", "harvest"' 0 0
must_fail 'show before commit' DurableBeforeShown WorldState.cfg "$all" 1 1
must_fail 'accept before t1' DurableBeforeShown WorldState.cfg "$all" 1 1
must_fail 'forget on hand-over' DurableBeforeShown WorldState.cfg '"move", "harvest"' 0 0
must_fail 'lookup without epoch' DurableBeforeShown WorldState.cfg '"harvest"' 1 1
must_fail 't1 without epoch' OneOwner WorldState.cfg "$all" 1 1
must_fail 't2 without epoch' OneOwner WorldState.cfg "$all" 1 1
must_fail 'swallow resends' SentIsAnswered WorldStateLive.cfg '"harvest"' 1 1
must_hold WorldState WorldStateLive.cfg
must_hold WorldState WorldState.cfg

#!/usr/bin/env bash
# rehearsal.sh BIN LIBRARY CLIENT: on_cluster.sh as it would run beside a FoundationDB, with our own library in
# the role of its client and an embedded database in that of the cluster. What would break it: a script that
# nobody can run, a suite that needs the engine compiled in, rows left behind, somebody's data cleared.
set -euo pipefail
usage="usage: rehearsal.sh BIN LIBRARY CLIENT"
bin=${1:?$usage}
library=${2:?$usage}
client=${3:?$usage}
place=$(mktemp -d -p /dev/shm 2>/dev/null || mktemp -d)  # what is rehearsed is no disk
trap 'rm -rf "$place"' EXIT
echo "embedded:data" > "$place/fdb.cluster"
export EVERFRAME_FDB_CLUSTER_FILE="$place/fdb.cluster" EVERFRAME_FDB_LIBRARY="$library"
export RC_PARAMS="max_success=10"  # each commit here is a disk's sync

"$(dirname "$0")/on_cluster.sh" "$bin"

export EVERFRAME_TEST_LIBRARY=$library EVERFRAME_TEST_CLUSTER=$EVERFRAME_FDB_CLUSTER_FILE
whole='StoreTest.*:RefusalsTest.*'  # each of them refuses a database that is not empty
"$bin/store_engine_test" --gtest_filter="$whole" > "$place/out" || { cat "$place/out"; echo "rows were left"; exit 1; }

"$client" "$library" "$EVERFRAME_FDB_CLUSTER_FILE"  # leaves a row of somebody's
if "$bin/store_engine_test" --gtest_filter="$whole" > "$place/out" 2>&1; then
  echo "tests that clear the database ran on one that is in use"
  exit 1
fi
grep -q "the database holds data" "$place/out" || { cat "$place/out"; exit 1; }
"$bin/store_engine_test" --gtest_filter='DirectoryTest.*:RequestsTest.*' > "$place/out" || { cat "$place/out"; exit 1; }
"$client" "$library" "$EVERFRAME_FDB_CLUSTER_FILE" kept || { echo "somebody's row was cleared"; exit 1; }

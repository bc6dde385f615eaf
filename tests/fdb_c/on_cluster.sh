#!/usr/bin/env bash
# on_cluster.sh BIN: the conformance suite on a real FoundationDB, named by EVERFRAME_FDB_CLUSTER_FILE; its client
# library by EVERFRAME_FDB_LIBRARY (libfdb_c.so if unset). Records, directories and the retry loop keep to a random
# prefix of their own, which is cleared; what comes after them needs an empty cluster, and clears it after each test.
# EVERFRAME_PROGRAMS=no leaves out the recorded programs, whose transactions a slow client lets grow too old (1007).
set -euo pipefail
bin=${1:?usage: on_cluster.sh BIN}
if [ -z "${EVERFRAME_FDB_CLUSTER_FILE:-}" ]; then
  echo "skipped: EVERFRAME_FDB_CLUSTER_FILE names no cluster"
  exit 77
fi
export EVERFRAME_TEST_LIBRARY=${EVERFRAME_FDB_LIBRARY:-libfdb_c.so}
export EVERFRAME_TEST_CLUSTER=$EVERFRAME_FDB_CLUSTER_FILE
sandboxed='DirectoryTest.*:RunTest.*:RequestsTest.*'
"$bin/records_test"
"$bin/store_engine_test" --gtest_filter="$sandboxed"
"$bin/store_engine_test" --gtest_filter="-UnknownResult.*:Faults*:$sandboxed"
[ "${EVERFRAME_PROGRAMS:-yes}" = no ] || "$bin/stack_test" --gtest_filter='GoldenTest.*'

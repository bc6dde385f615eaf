#!/usr/bin/env bash
# on_cluster.sh BIN: the conformance suite on a real FoundationDB, named by EVERFRAME_FDB_CLUSTER_FILE; its client
# library by EVERFRAME_FDB_LIBRARY (libfdb_c.so if unset). The cluster must be empty: it is cleared after each test.
set -euo pipefail
bin=${1:?usage: on_cluster.sh BIN}
if [ -z "${EVERFRAME_FDB_CLUSTER_FILE:-}" ]; then
  echo "skipped: EVERFRAME_FDB_CLUSTER_FILE names no cluster"
  exit 77
fi
export EVERFRAME_TEST_LIBRARY=${EVERFRAME_FDB_LIBRARY:-libfdb_c.so}
export EVERFRAME_TEST_CLUSTER=$EVERFRAME_FDB_CLUSTER_FILE
"$bin/store_engine_test" --gtest_filter='-UnknownResult.*:Faults*'
"$bin/stack_test" --gtest_filter='GoldenTest.*'

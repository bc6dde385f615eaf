#!/usr/bin/env bash
# run.sh SERVER_BINARY [players|browser|tunnel|echo|interop|soak]: builds SDK, playground and tests where they changed, and
# runs the tests against servers of their own: free ports, fresh store directories, ended by their pids. Status 0 if all
# passed. Needs node 18 or later, everframe_echo beside the server (echo) and, for all but players and soak, chromium (or
# CHROMIUM=/path/to/it): without them the tests fail.
set -euo pipefail
EVERFRAME_SERVER=$(realpath "${1:?usage: tests/e2e/run.sh SERVER_BINARY [players|browser|tunnel|echo|interop|soak]}")
EVERFRAME_ROOT=$(cd "$(dirname "$0")/../.." && pwd)
export EVERFRAME_SERVER EVERFRAME_ROOT
shift
cd "$EVERFRAME_ROOT"
tools/build_web.sh e2e
[ $# -gt 0 ] || set -- players browser tunnel echo interop soak
for tests in "$@"; do node --test "tests/e2e/dist/$tests.test.js"; done

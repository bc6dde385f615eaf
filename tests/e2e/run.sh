#!/usr/bin/env bash
# run.sh SERVER_BINARY: builds SDK, playground and tests, and runs them against servers of its own: free
# ports, fresh store directories, ended by their pids. Status 0 if all passed. Needs node 18 or later and, for the
# playground, chromium.
set -euo pipefail
EVERFRAME_SERVER=$(realpath "${1:?usage: tests/e2e/run.sh SERVER_BINARY}")
EVERFRAME_ROOT=$(cd "$(dirname "$0")/../.." && pwd)
export EVERFRAME_SERVER EVERFRAME_ROOT
cd "$EVERFRAME_ROOT"
[ -d node_modules/node-datachannel ] || npm ci --no-audit --no-fund
npm run --silent build
npm run --silent build -w tests/e2e
node --test tests/e2e/dist/players.test.js
node --test tests/e2e/dist/browser.test.js

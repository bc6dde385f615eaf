#!/usr/bin/env bash
# web.sh sdk|types: the SDK's unit tests; or the types of playground and tests.
set -euo pipefail
cd "$(dirname "$0")/../.."
case ${1:?usage: web.sh sdk|types} in
  sdk)
    tools/build_web.sh sdk
    exec node --test clients/web/dist/test/*.test.js
    ;;
  types)
    tools/build_web.sh e2e # which checks the SDK's and the tests'
    exec npm run --silent typecheck -w console
    ;;
  *) exit 2 ;;
esac

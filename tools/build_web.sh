#!/usr/bin/env bash
# build_web.sh packages|sdk|site|e2e: installs npm's packages; with sdk builds the web SDK (clients/web/dist) too, with
# site also the playground (console/dist), with e2e also the tests that play in it (tests/e2e/dist). Each only if its
# sources changed since the last time, the packages only if package-lock.json did. What fails is made again.
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?usage: build_web.sh packages|sdk|site|e2e}

# stale MARK SOURCES...: is there no MARK, or something newer, or another list of files (one was removed)?
stale() {
  local mark=$1
  shift
  [ -e "$mark" ] || return 0
  find "$@" -type f | sort | cmp -s - "$mark" || return 0
  [ -n "$(find "$@" -newer "$mark" -print -quit)" ]
}
# build MARK SOURCES... -- COMMAND...
build() {
  local mark=$1 sources=()
  shift
  while [ "$1" != -- ]; do sources+=("$1"); shift; done
  shift
  stale "$mark" "${sources[@]}" || return 0
  echo "$*"
  local began
  began=$(mktemp) # what is edited during the build is newer than its mark
  "$@" </dev/null
  find "${sources[@]}" -type f | sort >"$mark"
  touch -r "$began" "$mark"
  rm -f "$began"
}

build node_modules/.everframe package-lock.json package.json -- npm ci --no-audit --no-fund --loglevel=error
[ "$target" = packages ] && exit
modules=node_modules/.everframe
shared=(tsconfig.base.json $modules)
sdk=(clients/web/src clients/web/test clients/web/package.json clients/web/tsconfig.json)
build clients/web/dist/.built "${shared[@]}" "${sdk[@]}" -- npm run --silent build -w clients/web
[ "$target" = sdk ] && exit
built=clients/web/dist/.built
[ -e console/dist/index.html ] || rm -f console/.built
site=(console/playground console/package.json console/tsconfig.json console/vite.config.js)
build console/.built "${shared[@]}" $built "${site[@]}" -- npm run --silent build -w console -- --logLevel warn
[ "$target" = site ] && exit
e2e=(tests/e2e/src tests/e2e/package.json tests/e2e/tsconfig.json)
build tests/e2e/dist/.built "${shared[@]}" $built "${e2e[@]}" -- npm run --silent build -w tests/e2e

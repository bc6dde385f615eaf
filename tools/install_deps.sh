#!/usr/bin/env bash
# install_deps.sh PURPOSE: installs what is missing of Debian's packages for run | test | bench | fuzz | lint; says
# what, asks nothing. Safe to repeat: with nothing missing it does nothing, not even an update of the package lists.
# Node: any node of NODE_MIN or later on PATH will do; only without one Debian's own is installed.
set -euo pipefail
usage="usage: install_deps.sh run|test|bench|fuzz|lint"
purpose=${1:?$usage}
NODE_MIN=18 # what Debian 12 has

server=(g++ cmake ninja-build ccache libboost1.81-dev libboost-json1.81-dev librocksdb-dev libspdlog-dev libfmt-dev
  libcli11-dev libtomlplusplus-dev libexpected-dev libzstd-dev libxxhash-dev libssl-dev)
# Intel's AES-GCM (BSD-3-Clause), which Debian has for this architecture alone; elsewhere OpenSSL's is used.
[ "$(dpkg --print-architecture)" = amd64 ] && server+=(libipsec-mb-dev)
web() {
  local version=0
  command -v node >/dev/null && version=$(node -p 'process.versions.node.split(".")[0]')
  [ "$version" -ge "$NODE_MIN" ] || echo nodejs
  { [ "$version" -ge "$NODE_MIN" ] && command -v npm >/dev/null; } || echo npm
}
browser() { # set CHROMIUM to use another one than Debian's
  [ -x "${CHROMIUM:-/usr/bin/chromium}" ] || echo chromium
}

case $purpose in
  run) packages=("${server[@]}" $(web)) ;;
  test) packages=("${server[@]}" libgtest-dev librapidcheck-dev libusrsctp-dev xz-utils $(web) $(browser)) ;;
  bench) packages=("${server[@]}" erlang-base) ;;
  fuzz) packages=("${server[@]}" clang libclang-rt-14-dev) ;;
  lint) packages=(clang-format $(web)) ;;
  *) echo "$usage" >&2; exit 2 ;;
esac

missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  command -v sudo >/dev/null || { echo "needed: ${missing[*]}; become root, or install sudo" >&2; exit 1; }
  as_root=(sudo)
fi
echo "Installing Debian packages: ${missing[*]}"
"${as_root[@]}" apt-get update -qq
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
  </dev/null

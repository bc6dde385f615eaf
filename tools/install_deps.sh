#!/usr/bin/env bash
# install_deps.sh run|test: installs what is missing of Debian's packages for that purpose; says what, asks nothing.
# Safe to repeat: with nothing missing it does nothing, not even an update of the package lists.
set -euo pipefail
purpose=${1:?usage: install_deps.sh run|test}

packages=(g++ cmake ninja-build ccache libboost1.81-dev libboost-json1.81-dev librocksdb-dev libspdlog-dev libfmt-dev
  libcli11-dev libtomlplusplus-dev libexpected-dev libzstd-dev libxxhash-dev libssl-dev)
[ "$purpose" = test ] && packages+=(libgtest-dev librapidcheck-dev xz-utils)

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
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"

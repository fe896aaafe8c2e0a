#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# arm64.sh PACKAGE...: unpacks packages for arm64 and all that they depend on in
# /cache/root-arm64.new, and Rust's standard library, which the root's compiler finds there.

set -euo pipefail

. "${BASH_SOURCE[0]%/*}/archive.sh"

target=/cache/root-arm64.new
triple=aarch64-unknown-linux-gnu

use_architecture arm64
apt-get update -q
cd "$MUENNET_WORK"
# Nothing is installed for arm64, so this downloads all that a minimal system lacks.
apt-get install -y --download-only --no-install-recommends -o Dir::Cache::archives="$PWD/" "$@"
apt-get download "libstd-rust-dev=$(dpkg-query --show --showformat '${Version}' libstd-rust-dev)"
for package in *.deb; do
	echo "unpacking $package"
	dpkg-deb -x "$package" "$target"
done
rm -rf "$target"/usr/share/{doc,info,locale,man}
ln -sfnT "/cache/root-arm64/usr/lib/rustlib/$triple" "/usr/lib/rustlib/$triple"

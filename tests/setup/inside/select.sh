#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# select.sh SERIES RELEASE [KVER]: prints "chosen: KVER" for the newest kernel of the series
# with Rust whose packages are all in the archive in one version. If there is none, it tries
# newer series, and prints a line "note: ..." for the user.

set -euo pipefail

series=$1 release=$2 wanted=${3:-}

. "${BASH_SOURCE[0]%/*}/archive.sh"

# candidates PATTERN: prints the names of kernels with headers, newest first.
candidates() {
	apt-cache search --names-only "^linux-headers-$1-amd64\$" |
		sed -n 's/^linux-headers-\([^ ]*\) .*/\1/p' |
		grep -Ev -- '-(cloud|rt)-amd64$' | sort --version-sort --reverse
}

has_rust() {
	local folder headers=linux-headers-$1
	folder=$(mktemp -d)
	(cd "$folder" && apt-get download -q -o APT::Sandbox::User=root \
		"$headers=$(version_of "$headers")" >&2)
	dpkg-deb --fsys-tarfile "$folder"/*.deb |
		tar -xO --wildcards "./usr/src/$headers/.config" >"$folder/config"
	grep -qx CONFIG_RUST=y "$folder/config"
}

usable() {
	if ! kernel_packages "$1"; then
		echo "$1: packages are missing"
		return 1
	fi
	if ! has_rust "$1"; then
		echo "$1: no Rust"
		return 1
	fi
}

choose() {
	echo "chosen: $1"
	exit 0
}

apt-get update -q

if [ -n "$wanted" ]; then
	! usable "$wanted" || choose "$wanted"
	echo "The archive has no complete kernel $wanted with Rust. Its kernels are:"
	candidates '[0-9].*'
	exit 1
fi

for name in $(candidates "${series/./\\.}\\.[0-9]+.*"); do
	! usable "$name" || choose "$name"
done
for name in $(candidates '[0-9].*'); do
	newest=$(printf '%s\n' "$series" "$(series_of "$name")" | sort -V | tail -n 1)
	[ "$newest" != "$series" ] || continue
	if usable "$name"; then
		echo "note: $release-backports has no kernel $series any more; using $name"
		choose "$name"
	fi
done
echo "$release-backports has no complete kernel $series or newer."
exit 1

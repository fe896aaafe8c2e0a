#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# select.sh SERIES RELEASE WANTED: prints "chosen: KVER" for the kernel WANTED, or, if WANTED is a
# flavour such as rt-amd64, for the newest kernel of this flavour and of the series that the driver
# can be built for. If there is none of the series, it tries newer ones, and prints a line
# "note: ..." for the user. If there is none at all, it prints a line "refused: ..." that says why.
# It downloads nothing but the kernel's headers.

set -euo pipefail
shopt -s inherit_errexit

series=$1 release=$2 wanted=$3

. "${BASH_SOURCE[0]%/*}/archive.sh"

# candidates PATTERN FLAVOUR: prints the names of kernels with headers, newest first.
candidates() {
	apt-cache search --names-only "^linux-headers-$1-$2\$" |
		sed -n 's/^linux-headers-\([^ ]*\) .*/\1/p' | sort --version-sort --reverse
}

# configuration_of KVER: prints the configuration of a kernel.
configuration_of() {
	local folder headers=linux-headers-$1
	folder=$(mktemp -d)
	(cd "$folder" && apt-get download -q -o APT::Sandbox::User=root \
		"$headers=$(version_of "$headers")" >&2)
	dpkg-deb --fsys-tarfile "$folder"/*.deb |
		tar -xO --wildcards "./usr/src/$headers/.config"
}

# older A B: succeeds if the series A is older than B.
older() {
	[ "$1" != "$2" ] && [ "$(printf '%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

# reason_against KVER: prints why the driver cannot be built for this kernel, or nothing.
reason_against() {
	if ! kernel_packages "$1" >&2; then
		echo 'the archive does not have all of its packages'
		return
	fi
	configuration_of "$1" | unsuitable
}

# consider KVER [NOTE]: chooses the kernel, with a note for the user, if the driver can be built for
# it. Sets `reason` otherwise.
consider() {
	reason=$(reason_against "$1")
	if [ -z "$reason" ]; then
		[ $# = 1 ] || echo "$2"
		echo "chosen: $1"
		exit 0
	fi
	echo "$1: $reason"
}

refuse() {
	printf 'refused: %s\n' "$1"
	exit 0
}

use_architecture "$(architecture_of "$wanted")"
apt-get update -q

if [[ $wanted == [0-9]* ]]; then
	# No version has a hyphen.
	if [ -z "$(version_of "linux-headers-$wanted")" ]; then
		others=$(candidates '[0-9][^-]*' "${wanted#*-}" | paste -sd ' ')
		refuse "the archive has no kernel $wanted (any more)${others:+; it has $others}"
	fi
	consider "$wanted"
	refuse "cannot use the kernel $wanted: $reason"
fi

first=
for name in $(candidates "${series/./\\.}\.[^-]*" "$wanted"); do
	consider "$name"
	first=${first:-$name: $reason}
done
for name in $(candidates '[0-9][^-]*' "$wanted"); do
	if older "$series" "$(series_of "$name")"; then
		consider "$name" "note: no kernel $series for $wanted can be used; using $name"
		first=${first:-$name: $reason}
	fi
done
refuse "no kernel $series or newer for $wanted in $release-backports can be used${first:+ ($first)}"

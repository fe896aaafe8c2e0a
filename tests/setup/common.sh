# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Paths and functions of the scripts that run on the host.

set -euo pipefail

# The Debian release of the root, whose toolchain built the stock kernel.
release=trixie

checkout=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
setup=$checkout/tests/setup
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/muennet
export checkout setup cache release

say() {
	printf '%s\n' "$*"
}

die() {
	printf 'muennet: %s\n' "$*" >&2
	exit 1
}

# mount, chroot and debootstrap need root.
require_root() {
	[ "$(id -u)" = 0 ] || die "$1 needs root"
}

# Removes a directory that may be incomplete, but not the contents of mounts in it.
discard() {
	rm -rf --one-file-system -- "$@"
}

# Prints the directory in the cache of the kernel $KVER, or of the default kernel.
kernel_directory() {
	if [ -n "${KVER:-}" ]; then
		printf '%s\n' "$cache/kernels/$KVER"
	else
		readlink -f "$cache/kernels/default"
	fi
}

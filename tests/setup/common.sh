# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Paths and functions of the scripts that run on the host.

set -euo pipefail

# The Debian release of the root, whose toolchain built the stock kernel.
release=trixie

# The oldest series of the kernel that the driver supports.
series=7.3
# Without a name, this flavour is used.
[ "${KVER:-}" != amd64 ] || unset KVER

checkout=$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)
setup=$checkout/tests/setup
cache=${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/muennet
export checkout setup cache release series

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

# Prints the directory in the cache of the kernel $KVER, or of the default kernel. The name of a
# flavour is a link.
kernel_directory() {
	local name=${KVER:-default}
	[ "$name" != amd64 ] || name=default
	readlink -m "$cache/kernels/$name"
}

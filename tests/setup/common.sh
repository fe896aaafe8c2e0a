# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Places and small words shared by the scripts that run on the host.

set -euo pipefail

# The root's Debian release; its toolchain built the stock kernel.
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

# Mounting, chroot and debootstrap need it.
require_root() {
	[ "$(id -u)" = 0 ] || die "$1 needs root"
}

# Replaces a folder that may be half made; never reaches into a mount.
discard() {
	rm -rf --one-file-system -- "$@"
}

# The kernel's folder in the cache: $KVER's, or the default one's.
kernel_folder() {
	if [ -n "${KVER:-}" ]; then
		printf '%s\n' "$cache/kernels/$KVER"
	else
		readlink -f "$cache/kernels/default"
	fi
}

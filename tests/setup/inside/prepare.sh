#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# prepare.sh KVER: makes /kernel/build such that modules built in it load in the
# stock kernel: its configuration, its symbols, its release name, and the Rust
# crates rebuilt from its source with its compiler, which gives the same hashes.

set -euo pipefail

kver=$1
# 7.3.4+deb13-amd64: what the source's own version lacks.
local_version=$(printf '%s' "$kver" | sed 's/^[0-9.]*//')

mkdir -p /kernel/build
cp /kernel/config /kernel/build/.config
build() {
	make -C /kernel/source O=/kernel/build LOCALVERSION="$local_version" \
		-j"$(nproc)" "$@"
}
build olddefconfig
# Above all that Rust is still there: olddefconfig drops it silently when the
# compiler does not suit.
for option in CONFIG_RUST=y CONFIG_MODULES=y; do
	grep -qx "$option" /kernel/build/.config ||
		{ echo "$option got lost: the toolchain does not fit"; exit 1; }
done
# No module gets BTF without the kernel's ELF file, so nobody runs the tool for it.
build CONFIG_DEBUG_INFO_BTF= modules_prepare

release=$(cat /kernel/build/include/config/kernel.release)
[ "$release" = "$kver" ] || { echo "built for $release, not $kver"; exit 1; }
cp /kernel/Module.symvers /kernel/build/Module.symvers
cp /.muennet-toolchain /kernel/toolchain
printf '%s\n' "$kver" >/kernel/version

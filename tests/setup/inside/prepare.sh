#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# prepare.sh KVER: prepares /kernel/build for modules that load in the stock kernel. It has
# the configuration, symbols and release name of that kernel. Its Rust crates are built from
# the same source with the same compiler, so that they have the same hashes.

set -euo pipefail

kver=$1
# The part of the release that the version of the source lacks: +deb13-amd64 for
# 7.3.4+deb13-amd64.
local_version=$(printf '%s' "$kver" | sed 's/^[0-9.]*//')

mkdir -p /kernel/build
cp /kernel/config /kernel/build/.config
build() {
	make -C /kernel/source O=/kernel/build LOCALVERSION="$local_version" \
		-j"$(nproc)" "$@"
}
build olddefconfig
# olddefconfig disables Rust without a message if the compiler is not suitable.
for option in CONFIG_RUST=y CONFIG_MODULES=y; do
	grep -qx "$option" /kernel/build/.config ||
		{ echo "$option is disabled: the toolchain is not suitable"; exit 1; }
done
# Modules get BTF only with the kernel's ELF file, so leave out the tool for it.
build CONFIG_DEBUG_INFO_BTF= modules_prepare

release=$(cat /kernel/build/include/config/kernel.release)
[ "$release" = "$kver" ] || { echo "built for $release, not $kver"; exit 1; }
cp /kernel/Module.symvers /kernel/build/Module.symvers
cp /.muennet-toolchain /kernel/toolchain
printf '%s\n' "$kver" >/kernel/version

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configures and builds the debug kernel in /kernel/debug/build.

set -euo pipefail

. "${BASH_SOURCE[0]%/*}/kbuild.sh"

folder=/kernel/debug
build() {
	make -C /kernel/source O="$folder/build" LLVM=1 LOCALVERSION=-debug -j"$(nproc)" "$@"
}

configure "$folder/build" /src/tests/debug/debug.config
# The image that QEMU starts is the ELF file.
build vmlinux modules

release=$(cat "$folder/build/include/config/kernel.release")
modules=$folder/modules/lib/modules/$release
rm -rf "$folder/modules"
mkdir -p "$modules"
for name in modules.builtin modules.builtin.modinfo modules.order; do
	cp "$folder/build/$name" "$modules/"
done
# QEMU starts the ELF file as it is; see CONFIG_PVH.
ln -sfn build/vmlinux "$folder/vmlinuz"
ln -sfn ../source "$folder/source"
printf '%s\n' "$release" >"$folder/version"

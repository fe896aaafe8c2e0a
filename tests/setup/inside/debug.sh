#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debug.sh [--modules]: configures and builds the debug kernel in /kernel/debug/build,
# or its modules. The debug kernel of a real-time kernel is one, too.

set -euo pipefail

. "${BASH_SOURCE[0]%/*}/kbuild.sh"

folder=/kernel/debug
build() {
	make -C /kernel/source O="$folder/build" LLVM=1 LOCALVERSION=-debug -j"$(nproc)" "$@"
}

case ${1:-} in
--modules)
	build modules
	build INSTALL_MOD_PATH="$folder/modules" DEPMOD=true modules_install
	exit
	;;
esac

case $KVER in
*-rt-*)
	# It excludes the other option.
	grep -v '^CONFIG_DETECT_HUNG_TASK_BLOCKER=' /src/tests/debug/debug.config
	echo CONFIG_PREEMPT_RT=y
	;;
*) cat /src/tests/debug/debug.config ;;
esac >/tmp/debug.config
configure "$folder/build" /tmp/debug.config
build vmlinux modules_prepare
# A module outside of the tree uses only symbols of vmlinux.
cp "$folder/build/vmlinux.symvers" "$folder/build/Module.symvers"

release=$(cat "$folder/build/include/config/kernel.release")
modules=$folder/modules/lib/modules/$release
rm -rf "$folder/modules"
mkdir -p "$modules"
for name in modules.builtin modules.builtin.modinfo; do
	cp "$folder/build/$name" "$modules/"
done
# QEMU boots the ELF file; see CONFIG_PVH.
ln -sfn build/vmlinux "$folder/vmlinuz"
ln -sfn ../source "$folder/source"
printf '%s\n' "$release" >"$folder/version"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [--in-tree] [OPTION...] COMMAND [ARGUMENT...]: runs a command of the checkout in
# the Debian root, with the selected kernel, in its own namespaces. README.md describes its
# environment. With --in-tree the driver is a part of the kernel's source. The other options
# are those of `enter`.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/isolate.sh"

require_root "${0##*/}"
kernel=$(kernel_directory)
if [ ! -e "$cache/root" ] || [ ! -e "$kernel/version" ]; then
	die "the set-up is missing; run \"make setup${KVER:+ KVER=$KVER}\""
fi
if [ "$1" = --in-tree ]; then
	shift
	enter_in_tree "$kernel" "$@"
else
	enter --kernel "$kernel" "$@"
fi

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [--in-tree] [OPTION...] COMMAND [ARGUMENT...]: runs a command of the
# checkout inside the Debian root, with the chosen kernel, in namespaces of its
# own. README.md says what the command finds there. With --in-tree the driver is
# a part of the kernel's source; the other options are those of `enter`.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/isolate.sh"

require_root "${0##*/}"
kernel=$(kernel_folder)
if [ ! -e "$cache/root" ] || [ ! -e "$kernel/version" ]; then
	die 'nothing is set up yet; run "make setup"'
fi
if [ "$1" = --in-tree ]; then
	shift
	enter_in_tree "$kernel" "$@"
else
	enter --kernel "$kernel" "$@"
fi

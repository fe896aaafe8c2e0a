#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# run.sh [--write] COMMAND [ARGUMENT...]: runs a command of the checkout inside
# the Debian root, with the chosen kernel, in namespaces of its own. README.md
# says what the command finds there.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/isolate.sh"

require_root "${0##*/}"
kernel=$(kernel_folder)
if [ ! -e "$cache/root" ] || [ ! -e "$kernel/version" ]; then
	die 'nothing is set up yet; run "make setup"'
fi
enter --kernel "$kernel" "$@"

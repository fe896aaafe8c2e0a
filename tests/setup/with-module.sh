#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# with-module.sh COMMAND [ARGUMENT...]: inside the root, builds the module for
# the chosen kernel from a copy of the sources, says where it is in
# $MUENNET_MODULE, and runs the command.

set -euo pipefail

module=$MUENNET_WORK/module
log=$MUENNET_WORK/module.log

printf '# building the module for %s\n' "$KVER"
mkdir "$module"
/src/tests/setup/inside/sync.sh "$module"
if ! make -C /kernel/build M="$module" -j"$(nproc)" modules 2>&1 |
	tee "$log" | sed -u -n 's/^  [A-Z]/#&/p'; then
	tail -n 40 "$log"
	printf '# the module does not build\n'
	exit 1
fi
export MUENNET_MODULE=$module/muennet.ko
exec "$@"

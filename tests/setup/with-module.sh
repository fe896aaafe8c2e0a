#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# with-module.sh COMMAND [ARGUMENT...]: builds the module for the selected kernel and the
# tool muennet_cfg, sets MUENNET_MODULE and MUENNET_CFG to their paths, and runs the
# command. Called in the root.

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

printf '# building muennet_cfg\n'
export MUENNET_CFG=$MUENNET_WORK/muennet_cfg
if ! /src/tests/setup/inside/tool.sh "$MUENNET_CFG" 2>"$log"; then
	tail -n 40 "$log"
	printf '# muennet_cfg does not build\n'
	exit 1
fi
exec "$@"

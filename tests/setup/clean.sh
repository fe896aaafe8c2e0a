#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Removes build products from the checkout. It needs only find, and no set-up.

. "${BASH_SOURCE[0]%/*}/common.sh"

cd "$checkout" || exit 1
find . \( -path ./.git -o -path ./tests -o -path ./muennet_cfg \) -prune -o -type f \( \
	-name '*.o' -o -name '*.ko' -o -name '*.mod' -o -name '*.mod.c' \
	-o -name '.*.cmd' -o -name '*_generated.*' -o -name '*.o.d' \
	-o -name '*.rmeta' -o -name '*.rsi' -o -name '*.s' -o -name '*.i' \
	-o -name '*.symversions' -o -name Module.symvers \
	-o -name modules.order -o -name '.*.d' -o -name '*.a' \
	\) -exec rm -f {} +
rm -rf .tmp_versions

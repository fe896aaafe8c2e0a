# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The files that are part of the project, for the checks.

set -euo pipefail

# sources [FIND-TEST...]: prints the paths of files, without build products.
sources() {
	find . \( -path ./.git -o -name target -o -name __pycache__ \
		-o -name '.tmp_*' \) -prune -o -type f \
		! -name '*_generated.*' ! -name '*.o' ! -name '*.ko' ! -name '*.mod' \
		! -name '*.mod.c' ! -name '.*.cmd' ! -name '.*.d' ! -name '*.s' \
		! -name Module.symvers ! -name modules.order \
		"$@" -print | sort
}

# Prints the files that people have written: neither data nor generated or foreign files.
texts() {
	sources ! -path './tests/data/*' ! -name '*.bin' ! -name '*.png' \
		! -name Cargo.lock ! -name COPYING
}

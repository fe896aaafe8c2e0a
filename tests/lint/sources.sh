# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Lists of the project's files, for the checks.

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

# Prints the paths of hand-written text files, without data and generated files.
texts() {
	sources ! -path './tests/data/*' ! -name '*.bin' ! -name '*.png' \
		! -name Cargo.lock ! -name COPYING
}

# Prints the paths of shell scripts: files with a shebang or a directive of shellcheck.
shell_scripts() {
	local file
	texts | while read -r file; do
		if head -n 3 "$file" | grep -qE '^#!/bin/(ba)?sh|^# shellcheck shell='; then
			printf '%s\n' "$file"
		fi
	done
}

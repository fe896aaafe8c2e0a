#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs the module that was built for the prepared kernel, as that kernel's
# `make modules_install` does: below $INSTALL_MOD_PATH/lib/modules, in the folder
# $INSTALL_MOD_DIR. There is no key to sign it with, and Debian's kernels do not
# insist.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/isolate.sh"

require_root 'the installation for the prepared kernel'
target=${INSTALL_MOD_PATH:-/}
mkdir -p "$target"
# shellcheck disable=SC2016 # for the shell inside
enter --kernel "$(kernel_folder)" --write --bind "$target" /target \
	sh -c 'make -C /kernel/build M=/src INSTALL_MOD_PATH=/target \
			INSTALL_MOD_DIR="$1" CONFIG_MODULE_SIG_ALL=n modules_install &&
		depmod -b /target "$KVER"' sh "${INSTALL_MOD_DIR:-updates}"

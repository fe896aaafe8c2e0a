#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Installs the module for the prepared kernel with `make modules_install`: below
# $INSTALL_MOD_PATH/lib/modules, in the directory $INSTALL_MOD_DIR. The module is not
# signed, because there is no key; Debian's kernels do not require a signature.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/isolate.sh"

require_root 'the installation for the prepared kernel'
case ${KVER:-} in
*-arm64 | arm64)
	[ -n "${INSTALL_MOD_PATH:-}" ] ||
		die "this machine does not run $KVER; INSTALL_MOD_PATH= says where to install"
	;;
esac
target=${INSTALL_MOD_PATH:-/}
mkdir -p "$target"
# shellcheck disable=SC2016 # the shell in the root expands it
enter --kernel "$(kernel_directory)" --write --bind "$target" /target \
	sh -c 'make -C /kernel/build M=/src INSTALL_MOD_PATH=/target \
			INSTALL_MOD_DIR="$1" CONFIG_MODULE_SIG_ALL=n modules_install &&
		depmod -b /target "$KVER"' sh "${INSTALL_MOD_DIR:-updates}"

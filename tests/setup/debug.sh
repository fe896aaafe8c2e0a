# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The debug kernel: tests/debug/debug.config, from the same source as the stock
# kernel, built with LLVM because KASAN knows Rust only so. It lies beside the
# stock one in a folder of the same shape, so that `MUENNET_KERNEL=/kernel/debug`
# chooses it. Its modules are a part of their own, for `make check` needs none.

debug_identity() {
	cat "$checkout/tests/debug/debug.config" "$setup"/inside/{debug,kbuild}.sh \
		"$cache/root/.muennet-toolchain" 2>/dev/null | sha256sum | cut -d ' ' -f 1
}

debug_is_ready() {
	[ "$(cat "$(kernel_folder)/debug/.identity" 2>/dev/null)" = "$(debug_identity)" ]
}

set_up_debug() {
	local folder
	folder=$(kernel_folder)
	step_remedy=$folder/debug
	step debug 'debug kernel: KASAN, lockdep and others (about 10 min)' \
		enter --kernel "$folder" tests/setup/inside/debug.sh
	debug_identity >"$folder/debug/.identity"
}

debug_modules_is_ready() {
	debug_is_ready &&
		[ "$(cat "$(kernel_folder)/debug/.modules-identity" 2>/dev/null)" = "$(debug_identity)" ]
}

set_up_debug_modules() {
	local folder
	folder=$(kernel_folder)
	step_remedy=$folder/debug
	step debug_modules 'modules of the debug kernel (about 2 min)' \
		enter --kernel "$folder" tests/setup/inside/debug.sh --modules
	debug_identity >"$folder/debug/.modules-identity"
}

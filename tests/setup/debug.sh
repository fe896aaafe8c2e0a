# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The debug kernel, with tests/debug/debug.config and the source of the stock kernel. It
# is built with LLVM, because KASAN supports Rust only with LLVM. Its directory has the
# layout of /kernel, so that `MUENNET_KERNEL=/kernel/debug` selects it. Its modules are a
# separate part, because `make check` does not need them.

debug_identity() {
	cat "$checkout/tests/debug/debug.config" "$setup"/inside/{debug,kbuild}.sh \
		"$cache/root/.muennet-toolchain" 2>/dev/null | sha256sum | cut -d ' ' -f 1
}

debug_is_ready() {
	[ "$(cat "$(kernel_directory)/debug/.identity" 2>/dev/null)" = "$(debug_identity)" ]
}

set_up_debug() {
	local folder
	folder=$(kernel_directory)
	step_output=$folder/debug
	step debug 'debug kernel: KASAN, lockdep and others (about 10 min)' \
		enter --kernel "$folder" tests/setup/inside/debug.sh
	debug_identity >"$folder/debug/.identity"
}

debug_modules_is_ready() {
	local stamp
	stamp=$(kernel_directory)/debug/.modules-identity
	debug_is_ready && [ "$(cat "$stamp" 2>/dev/null)" = "$(debug_identity)" ]
}

set_up_debug_modules() {
	local folder
	folder=$(kernel_directory)
	step_output=$folder/debug
	step debug_modules 'modules of the debug kernel (about 2 min)' \
		enter --kernel "$folder" tests/setup/inside/debug.sh --modules
	debug_identity >"$folder/debug/.modules-identity"
}

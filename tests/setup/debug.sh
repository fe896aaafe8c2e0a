# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The debug kernel: tests/debug/debug.config, from the same source as the stock
# kernel, built with LLVM because KASAN knows Rust only so. It lies beside the
# stock one in a folder of the same shape, so that `MUENNET_KERNEL=/kernel/debug`
# chooses it.

set_up_debug() {
	local folder identity
	folder=$(kernel_folder)
	identity=$({ cat "$checkout/tests/debug/debug.config"
		cat "$cache/root/.muennet-toolchain"; } | sha256sum | cut -d ' ' -f 1)
	[ "$(cat "$folder/debug/.identity" 2>/dev/null)" != "$identity" ] || return 0
	step_remedy=$folder/debug
	step debug 'debug kernel: KASAN, lockdep and others (about 10 min)' \
		enter --kernel "$folder" tests/setup/inside/debug.sh
	printf '%s\n' "$identity" >"$folder/debug/.identity"
}

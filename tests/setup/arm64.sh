# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the kernels for arm64 need: the cross compiler and QEMU, in the root, and the programs of
# the virtual machines, in a root of their own. It is unpacked only, because this machine cannot
# run its programs.

# The parts of it in the root and beside it have the same stamp.
arm64_stamp=.muennet-arm64

arm64_identity() {
	{
		# Rust's standard library has the version of the compiler.
		cat "$cache/root/.muennet-toolchain" 2>/dev/null || true
		packages_of packages-machines
		packages_of packages-arm64
		cat "$setup"/inside/{arm64,archive}.sh
	} | sha256sum | cut -d ' ' -f 1
}

arm64_is_ready() {
	local identity
	identity=$(arm64_identity)
	[ "$(cat "$cache/root/$arm64_stamp" 2>/dev/null)" = "$identity" ] &&
		[ "$(cat "$cache/root-arm64/$arm64_stamp" 2>/dev/null)" = "$identity" ]
}

set_up_arm64() {
	local -a environment packages
	step_output=$cache/root-arm64.new
	mapfile -t packages < <(packages_of packages-arm64)
	step arm64-tools 'compiler and QEMU for arm64 (about 1 min)' \
		install_packages "$cache/root" "${packages[@]}"
	discard "$step_output"
	mkdir -p "$step_output"
	mapfile -t packages < <(packages_of packages-machines)
	mapfile -t environment < <(fetch_environment)
	step arm64-machines 'programs of the virtual machines for arm64 (about 1 min)' \
		enter "${environment[@]}" tests/setup/inside/arm64.sh "${packages[@]}"
	arm64_identity >"$step_output/$arm64_stamp"
	discard "$cache/root-arm64"
	mv -T "$step_output" "$cache/root-arm64"
	arm64_identity >"$cache/root/$arm64_stamp"
}

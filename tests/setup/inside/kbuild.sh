# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the builds of the two kernels of the tests have in common. `build` is to be
# a function that calls make for the kernel.

# configure FOLDER FILE: makes the configuration of FILE on top of allnoconfig;
# fails when the kernel does not have one of its options, for Kconfig drops
# silently what cannot be.
configure() {
	local option lost=0
	mkdir -p "$1"
	cp "$2" "$1/wanted.config"
	build KCONFIG_ALLCONFIG="$1/wanted.config" allnoconfig
	while read -r option; do
		grep -qxF "$option" "$1/.config" ||
			{ echo "not possible: $option"; lost=1; }
	done < <(grep '^CONFIG_' "$1/wanted.config")
	[ "$lost" = 0 ]
	build syncconfig
	take_host_crates "$1"
}

# take_host_crates FOLDER: takes over the crates that the kernel's procedural
# macros use, from the build folder for modules: they run on this machine, are the
# same for every kernel, and take longer to build than the kernel crate. Each has
# to be newer than what it is made of, or make builds it all the same; of two that
# are the same the present one stays, or make builds all again that uses it.
take_host_crates() {
	local from=/kernel/build/rust/host to=$1/rust/host crate
	mkdir -p "$to"
	for crate in proc_macro2 quote syn; do
		[ -e "$from/lib$crate.rlib" ] || return 0
		! cmp -s "$from/lib$crate.rlib" "$to/lib$crate.rlib" || continue
		cp "$from/lib$crate.rlib" "$from/.lib$crate.rlib.cmd" "$to/"
	done
}

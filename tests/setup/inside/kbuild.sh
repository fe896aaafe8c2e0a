# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Functions for the builds of the debug kernel and of user-mode Linux. The caller defines
# a function `build` that calls make for the kernel.

# configure DIRECTORY FILE: makes a configuration of FILE on top of allnoconfig. Fails if an
# option of FILE is not in the result: Kconfig drops it without a message if its
# dependencies are not met.
configure() {
	local option missing=0
	mkdir -p "$1"
	cp "$2" "$1/wanted.config"
	build KCONFIG_ALLCONFIG="$1/wanted.config" allnoconfig
	while read -r option; do
		grep -qxF "$option" "$1/.config" ||
			{ echo "not possible: $option"; missing=1; }
	done < <(grep '^CONFIG_' "$1/wanted.config")
	[ "$missing" = 0 ]
	build syncconfig
	copy_host_crates "$1"
}

# copy_host_crates DIRECTORY: copies the crates of the kernel's procedural macros from the
# build directory for modules. They run on the host, are the same for all kernels, and take
# longer to build than the kernel crate. The copy gets a new time: make builds a crate that
# is older than its sources. An equal crate is not copied again: make would rebuild all that
# depends on it.
copy_host_crates() {
	local from=/kernel/build/rust/host to=$1/rust/host crate
	mkdir -p "$to"
	for crate in proc_macro2 quote syn; do
		[ -e "$from/lib$crate.rlib" ] || return 0
		! cmp -s "$from/lib$crate.rlib" "$to/lib$crate.rlib" || continue
		cp "$from/lib$crate.rlib" "$from/.lib$crate.rlib.cmd" "$to/"
	done
}

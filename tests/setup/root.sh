# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The Debian root: debootstrap, then the packages of the lists. The directory is called
# root.new until it is complete.

root_stamp=.muennet-packages

# Prints a hash of the contents. If a list of packages changes, they are installed again.
root_identity() {
	{
		printf '%s\n' "$release"
		packages_of packages
		packages_of packages-machines
	} | sha256sum | cut -d ' ' -f 1
}

# packages_of FILE: prints the packages in a list.
packages_of() {
	grep -Ev '^(#|$)' "$setup/$1"
}

# has_packages NAME: whether the root has the packages in the list packages-NAME, which only some
# commands need.
has_packages() {
	[ "$(cat "$cache/root/.muennet-packages-$1" 2>/dev/null)" = "$(packages_of "packages-$1")" ]
}

# add_packages NAME TITLE: installs them.
add_packages() {
	local -a packages
	mapfile -t packages < <(packages_of "packages-$1")
	step_output=$cache/root
	step "$1" "$2" install_packages "$cache/root" "${packages[@]}"
	packages_of "packages-$1" >"$cache/root/.muennet-packages-$1"
}

root_is_ready() {
	[ "$(cat "$cache/root/$root_stamp" 2>/dev/null)" = "$(root_identity)" ]
}

set_up_root() {
	local root=$cache/root
	if [ ! -e "$root" ]; then
		root=$root.new
		if [ ! -e "$root/.muennet-base" ]; then
			step_output=$root
			install_debootstrap
			step base 'a minimal Debian 13 (about 1 min)' bootstrap_root "$root"
		fi
	fi
	step_output=$root
	step packages 'toolchain and test tools in it (about 3 min)' \
		install_toolchain "$root"
	[ "$root" = "$cache/root" ] || mv -T "$root" "$cache/root"
	root_identity >"$cache/root/$root_stamp"
}

# Installs the only package that the host needs, and updates apt's indexes.
install_debootstrap() {
	command -v debootstrap >/dev/null && [ -n "${DEBIAN_MIRROR:-$(apt_archives)}" ] &&
		return 0
	step host 'debootstrap on this machine' host_packages
}

host_packages() {
	isolated apt-get update
	command -v debootstrap >/dev/null ||
		DEBIAN_FRONTEND=noninteractive isolated apt-get install -y \
			--no-install-recommends debootstrap debian-archive-keyring
}

# bootstrap DIRECTORY: makes a minimal Debian.
bootstrap() {
	local mirror
	mirror=$(debian_mirror)
	use_apt_proxy
	discard "$1"
	isolated debootstrap --variant=minbase "$release" "$1" "$mirror"
}

bootstrap_root() {
	local root=$1
	bootstrap "$root"
	# Manuals are not needed in the root.
	cat >"$root/etc/dpkg/dpkg.cfg.d/muennet" <<-END
		path-exclude=/usr/share/doc/*
		path-exclude=/usr/share/man/*
		path-exclude=/usr/share/info/*
		path-exclude=/usr/share/locale/*
		force-unsafe-io
	END
	# Translated package descriptions are not needed either.
	echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/80muennet"
	touch "$root/.muennet-base"
}

# write_sources ROOT: writes the list of archives for apt in the root.
write_sources() {
	local mirror
	mirror=$(debian_mirror)
	printf 'deb %s %s main\n' "$mirror" "$release" \
		"$mirror" "$release-backports" >"$1/etc/apt/sources.list"
}

# install_packages ROOT PACKAGE...
install_packages() {
	local root=$1
	local -a environment
	shift
	mapfile -t environment < <(fetch_environment)
	write_sources "$root"
	copy_network_settings "$root"
	enter --root "$root" "${environment[@]}" tests/setup/inside/install.sh "$@"
}

install_toolchain() {
	local root=$1
	local -a packages
	mapfile -t packages < <(packages_of packages; packages_of packages-machines)
	install_packages "$root" "${packages[@]}"
	# A kernel that was prepared with other versions must be prepared again.
	enter --root "$root" sh -c \
		'dpkg-query --show bindgen clang gcc pahole rustc >/.muennet-toolchain'
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The Debian root: debootstrap, then the packages of the list. It is made as
# root.new and renamed when it is complete.

root_stamp=.muennet-packages

# What identifies the contents; a changed list is installed anew.
root_identity() {
	{ printf '%s\n' "$release"; wanted_packages; } | sha256sum | cut -d ' ' -f 1
}

wanted_packages() {
	grep -Ev '^(#|$)' "$setup/packages"
}

root_is_ready() {
	[ "$(cat "$cache/root/$root_stamp" 2>/dev/null)" = "$(root_identity)" ]
}

set_up_root() {
	local root=$cache/root
	if [ ! -e "$root" ]; then
		root=$root.new
		if [ ! -e "$root/.muennet-base" ]; then
			step_remedy=$root
			install_debootstrap
			step base 'a minimal Debian 13 (about 1 min)' bootstrap "$root"
		fi
	fi
	step_remedy=$root
	step packages 'toolchain and test tools in it (about 3 min)' \
		install_packages "$root"
	[ "$root" = "$cache/root" ] || mv -T "$root" "$cache/root"
	root_identity >"$cache/root/$root_stamp"
}

# The one package that the host gets.
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

bootstrap() {
	local root=$1 mirror
	mirror=$(debian_mirror)
	use_apt_proxy
	discard "$root"
	isolated debootstrap --variant=minbase "$release" "$root" "$mirror"
	# Nobody reads manuals in there.
	cat >"$root/etc/dpkg/dpkg.cfg.d/muennet" <<-END
		path-exclude=/usr/share/doc/*
		path-exclude=/usr/share/man/*
		path-exclude=/usr/share/info/*
		path-exclude=/usr/share/locale/*
		force-unsafe-io
	END
	# Nor descriptions of packages in other words.
	echo 'Acquire::Languages "none";' >"$root/etc/apt/apt.conf.d/80muennet"
	touch "$root/.muennet-base"
}

# write_sources ROOT: the archives the root's apt reads.
write_sources() {
	local mirror
	mirror=$(debian_mirror)
	printf 'deb %s %s main\n' "$mirror" "$release" \
		"$mirror" "$release-backports" >"$1/etc/apt/sources.list"
}

install_packages() {
	local root=$1
	local -a packages environment
	mapfile -t packages < <(wanted_packages)
	mapfile -t environment < <(fetch_environment)
	write_sources "$root"
	let_fetch "$root"
	enter --root "$root" "${environment[@]}" \
		tests/setup/inside/install.sh "${packages[@]}"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the packages need: the packaging tools, in the root, and a Debian 13 with the stock kernel
# as the disk of a virtual machine, made only with Debian's packages.

deb_is_ready() {
	has_packages deb
}

set_up_deb() {
	add_packages deb 'packaging tools (about 2 min)'
}

debian_identity() {
	{
		printf '%s\n' "$release"
		packages_of packages-debian
		cat "$setup"/inside/debian.sh
	} | sha256sum | cut -d ' ' -f 1
}

debian_is_ready() {
	[ "$(cat "$(kernel_directory)/debian/.identity" 2>/dev/null)" = "$(debian_identity)" ]
}

set_up_debian() {
	local folder root
	local -a packages
	folder=$(kernel_directory)
	mapfile -t packages < <(packages_of packages-debian)
	root=$folder/debian.new/root
	step_output=$folder/debian.new
	discard "$folder/debian.new" "$folder/debian"
	mkdir -p "$folder/debian.new"
	install_debootstrap
	step debian-base 'a Debian 13 for a virtual machine (about 1 min)' bootstrap "$root"
	step debian-packages 'its packages and kernel (about 4 min)' \
		install_packages "$root" "${packages[@]}" "linux-base/$release-backports" \
		"linux-image-$(cat "$folder/version")"
	step debian-image 'the image of its disk (about 1 min)' \
		enter --kernel "$folder" tests/setup/inside/debian.sh
	discard "$root"
	debian_identity >"$folder/debian.new/.identity"
	mv -T "$folder/debian.new" "$folder/debian"
}

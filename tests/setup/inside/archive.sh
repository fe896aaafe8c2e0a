# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The names and versions of a kernel's packages in the archive.

# Prints the series of a kernel: 7.3 for 7.3.4+deb13-amd64.
series_of() {
	printf '%s\n' "$1" | grep -oE '^[0-9]+\.[0-9]+'
}

# version_of PACKAGE: prints the newest version in the archive.
version_of() {
	apt-cache madison "$1" | cut -d '|' -f 2 | tr -d ' ' |
		sort --version-sort | tail -n 1
}

# kernel_packages KVER: prints PACKAGE=VERSION of headers, source, image and modules, all
# in the version of the headers. Fails if one is missing. Only newer kernels split the image
# into binary, modules and base (the lists that depmod reads).
kernel_packages() {
	local kver=$1 version modules=linux-modules-$1 image
	version=$(version_of "linux-headers-$kver")
	[ -n "$version" ] || return 1
	image=$(first_of "$version" "linux-binary-$kver" \
		"linux-binary-unsigned-$kver" "linux-image-$kver" \
		"linux-image-$kver-unsigned") || return 1
	first_of "$version" "linux-headers-$kver" || return 1
	first_of "$version" "linux-source-$(series_of "$kver")" || return 1
	printf '%s\n' "$image"
	case $image in
	linux-binary-*) first_of "$version" "$modules" || return 1 ;;
	esac
	first_of "$version" "linux-base-$kver" || true
}

# first_of VERSION PACKAGE...: prints the first package that exists in this version.
first_of() {
	local version=$1 package
	shift
	for package; do
		if apt-cache madison "$package" | cut -d '|' -f 2 | tr -d ' ' |
			grep -qxF "$version"; then
			printf '%s=%s\n' "$package" "$version"
			return 0
		fi
	done
	return 1
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A kernel's packages in the archive, and whether the driver can be built for it.

# Prints the series of a kernel: 7.3 for 7.3.4+deb13-amd64.
series_of() {
	printf '%s\n' "$1" | grep -oE '^[0-9]+\.[0-9]+'
}

# Prints Debian's name of the architecture of a kernel, or of a flavour of kernels.
architecture_of() {
	case $1 in
	*arm64*) echo arm64 ;;
	*) echo amd64 ;;
	esac
}

# use_architecture ARCHITECTURE: makes apt use the packages of an architecture, with the archives of
# the root, and as if none was installed.
use_architecture() {
	local folder=/var/lib/muennet-apt-$1
	[ "$1" != "$(dpkg --print-architecture)" ] || return 0
	mkdir -p "$folder"/{state/lists,cache/archives}/partial
	: >"$folder/status"
	cat >"$folder/apt.conf" <<-END
		APT::Architecture "$1";
		APT::Architectures { "$1"; };
		APT::Sandbox::User "root";
		Dir::State "$folder/state";
		Dir::State::status "$folder/status";
		Dir::Cache "$folder/cache";
	END
	export APT_CONFIG=$folder/apt.conf
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

# Prints why the driver cannot be built for a kernel with the configuration on standard input, or
# nothing.
unsuitable() {
	local compiler builder options
	options=$(cat)
	compiler=$(rustc --version)
	builder=$(sed -n 's/^CONFIG_RUSTC_VERSION_TEXT="\(.*\)"$/\1/p' <<<"$options")
	if ! grep -qx CONFIG_RUST=y <<<"$options"; then
		echo 'it was built without Rust (CONFIG_RUST)'
	elif [ "$builder" != "$compiler" ]; then
		echo "it was built by another compiler ($builder) than Debian 13's ($compiler)"
	elif ! grep -qxE 'CONFIG_(X86_64|ARM64_4K_PAGES)=y' <<<"$options"; then
		echo 'its pages do not have 4 KiB'
	fi
}

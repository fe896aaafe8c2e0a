# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# The package archive and the network settings, from the configuration of the host.

# Prints the address of the Debian archive: $DEBIAN_MIRROR, or the archive that the apt of
# the host uses.
debian_mirror() {
	local site=${DEBIAN_MIRROR:-}
	[ -n "$site" ] || site=$(apt_archives | head -n 1)
	case $site in
	http://* | https://*) printf '%s\n' "${site%/}" ;;
	'') die 'apt has no Debian archive; set DEBIAN_MIRROR=http://...' ;;
	*) die "cannot use the archive $site; set DEBIAN_MIRROR=http://..." ;;
	esac
}

# Prints the archives of apt's indexes. The label excludes security and backports.
apt_archives() {
	# shellcheck disable=SC2016 # apt expands it
	apt-get indextargets --format '$(SITE)' 'Created-By: Packages' \
		'Origin: Debian' 'Label: Debian' 2>/dev/null | sort -u
}

# Prints apt's settings for downloads that are valid in another root.
apt_settings() {
	apt-config dump |
		grep -E '^Acquire::(Retries|Check-Valid-Until|https?(::|-)|http |https )' |
		grep -Ev 'Auto-Detect|Ssl(Cert|Key)' || true
}

# debootstrap downloads with wget, which does not use apt's proxy.
use_apt_proxy() {
	local proxy
	if [ -z "${http_proxy:-}" ]; then
		eval "$(apt-config shell proxy Acquire::http::Proxy)"
		[ -z "${proxy:-}" ] || export http_proxy=$proxy
	fi
}

# copy_network_settings ROOT: copies the certificates, the resolver configuration and
# apt's settings of the host to a root.
copy_network_settings() {
	local root=$1 certificates=/etc/ssl/certs/ca-certificates.crt
	mkdir -p "$root/etc/ssl/certs" "$root/etc/apt/apt.conf.d"
	if [ -e "$certificates" ]; then
		cp --remove-destination "$certificates" "$root$certificates"
	fi
	if [ -e /etc/resolv.conf ]; then
		cp --remove-destination -L /etc/resolv.conf "$root/etc/resolv.conf"
	fi
	apt_settings >"$root/etc/apt/apt.conf.d/90machine"
}

# Prints the options of `enter` that pass proxies and cargo's settings to the root.
fetch_environment() {
	local variable
	for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY \
		NO_PROXY ALL_PROXY all_proxy "${!CARGO_HTTP_@}" \
		"${!CARGO_REGISTRIES_@}" CARGO_NET_GIT_FETCH_WITH_CLI CARGO_NET_RETRY; do
		[ -z "${!variable-}" ] ||
			printf '%s\n%s\n' --env "$variable=${!variable}"
	done
}

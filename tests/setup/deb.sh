#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the Debian packages: the module for each prepared kernel, or for $KVER, and the tools. They
# replace other versions of the same packages in $OUT, by default `packages` in the cache. With
# $SIGN_KEY (PEM, without a passphrase) and $SIGN_CERT (DER) the modules are signed.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/isolate.sh"

require_root 'a build of packages'
out=$(realpath -m "${OUT:-$cache/packages}")
key=()
if [ -n "${SIGN_KEY:-}${SIGN_CERT:-}" ]; then
	for file in "${SIGN_KEY:-}" "${SIGN_CERT:-}"; do
		[ -f "$file" ] || die "SIGN_KEY= and SIGN_CERT= are both needed, as files"
	done
	export MUENNET_SIGN_KEY=/sign/key.pem MUENNET_SIGN_CERT=/sign/key.der
	key=(--bind "$(realpath "$SIGN_KEY")" "$MUENNET_SIGN_KEY"
		--bind "$(realpath "$SIGN_CERT")" "$MUENNET_SIGN_CERT")
fi

mkdir -p "$cache/rig" "$out"
products=$(mktemp -d "$cache/rig/products.XXXXXX")
trap 'rm -rf "$products"' EXIT

for version in "$cache"/kernels/*/version; do
	folder=${version%/version}
	kver=${folder##*/}
	# `default` and the flavours are links to others.
	if [ -L "$folder" ] || [ "${kver%.new}" != "$kver" ]; then
		continue
	fi
	if [ -n "${KVER:-}" ] && [ "$kver" != "$(basename "$(kernel_directory)")" ]; then
		continue
	fi
	# The packages are for amd64.
	case $kver in
	*-arm64) continue ;;
	esac
	cmp -s "$folder/toolchain" "$cache/root/.muennet-toolchain" ||
		die "$kver was prepared with another toolchain; run make KVER=$kver," \
			"or delete $folder"
	enter --kernel "$folder" --bind "$products" /products "${key[@]}" \
		tests/setup/with-module.sh tests/setup/inside/products.sh
done
enter --kernel "$(kernel_directory)" --bind "$products" /products --bind "$out" /target \
	tests/setup/inside/deb.sh
say "# they are in $out"

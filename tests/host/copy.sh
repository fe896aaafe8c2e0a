# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Where cargo works. It goes by the times of files, so it gets a copy in the
# cache in which a file is new just when its contents changed. All checkouts share the
# copy, so who reads this file has it alone until the end.

exec {copy_lock}>"$MUENNET_CACHE/host.lock"
flock "$copy_lock"

# Prints the manifests of all cargo projects, in the copy.
cargo_projects() {
	local copy=$MUENNET_CACHE/host manifest
	mkdir -p "$copy"
	rsync --recursive --links --delete --checksum --no-times --exclude=/.git \
		--exclude=target --exclude='*.o' --exclude='*.ko' "$MUENNET_SRC/" "$copy/"
	for manifest in "$copy"/tests/*/Cargo.toml "$copy"/bench/channel/Cargo.toml \
		"$copy"/muennet_cfg/Cargo.toml; do
		[ ! -e "$manifest" ] || printf '%s\n' "$manifest"
	done
}

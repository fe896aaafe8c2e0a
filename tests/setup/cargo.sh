# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Downloads the crates in the lock files of the cargo projects, so that cargo works
# offline afterwards.

cargo_locks() {
	local lock
	for lock in "$checkout"/tests/*/Cargo.lock "$checkout"/bench/channel/Cargo.lock \
		"$checkout"/muennet_cfg/Cargo.lock; do
		[ ! -e "$lock" ] || printf '%s\n' "$lock"
	done
}

# cargo_stamp LOCK: prints the path of the file that marks the crates as downloaded.
cargo_stamp() {
	printf '%s\n' "$cache/cargo/fetched/$(sha256sum <"$1" | cut -d ' ' -f 1)"
}

cargo_is_ready() {
	local lock
	for lock in $(cargo_locks); do
		[ -e "$(cargo_stamp "$lock")" ] || return 1
	done
}

set_up_cargo() {
	local lock name stamp
	for lock in $(cargo_locks); do
		name=${lock#"$checkout/"}
		name=${name%/Cargo.lock}
		stamp=$(cargo_stamp "$lock")
		[ ! -e "$stamp" ] || continue
		step_output=$cache/cargo
		step "cargo-${name##*/}" "crates of $name" fetch_crates "$name"
		mkdir -p "${stamp%/*}"
		touch "$stamp"
	done
}

fetch_crates() {
	local -a environment
	mapfile -t environment < <(fetch_environment)
	mkdir -p "$cache/cargo"
	cargo_settings >"$cache/cargo/config.toml"
	copy_network_settings "$cache/root"
	enter "${environment[@]}" --env CARGO_NET_OFFLINE=false \
		cargo fetch --locked --manifest-path "/src/$1/Cargo.toml"
}

# Prints the settings of the host's cargo for registries and downloads. Other settings
# (linkers, wrappers) do not apply in the root.
cargo_settings() {
	local home=${CARGO_HOME:-${HOME:-/root}/.cargo} file
	for file in "$home/config.toml" "$home/config"; do
		[ -e "$file" ] || continue
		awk '/^\[/ { keep = /^\[(http|net|source|registry|registries)[].]/ } keep' "$file"
		return 0
	done
}

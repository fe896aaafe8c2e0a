#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tool.sh FILE: builds muennet_cfg, statically linked, as FILE. Cargo compares the times of
# files, so it builds in a copy in which only files with changed contents get a new time.

set -euo pipefail

copy=$MUENNET_CACHE/tool
target=x86_64-unknown-linux-gnu
if [ "${MUENNET_ARCH:-}" = arm64 ]; then
	target=aarch64-unknown-linux-gnu
	export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
fi

exec {lock}>"$copy.lock"
flock "$lock"
mkdir -p "$copy"
rsync --recursive --links --delete --checksum --no-times --exclude=target \
	"$MUENNET_SRC/muennet_cfg/" "$copy/"
RUSTFLAGS='-C target-feature=+crt-static' cargo build --quiet --release --locked \
	--target "$target" --manifest-path "$copy/Cargo.toml"
cp "$CARGO_TARGET_DIR/$target/release/muennet_cfg" "$1"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# sync.sh DIRECTORY: copies the sources for the kernel's build system to DIRECTORY. Only
# files with changed contents get a new time, so that `make` builds only these, also for
# another checkout. Build products, which .gitignore lists, are not copied.

set -euo pipefail

source=${MUENNET_SRC:-/src}

rsync --recursive --links --delete --checksum --no-times \
	--exclude-from="$source/.gitignore" --exclude='.*' --exclude='*.md' \
	--exclude=/Makefile --exclude=/COPYING --exclude=/muennet_cfg \
	--include='/tests/data/***' --include=/tests/host --include='/tests/host/*.rs' \
	--exclude='/tests/*' --exclude='/tests/host/*' \
	"$source/" "$1/"

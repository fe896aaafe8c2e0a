#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# sync.sh FOLDER: makes FOLDER a copy of what the kernel's build system takes of
# the driver. Only a file whose contents changed gets a new time, the present
# one, so that `make` builds what has to be built and nothing else, whatever
# checkout comes next. What a build has left in the checkout, for whatever
# kernel, stays there: .gitignore says what that is.

set -euo pipefail

source=${MUENNET_SRC:-/src}

rsync --recursive --links --delete --checksum --no-times \
	--exclude-from="$source/.gitignore" --exclude='.*' --exclude='*.md' \
	--exclude=/Makefile --exclude=/COPYING --exclude=/muennet_cfg \
	--include='/tests/data/***' --include=/tests/host --include='/tests/host/*.rs' \
	--exclude='/tests/*' --exclude='/tests/host/*' \
	"$source/" "$1/"

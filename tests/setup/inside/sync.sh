#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# sync.sh FOLDER: makes FOLDER a copy of what the kernel's build system takes of
# the driver. Only a file whose contents changed gets a new time, the present
# one, so that `make` builds what has to be built and nothing else, whatever
# checkout comes next.

set -euo pipefail

rsync --recursive --links --delete --checksum --no-times \
	--exclude='.*' --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
	--exclude='*.mod.c' --exclude='*_generated.*' --exclude='*.md' \
	--exclude=/Makefile --exclude=/COPYING --exclude=/Module.symvers \
	--exclude=/modules.order --exclude=/muennet_cfg \
	--include='/tests/data/***' --include=/tests/host --include='/tests/host/*.rs' \
	--exclude='/tests/*' --exclude='/tests/host/*' \
	/src/ "$1/"

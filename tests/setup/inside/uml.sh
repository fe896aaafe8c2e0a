#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configures and builds the user-mode Linux of the unit tests. Called by `enter_in_tree`.

set -euo pipefail

. "${BASH_SOURCE[0]%/*}/kbuild.sh"

build() {
	make -C /kernel/source ARCH=um O=/kernel/uml -j"$(nproc)" "$@"
}

# tests/kunit builds in the same directory.
exec {lock}>/kernel/in-tree/lock
flock "$lock"

# The driver's Kconfig with an empty Kbuild.
driver=/kernel/source/drivers/net/muennet
find "$driver" -mindepth 1 -delete
cp /src/Kconfig "$driver/"
touch "$driver/Kbuild"

configure /kernel/uml /src/tests/kunit/uml.config
build

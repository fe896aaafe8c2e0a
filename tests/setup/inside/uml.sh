#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configures and builds the user-mode Linux of the unit tests; called with the
# driver grafted into the source.

set -euo pipefail

. "${BASH_SOURCE[0]%/*}/kbuild.sh"

build() {
	make -C /kernel/source ARCH=um O=/kernel/uml -j"$(nproc)" "$@"
}

# tests/kunit builds there, too.
exec {lock}>/kernel/in-tree/lock
flock "$lock"

# The driver's options without the driver.
driver=/kernel/source/drivers/net/muennet
find "$driver" -mindepth 1 -delete
cp /src/Kconfig "$driver/"
touch "$driver/Kbuild"

configure /kernel/uml /src/tests/kunit/uml.config
build

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Configures and builds the user-mode Linux of the unit tests; called with the
# driver grafted into the source.

set -euo pipefail

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

mkdir -p /kernel/uml
cat /src/tests/kunit/uml.config >/kernel/uml/wanted.config
build KCONFIG_ALLCONFIG=/kernel/uml/wanted.config allnoconfig

# Kconfig drops silently what cannot be.
lost=0
while read -r option; do
	grep -qxF "$option" /kernel/uml/.config || { echo "not possible: $option"; lost=1; }
done < <(grep '^CONFIG_' /kernel/uml/wanted.config)
[ "$lost" = 0 ]

build

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# products.sh: collects what the packages consist of in /tmp/products: the module for $KVER,
# stripped and, if there is /tmp/key.pem, signed; the tool, its manual page and completions, and
# the licences of its crates. Called through with-module.sh.

set -euo pipefail

module=/tmp/products/modules/$KVER/muennet.ko
mkdir -p "${module%/*}"
strip --strip-debug -o "$module" "$MUENNET_MODULE"
if [ -e /tmp/key.pem ]; then
	/src/tests/setup/inside/sign.sh "$module" /tmp/key.pem /tmp/key.der
fi

cp "$MUENNET_CFG" /tmp/products/muennet_cfg
"$MUENNET_CFG" man >/tmp/products/muennet_cfg.8
for shell in bash zsh fish; do
	"$MUENNET_CFG" completions "$shell" >"/tmp/products/$shell"
done
/src/tests/setup/inside/crates.py >/tmp/products/crates

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# products.sh: collects what the packages consist of in /products: the module for $KVER,
# stripped and, if there is $MUENNET_SIGN_KEY, signed with $MUENNET_SIGN_CERT; the tool, its manual
# page and completions, and the licences of its crates. Called through with-module.sh.

set -euo pipefail

module=/products/modules/$KVER/muennet.ko
mkdir -p "${module%/*}"
strip --strip-debug -o "$module" "$MUENNET_MODULE"
if [ -n "${MUENNET_SIGN_KEY:-}" ]; then
	/src/tests/setup/inside/sign.sh "$module" "$MUENNET_SIGN_KEY" "$MUENNET_SIGN_CERT"
fi

cp "$MUENNET_CFG" /products/muennet_cfg
"$MUENNET_CFG" man >/products/muennet_cfg.8
for shell in bash zsh fish; do
	"$MUENNET_CFG" completions "$shell" >"/products/$shell"
done
/src/tests/setup/inside/crates.py >/products/crates

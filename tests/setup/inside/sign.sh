#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# sign.sh MODULE KEY CERTIFICATE: signs a module for kernels that require it, with the kernel's
# program. KEY is in PEM, CERTIFICATE in DER or PEM.

set -euo pipefail

build=${MUENNET_KERNEL:-/kernel}/build
hash=$(sed -n 's/^CONFIG_MODULE_SIG_HASH="\(.*\)"$/\1/p' "$build/.config")
exec "$build/scripts/sign-file" "${hash:-sha512}" "$2" "$3" "$1"

#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# install.sh PACKAGE...: installs packages in the root, and completes an interrupted
# installation.

set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
apt-get update
dpkg --configure -a
apt-get install -y --fix-broken
apt-get install -y --no-install-recommends "$@"
apt-get clean

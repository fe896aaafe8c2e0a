#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# debian.sh: makes /kernel/debian.new/disk.img, and initrd.img beside it, of the installed
# Debian in /kernel/debian.new/root.

set -euo pipefail

folder=/kernel/debian.new root=/kernel/debian.new/root

# What the installation needed: the machines have no network for apt.
rm -rf "$root"/etc/apt/sources.list "$root"/var/lib/apt/lists/* \
	"$root"/etc/apt/apt.conf.d/90machine "$root"/etc/resolv.conf \
	"$root"/etc/ssl/certs/ca-certificates.crt
rmdir "$root/src" "$root/cache" "$root/kernel"
: >"$root/etc/machine-id"
echo /dev/vda / ext4 defaults 0 1 >"$root/etc/fstab"
cp "$root/boot/initrd.img-$KVER" "$folder/initrd.img"
# The size is that of the sparse file. Nobody uses more.
mke2fs -q -t ext4 -L debian -d "$root" "$folder/disk.img" 3G

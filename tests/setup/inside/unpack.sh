#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# unpack.sh KVER: fills /kernel with the image, the modules, the headers, the source and
# the build configuration of a kernel.

set -euo pipefail

kver=$1

. "${BASH_SOURCE[0]%/*}/archive.sh"

# With the indexes of select.sh.
use_architecture "$(architecture_of "$kver")"
mapfile -t packages < <(kernel_packages "$kver")

rm -rf /kernel/debs /kernel/unpacked /kernel/headers /kernel/source /kernel/modules
mkdir /kernel/debs /kernel/unpacked /kernel/source /kernel/modules
cd /kernel/debs
apt-get download -o APT::Sandbox::User=root "${packages[@]}"
for package in *.deb; do
	echo "unpacking $package"
	dpkg-deb -x "$package" /kernel/unpacked
	rm "$package"
done

cd /kernel/unpacked
headers=usr/src/linux-headers-$kver
cp "$headers/.config" /kernel/config
cp "$headers/Module.symvers" /kernel/Module.symvers
mv -T "$headers" /kernel/headers

modules=$(find . -type d -path "*lib/modules/$kver" | head -n 1)
image=$(find . \( -name "vmlinuz-$kver" -o -path "*/$kver/vmlinuz" \) -type f | head -n 1)
mkdir -p /kernel/modules/lib/modules
cp "$image" /kernel/vmlinuz
mv "$modules" /kernel/modules/lib/modules/
rm -f "/kernel/modules/lib/modules/$kver/"{build,source}
depmod -b /kernel/modules "$kver"

tarball=$(find usr/src -name 'linux-source-*.tar.xz')
echo "unpacking ${tarball##*/}"
# Graphics drivers are a third of the source and are not built. Kconfig needs their Kconfig
# files.
tar -C /kernel/source --strip-components=1 --exclude='*/drivers/gpu/drm/*.[ch]' \
	-xf "$tarball"

cd /
rm -rf /kernel/debs /kernel/unpacked
touch /kernel/.unpacked

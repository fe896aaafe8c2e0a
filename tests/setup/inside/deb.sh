#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# deb.sh: makes the Debian packages of what is in /products, checks them with lintian, and puts
# them in /target.

set -euo pipefail

tree=$MUENNET_WORK/deb/muennet log=$MUENNET_WORK/deb.log
mkdir -p "$tree"
cp -R /src/debian /src/docs /src/README.md /src/muennet.4 "$tree/"
install -D -t "$tree/child" -m 644 /src/child/muennet.yaml
cd "$tree"

cp debian/control.in debian/control
for module in /products/modules/*; do
	kver=${module##*/}
	sed "s/@KVER@/$kver/g" debian/control.module.in >>debian/control
	for script in postinst postrm; do
		sed "s/@KVER@/$kver/g" "debian/$script.module.in" \
			>"debian/muennet-modules-$kver.$script"
	done
done
# Before a release, each commit has a version of its own: higher than that of the commit before
# it, lower than that of the release.
if [ "$(dpkg-parsechangelog -S Distribution)" = UNRELEASED ] &&
	time=$(git -c safe.directory=/src -C /src log -1 --date=format:%Y%m%d%H%M%S \
		--format=%cd 2>/dev/null); then
	sed -i "1s/)/~$time)/" debian/changelog
fi

echo '# building the packages'
# Nothing is compiled, so build-essential is not needed.
if ! PRODUCTS=/products dpkg-buildpackage --build=binary --no-sign --no-check-builddeps \
	>"$log" 2>&1; then
	tail -n 40 "$log"
	echo '# the packages are not built'
	exit 1
fi
echo '# checking them with lintian'
lintian --fail-on error,warning --tag-display-limit 0 --allow-root ../*.changes
for package in ../*.deb; do
	name=${package##*/}
	cp "$package" "/target/.$name.new"
	mv "/target/.$name.new" "/target/$name"
	for old in "/target/${name%%_*}"_*.deb; do
		[ "$old" = "/target/$name" ] || rm "$old"
	done
	echo "# $name"
done

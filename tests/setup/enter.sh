#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Mounts the file systems of the root and runs a command in it, as process 1 of the new
# namespaces. Only isolate.sh calls it:
#
# enter.sh ROOT CACHE CHECKOUT ro|rw KERNEL COUNT [FROM TO]...
#          [NAME=VALUE]... -- COMMAND [ARGUMENT...]

set -euo pipefail

root=$1 cache=$2 checkout=$3 access=$4 kernel=$5 count=$6
shift 6

mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mkdir -p "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir "$root/tmp/home" "$root/tmp/work"

mkdir -p "$root/src" "$root/cache" "$root/kernel"
mount --bind "$cache" "$root/cache"
mount --bind "$checkout" "$root/src"
[ "$access" = rw ] || mount -o remount,bind,ro "$root/src"

environment=(
	PATH=/usr/sbin:/usr/bin:/sbin:/bin
	HOME=/tmp/home
	LANG=C.UTF-8
	CARGO_HOME=/cache/cargo
	CARGO_TARGET_DIR=/cache/target
	CARGO_NET_OFFLINE=true
)
if [ -n "$kernel" ]; then
	mount --bind "$kernel" "$root/kernel"
	environment+=(MUENNET_KERNEL=/kernel)
	[ ! -e "$kernel/version" ] ||
		environment+=(KVER="$(cat "$kernel/version")")
fi
environment+=(MUENNET_SRC=/src MUENNET_CACHE=/cache MUENNET_WORK=/tmp/work)

while [ "$count" -gt 0 ]; do
	if [ -d "$1" ]; then
		mkdir -p "$root$2"
	elif [ ! -e "$root$2" ]; then
		mkdir -p "$(dirname "$root$2")"
		: >"$root$2"
	fi
	mount --bind "$1" "$root$2"
	count=$((count - 2))
	shift 2
done
while [ "$1" != -- ]; do
	environment+=("$1")
	shift
done
shift

# Without exec, because process 1 must reap orphans, and because the kernel ignores signals
# to process 1 that it does not handle.
status=0
chroot "$root" env --ignore-environment "${environment[@]}" \
	sh -c 'cd /src && exec "$@"' sh "$@" || status=$?
exit "$status"

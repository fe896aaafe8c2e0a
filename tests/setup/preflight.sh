# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Checks whether this machine can build and run the environment, before a download. A
# function check_... prints an error message or nothing. It uses only its arguments, so
# that tests/lint/checks/preflight can test it.

# preflight PART...: ends the script with an error message if the machine cannot make these
# missing parts.
preflight() {
	local space=0 memory=0 part directory message
	for part; do
		space=$((space + $(disk_space_of "$part")))
		[ "$memory" -ge "$(memory_of "$part")" ] || memory=$(memory_of "$part")
	done
	directory=$cache
	until [ -d "$directory" ]; do
		directory=$(dirname "$directory")
	done
	for message in \
		"$(check_machine "$(uname -m)")" \
		"$(check_user "$(id -u)")" \
		"$(check_apt "$(command -v apt-get || true)" "$*")" \
		"$(check_namespaces "$(unshare --mount --propagation private --pid \
			--fork --mount-proc true 2>&1 || echo failed)")" \
		"$(check_disk_space "$space" "$(free_disk_space "$directory")" "$cache")" \
		"$(check_memory "$memory" "$(free_memory </proc/meminfo)")"; do
		[ -z "$message" ] || die "$message"
	done
}

# Prints the disk space in MB that a part and its tests need in the cache.
disk_space_of() {
	case $1 in
	root) echo 2400 ;;
	arm64) echo 1000 ;;
	kernel) echo 2000 ;;
	uml) echo 400 ;;
	debug) echo 900 ;;
	debug_modules) echo 200 ;;
	cargo) echo 700 ;;
	deb) echo 300 ;;
	debian) echo 1800 ;;
	series) echo 4000 ;;
	esac
}

# Prints the memory in MB that the build of a part or its tests need. The virtual machines
# of the end-to-end tests and of the debug kernel run at the same time.
memory_of() {
	case $1 in
	debug | debug_modules) echo 4000 ;;
	*) echo 2000 ;;
	esac
}

# Prints the free disk space in MB.
free_disk_space() {
	df --output=avail -B 1M "$1" | tail -n 1 | tr -d ' '
}

# Prints the available memory in MB for /proc/meminfo on standard input. It includes free
# swap, because the kernel can swap out unused memory.
free_memory() {
	awk '/^(MemAvailable|SwapFree):/ { sum += $2 } END { print int(sum / 1024) }'
}

# check_user UID
check_user() {
	[ "$1" = 0 ] ||
		echo "the set-up needs root to mount file systems and to chroot; this is user $1"
}

# check_machine MACHINE: MACHINE is the output of `uname -m`.
check_machine() {
	[ "$1" = x86_64 ] ||
		echo "the set-up builds x86-64 kernels and needs an x86-64 machine; this is $1"
}

# check_kernel_name KVER SERIES PARTS: KVER is empty for the default kernel, SERIES the oldest one
# that the driver supports.
check_kernel_name() {
	local series
	case $1 in
	'' | rt-amd64 | cloud-amd64 | [0-9]*-amd64) ;;
	*arm64-16k) echo "cannot use the kernel $1: its pages do not have 4 KiB"; return ;;
	arm64 | rt-arm64 | cloud-arm64 | [0-9]*-arm64)
		case " $3 " in
		*' uml '* | *' debug'* | *' deb'*)
			echo 'unit tests, the debug kernel, benchmarks and packages are for' \
				"x86-64 only; KVER=$1 has modules, install, demo, shell, check-e2e"
			return
			;;
		esac
		;;
	*)
		echo "KVER=$1 is no kernel for amd64 or arm64; examples are 7.3.4+deb13-amd64," \
			'rt-amd64 and arm64'
		return
		;;
	esac
	series=$(printf '%s\n' "$1" | grep -oE '^[0-9]+\.[0-9]+')
	if [ -n "$series" ] &&
		[ "$(printf '%s\n' "$series" "$2" | sort -V | head -n 1)" != "$2" ]; then
		echo "cannot use the kernel $1: its series is $series," \
			"and the driver needs $2 or later"
	fi
}

# check_apt PROGRAM PARTS: PROGRAM is the path of apt-get, or empty.
check_apt() {
	[ -z "$1" ] || return 0
	case " $2 " in
	*' root '* | *' kernel '* | *' arm64 '*)
		echo 'the set-up downloads packages with apt, and apt-get is not installed;' \
			'use Debian or a derivative' ;;
	esac
}

# check_namespaces OUTPUT: OUTPUT is that of unshare, or empty if it succeeded.
check_namespaces() {
	[ -z "$1" ] ||
		echo 'the set-up needs mount and PID namespaces, and root has no permission' \
			'to create them here; a container must be privileged'
}

# check_disk_space NEEDED FREE CACHE: the values are in MB.
check_disk_space() {
	[ "$2" -ge "$1" ] ||
		echo "the set-up needs $1 MB in $3, and $2 MB are free;" \
			'XDG_CACHE_HOME=DIRECTORY selects another directory'
}

# check_memory NEEDED AVAILABLE: the values are in MB.
check_memory() {
	[ "$2" -ge "$1" ] ||
		echo "builds and virtual machines need $1 MB of memory, and $2 MB are" \
			'available; stop other programs, or add memory or swap'
}

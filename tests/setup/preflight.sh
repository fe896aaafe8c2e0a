# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Whether this machine can do a set-up and run what it makes, looked at before
# anything is fetched. A function lacks_... prints what is needed, what is there and
# what to do about it, or nothing; it looks at its arguments only.

# preflight PART...: of these, none of which is there; ends the script with one line
# when the machine does not suit.
preflight() {
	local room=0 memory=0 part folder objection
	for part; do
		room=$((room + $(room_of "$part")))
		[ "$memory" -ge "$(memory_of "$part")" ] || memory=$(memory_of "$part")
	done
	folder=$cache
	until [ -d "$folder" ]; do
		folder=$(dirname "$folder")
	done
	for objection in \
		"$(lacks_processor "$(uname -m)")" \
		"$(lacks_rights "$(id -u)")" \
		"$(lacks_apt "$(command -v apt-get || true)" "$*")" \
		"$(lacks_mounts "$(unshare --mount --propagation private --pid \
			--fork --mount-proc true 2>&1 || echo failed)")" \
		"$(lacks_room "$room" "$(free_room "$folder")" "$cache")" \
		"$(lacks_memory "$memory" "$(free_memory </proc/meminfo)")"; do
		[ -z "$objection" ] || die "$objection"
	done
}

# In MB, what a part takes in the cache while it is being made, and later by tests.
room_of() {
	case $1 in
	root) echo 2400 ;;
	kernel) echo 2000 ;;
	uml) echo 400 ;;
	debug) echo 900 ;;
	debug_modules) echo 200 ;;
	cargo) echo 700 ;;
	esac
}

# In MB, what making a part or its tests take. The machines of the end-to-end tests run
# beside that of the debug kernel.
memory_of() {
	case $1 in
	debug | debug_modules) echo 4000 ;;
	*) echo 2000 ;;
	esac
}

free_room() {
	df --output=avail -B 1M "$1" | tail -n 1 | tr -d ' '
}

# Of /proc/meminfo on standard input, in MB. What is swapped out was not in use.
free_memory() {
	awk '/^(MemAvailable|SwapFree):/ { sum += $2 } END { print int(sum / 1024) }'
}

# lacks_rights UID
lacks_rights() {
	[ "$1" = 0 ] || echo "the set-up needs root, to mount and to chroot; this is user $1"
}

# lacks_processor MACHINE: as `uname -m` prints it.
lacks_processor() {
	[ "$1" = x86_64 ] ||
		echo "the set-up needs an x86-64 machine, whose kernel it builds; this is $1"
}

# lacks_apt PROGRAM PARTS
lacks_apt() {
	[ -z "$1" ] || return 0
	case " $2 " in
	*' root '* | *' kernel '*)
		echo 'the set-up needs apt of Debian or a derivative, by which it fetches' \
			'packages; there is no apt-get here' ;;
	esac
}

# lacks_mounts SAID: what a command said that was to run in namespaces of its own.
lacks_mounts() {
	[ -z "$1" ] ||
		echo 'the set-up needs mount and PID namespaces, and this root may not' \
			'make them; a container has to be privileged'
}

# lacks_room NEEDED FREE CACHE: in MB.
lacks_room() {
	[ "$2" -ge "$1" ] ||
		echo "the set-up needs $1 MB in $3, and $2 MB are free;" \
			'XDG_CACHE_HOME=FOLDER chooses another place'
}

# lacks_memory NEEDED AVAILABLE: in MB.
lacks_memory() {
	[ "$2" -ge "$1" ] ||
		echo "builds and virtual machines need $1 MB of memory, and $2 MB are" \
			'available; end other programs, add memory or add swap'
}

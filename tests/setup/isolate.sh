# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2154
#
# Runs commands in their own mount and PID namespaces. When the command or this shell
# ends, the kernel kills all processes in them and removes all mounts.

# isolated COMMAND [ARGUMENT...]
#
# The command is process 1 of its PID namespace and has its own /proc. It runs in the
# background, so that this shell can handle a signal at once. It gets the standard input of
# the shell. It also gets the default action for the signals that a shell makes background
# commands ignore.
isolated() {
	local status=0 terminal=
	[ -t 0 ] && terminal=$(stty -g)
	setpriv --pdeathsig KILL env --default-signal=INT,QUIT \
		unshare --mount --propagation private --pid --fork \
		--kill-child --mount-proc "$@" <&0 &
	isolated_child=$!
	trap 'end_isolated 130' INT
	trap 'end_isolated 143' TERM
	trap 'end_isolated 129' HUP
	wait "$isolated_child" || status=$?
	trap - INT TERM HUP
	[ -z "$terminal" ] || (trap '' TTOU; stty "$terminal") || true
	return "$status"
}

# Kills process 1 of the namespace. The wait ends only when all other processes in it have
# ended, too.
end_isolated() {
	local init=
	trap '' INT TERM HUP
	read -r init 2>/dev/null \
		<"/proc/$isolated_child/task/$isolated_child/children" || true
	kill -KILL "${init:-$isolated_child}" 2>/dev/null || true
	wait "$isolated_child" 2>/dev/null || true
	[ ! -t 0 ] || (trap '' TTOU; stty sane) || true
	exit "$1"
}

# enter [--root DIRECTORY] [--kernel DIRECTORY] [--write] [--bind FROM TO]...
#       [--env NAME=VALUE]... COMMAND [ARGUMENT...]
#
# Runs a command in the Debian root. README.md describes its environment.
enter() {
	local root=$cache/root kernel='' source=ro variable
	local -a binds=() environment=()
	while [ $# -gt 0 ]; do
		case $1 in
		--root) root=$2; shift 2 ;;
		--kernel) kernel=$2; shift 2 ;;
		--write) source=rw; shift ;;
		--bind) binds+=("$2" "$3"); shift 3 ;;
		--env) environment+=("$2"); shift 2 ;;
		*) break ;;
		esac
	done
	# The kernel's makefiles and tests read these.
	case ${kernel%.new} in
	*-arm64) environment+=(ARCH=arm64 CROSS_COMPILE=aarch64-linux-gnu- MUENNET_ARCH=arm64) ;;
	esac
	for variable in TERM V "${!MUENNET_@}"; do
		[ -z "${!variable-}" ] || environment+=("$variable=${!variable}")
	done
	isolated "$setup/enter.sh" "$root" "$cache" "$checkout" "$source" \
		"$kernel" "${#binds[@]}" "${binds[@]}" \
		"${environment[@]}" -- "$@"
}

# enter_in_tree KERNEL [OPTION...] COMMAND [ARGUMENT...]
#
# Like `enter`, with the driver as a part of the kernel's source.
enter_in_tree() {
	local folder=$1 file
	local -a binds=()
	shift
	for file in Kconfig Makefile muennet; do
		binds+=(--bind "$folder/in-tree/$file" "/kernel/source/drivers/net/$file")
	done
	enter --kernel "$folder" "${binds[@]}" "$@"
}

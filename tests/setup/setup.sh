#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# setup.sh [--look|--looked] [PART...]: makes what is missing in the cache. Parts:
# root, kernel (needs root), uml and debug (need kernel), cargo (needs root),
# debug_modules (needs debug); without PART all but the last, in this order. A part that
# is there takes no time, also while another set-up makes other parts. What the machine
# lacks is said before anything is made; --look does nothing else, and --looked leaves it
# out, for who has looked at all parts and uses the machine since.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/preflight.sh"
. "$setup/progress.sh"
. "$setup/isolate.sh"
. "$setup/mirror.sh"
. "$setup/root.sh"
. "$setup/kernel.sh"
. "$setup/uml.sh"
. "$setup/debug.sh"
. "$setup/cargo.sh"

# lock HOW FILE [STEP]: until unlock_all. While another one has it, says how that one gets
# on with the step.
locks=()
lock() {
	local file
	exec {file}>"$2"
	locks+=("$file")
	if ! flock --nonblock "$1" "$file"; then
		say 'set-up: another one is running; waiting for it'
		[ $# = 2 ] || wait_ticking "$3"
		flock "$1" "$file"
		stop_ticking
	fi
}

unlock_all() {
	local file
	for file in "${locks[@]}"; do
		exec {file}>&-
	done
	locks=()
}

# make_part PART: if it is not there. Others build on the root and the kernel,
# which nobody uses meanwhile; the rest can be made at the same time.
make_part() {
	! "${1}_is_ready" || return 0
	case $1 in
	root | kernel)
		lock --exclusive "$cache/lock"
		;;
	*)
		lock --shared "$cache/lock"
		lock --exclusive "$cache/lock.$1" "$1"
		;;
	esac
	"${1}_is_ready" || "set_up_$1"
	unlock_all
}

only_look=
looked=
while [ $# -gt 0 ]; do
	case $1 in
	--look) only_look=yes ;;
	--looked) looked=yes ;;
	*) break ;;
	esac
	shift
done

[ $# -gt 0 ] || set -- root kernel uml debug cargo
missing=()
for part; do
	"${part}_is_ready" || missing+=("$part")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ -n "$looked" ] || preflight "${missing[@]}"
[ -z "$only_look" ] || exit 0
mkdir -p "$cache"
trap 'step_ended $?' EXIT
for part in "${missing[@]}"; do
	make_part "$part"
done

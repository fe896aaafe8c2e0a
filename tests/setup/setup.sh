#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# setup.sh [--preflight-only|--no-preflight] [PART...]: makes the missing parts in the
# cache. Parts: root, kernel (needs root), uml and debug (need kernel), cargo (needs root),
# debug_modules (needs debug), deb and series (need root), debian (needs kernel and deb). Without
# PART it makes the first five, in this order. A kernel for arm64 also needs the part arm64, and
# there are no other parts for it than this, root, kernel and cargo. A part that exists takes no
# time, also while another set-up makes other parts. Before it makes a part, it checks the machine
# (see preflight.sh). --preflight-only does only that. --no-preflight leaves it out: tests/check
# checks the machine before its tests start to use memory.

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
. "$setup/debian.sh"
. "$setup/arm64.sh"
. "$setup/series.sh"

# lock MODE FILE [STEP]: locks a file until unlock_all. While another process has the lock,
# prints the progress of STEP in that process.
locks=()
lock() {
	local file
	exec {file}>"$2"
	locks+=("$file")
	if ! flock --nonblock "$1" "$file"; then
		say 'set-up: waiting for another set-up'
		[ $# = 2 ] || show_progress_of "$3"
		flock "$1" "$file"
		stop_progress
	fi
}

unlock_all() {
	local file
	for file in "${locks[@]}"; do
		exec {file}>&-
	done
	locks=()
}

# make_part PART: makes a part if it is missing. Other parts depend on the root and the
# kernel, and deb, series and arm64 change the root, so no other part is made at the same time
# as these. The other parts are made in parallel.
make_part() {
	! "${1}_is_ready" || return 0
	case $1 in
	root | arm64 | kernel | deb | series)
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

preflight_only=
no_preflight=
while [ $# -gt 0 ]; do
	case $1 in
	--preflight-only) preflight_only=yes ;;
	--no-preflight) no_preflight=yes ;;
	*) break ;;
	esac
	shift
done

case ${KVER:-} in
*arm64) parts=(root arm64 kernel cargo) needed=(root arm64) ;;
*) parts=(root kernel uml debug cargo) needed=() ;;
esac
if [ $# -gt 0 ]; then
	parts=("${needed[@]}")
	for part; do
		case " ${needed[*]} " in
		*" $part "*) ;;
		*) parts+=("$part") ;;
		esac
	done
fi
message=$(check_kernel_name "${KVER:-}" "$series" "${parts[*]}")
[ -z "$message" ] || die "$message"
missing=()
for part in "${parts[@]}"; do
	"${part}_is_ready" || missing+=("$part")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ -n "$no_preflight" ] || preflight "${missing[@]}"
[ -z "$preflight_only" ] || exit 0
mkdir -p "$cache"
trap 'end_steps $?' EXIT
for part in "${missing[@]}"; do
	make_part "$part"
done

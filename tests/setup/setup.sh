#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# setup.sh [PART...]: makes what is missing in the cache. Parts: root, kernel
# (needs root), uml and debug (need kernel), cargo (needs root); without PART all
# of them, in this order. Returns at once when everything is there.

. "${BASH_SOURCE[0]%/*}/common.sh"
. "$setup/progress.sh"
. "$setup/isolate.sh"
. "$setup/mirror.sh"
. "$setup/root.sh"
. "$setup/kernel.sh"
. "$setup/uml.sh"
. "$setup/debug.sh"
. "$setup/cargo.sh"

require_root 'the set-up'
[ "$(uname -m)" = x86_64 ] || die 'the set-up is for x86-64 machines'
mkdir -p "$cache"
trap 'step_ended $?' EXIT

exec {lock}>"$cache/lock"
if ! flock --nonblock "$lock"; then
	say 'set-up: another one is running; waiting for it'
	flock "$lock"
fi

for part in "${@:-root kernel uml debug cargo}"; do
	for one in $part; do
		"set_up_$one"
	done
done

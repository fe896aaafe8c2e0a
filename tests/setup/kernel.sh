# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# A stock kernel of Debian's backports, its source, and a build directory for modules.
# The directory is called KVER.new until it is complete.

kernel_is_ready() {
	local folder=$cache/kernels/${KVER:-default}
	[ -e "$folder/version" ] && is_prepared "$folder"
}

# is_prepared DIRECTORY: succeeds if the root has the toolchain that prepared this kernel.
is_prepared() {
	cmp -s "$1/toolchain" "$cache/root/.muennet-toolchain"
}

set_up_kernel() {
	local name=${KVER:-default} folder reason
	local -a environment
	mkdir -p "$cache/kernels"
	folder=$cache/kernels/$name
	if [ -e "$folder/version" ]; then
		folder=$(readlink -f "$folder")
		prepare_kernel "$folder" "$(cat "$folder/version")"
		return 0
	fi
	step_output=
	mapfile -t environment < <(fetch_environment)
	step select 'the kernel in backports' choose_kernel "${KVER:-amd64}"
	reason=$(sed -n 's/^refused: //p' "$cache/logs/select.log")
	[ -z "$reason" ] || die "$reason"
	sed -n 's/^note: /set-up: /p' "$cache/logs/select.log"
	name=$(sed -n 's/^chosen: //p' "$cache/logs/select.log")

	folder=$cache/kernels/$name
	if [ ! -e "$folder/version" ]; then
		mkdir -p "$folder.new"
		step_output=$folder.new
		if [ ! -e "$folder.new/.unpacked" ]; then
			step kernel "kernel $name and its source (300 MB, about 2 min)" \
				enter --kernel "$folder.new" "${environment[@]}" \
				tests/setup/inside/unpack.sh "$name"
		fi
		prepare_kernel "$folder.new" "$name"
		mv -T "$folder.new" "$folder"
	elif ! is_prepared "$folder"; then
		prepare_kernel "$folder" "$name"
	fi
	# Without a name, or with that of a flavour, later set-ups keep this kernel.
	[ "${KVER:-}" = "$name" ] || ln -sfnT "$name" "$cache/kernels/${KVER:-default}"
}

prepare_kernel() {
	local reason
	reason=$(enter --kernel "$1" bash -c \
		'. tests/setup/inside/archive.sh && unsuitable </kernel/config')
	[ -z "$reason" ] || die "cannot use the kernel $2: $reason"
	step_output=$1
	step prepare "build directory for modules of $2 (about 2 min)" \
		enter --kernel "$1" tests/setup/inside/prepare.sh "$2"
}

choose_kernel() {
	write_sources "$cache/root"
	copy_network_settings "$cache/root"
	enter "${environment[@]}" tests/setup/inside/select.sh "$series" "$release" "$1"
}

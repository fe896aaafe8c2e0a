# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# A stock kernel of Debian's backports, its source, and a build directory for modules.
# The directory is called KVER.new until it is complete.

# The kernel series that the driver supports.
series=7.3

kernel_is_ready() {
	local folder=$cache/kernels/${KVER:-default}
	[ -e "$folder/version" ] && cmp -s "$folder/toolchain" "$cache/root/.muennet-toolchain"
}

set_up_kernel() {
	local name=${KVER:-default} folder
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
	step select 'the kernel in backports' choose_kernel "${KVER:-}"
	grep '^note: ' "$cache/logs/select.log" | sed "s/^note: /set-up: /" || true
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
	fi
	[ -n "${KVER:-}" ] || ln -sfnT "$name" "$cache/kernels/default"
}

prepare_kernel() {
	step_output=$1
	step prepare "build directory for modules of $2 (about 2 min)" \
		enter --kernel "$1" tests/setup/inside/prepare.sh "$2"
}

choose_kernel() {
	write_sources "$cache/root"
	copy_network_settings "$cache/root"
	enter "${environment[@]}" tests/setup/inside/select.sh "$series" "$release" "$1"
}

# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the checks of the patch series need in the root.

series_stamp=.muennet-packages-series

series_is_ready() {
	[ "$(cat "$cache/root/$series_stamp" 2>/dev/null)" = "$(packages_of packages-series)" ]
}

set_up_series() {
	local -a packages
	mapfile -t packages < <(packages_of packages-series)
	step_output=$cache/root
	step series 'tools for documentation (about 1 min)' \
		install_packages "$cache/root" "${packages[@]}"
	packages_of packages-series >"$cache/root/$series_stamp"
}

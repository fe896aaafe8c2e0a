# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the checks of the patch series need in the root.

series_is_ready() {
	has_packages series
}

set_up_series() {
	add_packages series 'tools for documentation (about 1 min)'
}

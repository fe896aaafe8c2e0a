# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# A user-mode Linux with KUnit and the driver built in. The set-up builds the kernel with
# an empty driver; tests/kunit replaces it with the driver's sources.

uml_identity() {
	cat "$checkout/tests/kunit/uml.config" "$setup"/inside/{uml,kbuild}.sh |
		sha256sum | cut -d ' ' -f 1
}

uml_is_ready() {
	[ "$(cat "$(kernel_directory)/uml/.config-identity" 2>/dev/null)" = "$(uml_identity)" ]
}

set_up_uml() {
	local folder
	folder=$(kernel_directory)
	step_output=$folder/uml
	prepare_in_tree "$folder"
	step uml 'user-mode Linux for the unit tests (about 5 min)' \
		enter_in_tree "$folder" tests/setup/inside/uml.sh
	uml_identity >"$folder/uml/.config-identity"
}

# Makes the files that `enter_in_tree` mounts over the kernel's source: two files with one
# additional line, and a directory for the driver.
prepare_in_tree() {
	local folder=$1 net=drivers/net
	mkdir -p "$folder/source/$net/muennet" "$folder/in-tree/muennet"
	[ ! -e "$folder/in-tree/complete" ] || return 0
	awk '/^endif # NETDEVICES/ { print "source \"drivers/net/muennet/Kconfig\"\n" } 1' \
		"$folder/source/$net/Kconfig" >"$folder/in-tree/Kconfig"
	grep -q muennet "$folder/in-tree/Kconfig"
	{
		cat "$folder/source/$net/Makefile"
		printf '%s\n' "obj-\$(CONFIG_MUENNET) += muennet/"
	} >"$folder/in-tree/Makefile"
	touch "$folder/in-tree/complete"
}

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Compares the page tables of each kind of namespace with sysfs, memmap-report and with what they
# should be. Needs a host that answers devdax_walk.sh.
. "$(dirname "$0")/devdax_lib.sh"

memmap_of() {	# device description map
	memmap_is_exact "$@"
	where=RAM
	[ "$3" = mem ] || where=device
	check "$2: memmap-report" report_is_exact "$1" "$where"
}

begin_tests
skip_unless "host that walks page tables" walks_page_tables
# what comes behind this one begins inside a section
check "create a neighbour" create devdax mem 2M 1040M
neighbour=$(dax_of "$namespace")
memmap_is_exact "$neighbour" "memmap, neighbour" mem
with_each_kind memmap 6G 6G memmap_of
memmap_is_exact "$neighbour" "memmap, neighbour after" mem
check "memmap, neighbour: memmap-report" report_is_exact "$neighbour" RAM
end_tests

#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests huge pages of hugetlbfs that give back most of their struct pages (HVO), beside a device
# whose tails share storage.
. "$(dirname "$0")/devdax_lib.sh"

# Sets how many there are
huge_pages() {	# number
	echo "$1" > /proc/sys/vm/nr_hugepages
	[ "$(cat /proc/sys/vm/nr_hugepages)" = "$1" ]
}

# Frames that hold struct pages
frames() {
	awk '/^nr_memmap(_boot)?_pages / { n += $2 } END { print n }' /proc/vmstat
}

huge_pages_and_back() {
	huge_pages 64 && gup_test -a -H -m 64 -n 512 && huge_pages 0
}

begin_tests
skip_unless "CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP" [ -e /proc/sys/vm/hugetlb_optimize_vmemmap ]
echo 1 > /proc/sys/vm/hugetlb_optimize_vmemmap
check "hvo: create a device" create devdax mem 2M 2G
dev=$(dax_of "$namespace")
free=$(free_pages)
before=$(frames)
check "hvo: 256 huge pages" huge_pages 256
given=$((before - $(frames)))
# Nearly all give back 7 of the 8 frames of their struct pages; without HVO, none gives any.
[ $given -ge $((256 * 6)) ]
result $? "hvo: they give back $given frames"
for option in u U a b l L; do
	check "hvo: gup_test -$option" gup_test -$option -H -m 256 -n 512
done
check "hvo: the device can be pinned beside it" pin "$dev" 1024
devdax_test "$dev" "beside hvo"
check "hvo: no huge pages" huge_pages 0
check "hvo: their memory is back" are_free $((free - 500))
check "hvo: leaks nothing" leaks_nothing huge_pages_and_back
check "hvo: destroy" destroy
end_tests

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

huge_pages_and_back() {
	huge_pages 64 && gup_test -a -H -m 64 -n 512 && huge_pages 0
}

begin_tests
skip_unless "CONFIG_HUGETLB_PAGE_OPTIMIZE_VMEMMAP" [ -e /proc/sys/vm/hugetlb_optimize_vmemmap ]
echo 1 > /proc/sys/vm/hugetlb_optimize_vmemmap
check "hvo: create a device" create devdax mem 2M 2G
dev=$(dax_of "$namespace")
before=$(free_pages)
check "hvo: 256 huge pages" huge_pages 256
taken=$((before - $(free_pages)))
# Each page gives back 7 of the 8 frames of its struct pages.
[ $taken -lt $((256 * (512 - 7) + 500)) ]
result $? "hvo: they take $taken pages, not $((256 * 512))"
for option in u U a b l L; do
	check "hvo: gup_test -$option" gup_test -$option -H -m 256 -n 512
done
check "hvo: the device can be pinned beside it" pin "$dev" 1024
devdax_test "$dev" "beside hvo"
check "hvo: no huge pages" huge_pages 0
check "hvo: their memory is back" are_free $((before - 500))
check "hvo: leaks nothing" leaks_nothing huge_pages_and_back
check "hvo: destroy" destroy
end_tests

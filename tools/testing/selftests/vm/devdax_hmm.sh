#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the kernel's own tests of HMM, whose pages are ZONE_DEVICE pages, too.
. "$(dirname "$0")/devdax_lib.sh"

begin_tests
skip_unless "CONFIG_TEST_HMM" grep -qw HMM_DMIRROR /proc/devices
major=$(awk '$2 == "HMM_DMIRROR" { print $1 }' /proc/devices)
check "hmm: its first device" mknod /dev/hmm_dmirror0 c "$major" 0
check "hmm: its second device" mknod /dev/hmm_dmirror1 c "$major" 1
mkdir -p /tmp/huge
check "hmm: hugetlbfs" mount -t hugetlbfs none /tmp/huge
echo 16 > /proc/sys/vm/nr_hugepages
harness "hmm" hmm-tests
echo 0 > /proc/sys/vm/nr_hugepages
umount /tmp/huge
rm -f /dev/hmm_dmirror?
end_tests

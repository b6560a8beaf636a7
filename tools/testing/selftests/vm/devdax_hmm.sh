#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs the kernel's own tests of HMM, whose pages are ZONE_DEVICE pages, too. Later kernels want
# memory for two coherent devices: memmap=512M$4G test_hmm.spm_addr_dev0=0x100000000
# test_hmm.spm_addr_dev1=0x110000000.
. "$(dirname "$0")/devdax_lib.sh"

begin_tests
skip_unless "CONFIG_TEST_HMM" grep -qw HMM_DMIRROR /proc/devices
major=$(awk '$2 == "HMM_DMIRROR" { print $1 }' /proc/devices)
for minor in 0 1; do
	# Later kernels make the nodes.
	[ -e /dev/hmm_dmirror$minor ] || mknod /dev/hmm_dmirror$minor c "$major" $minor
	check "hmm: device $minor" [ -c /dev/hmm_dmirror$minor ]
done
mkdir -p /tmp/huge
check "hmm: hugetlbfs" mount -t hugetlbfs none /tmp/huge
echo 16 > /proc/sys/vm/nr_hugepages
harness "hmm" hmm-tests
echo 0 > /proc/sys/vm/nr_hugepages
umount /tmp/huge
rm -f /dev/hmm_dmirror?
end_tests

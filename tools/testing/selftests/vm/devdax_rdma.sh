#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Registers devices as memory regions of soft-RoCE (rdma_rxe), and transfers data from and to them.
. "$(dirname "$0")/devdax_lib.sh"

rdma_of() {	# device description
	check "$2: write and read" "$here/devdax_rdma" "$1"
	DAX=$1 harness "$2, after" devdax_test
	nothing_pinned "$2"
}

begin_tests
skip_unless "network device dummy0" ip link set dummy0 up
ip addr add 192.0.2.1/24 dev dummy0
check "rdma: make a device" /bin/rdma link add rxe0 type rxe netdev dummy0
with_each_kind rdma 4G 4G rdma_of
end_tests

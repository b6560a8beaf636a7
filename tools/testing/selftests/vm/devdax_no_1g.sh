#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests that a processor without pages of 1 GiB is not offered any.
. "$(dirname "$0")/devdax_lib.sh"

no_1g_of() {	# device description
	check "$2: works" pin "$1" 512
	parent=$(dirname "$(readlink -f "/sys/bus/dax/devices/$1")")
	# shellcheck disable=SC2046 # numbers
	set -- "$2" $(cat "$parent/supported_alignments")
	echo "# $*"
	[ "$2 $3 $4" = "4096 2097152 " ]
	result $? "$1: 1G is not offered"
}

begin_tests
skip_unless "processor without pdpe1gb" eval '! grep -qw pdpe1gb /proc/cpuinfo'
! create devdax mem 1G 3G 2> /tmp/out
result $? "no 1G: 1G is refused"
kinds="mem-4K mem-2M" with_each_kind "no 1G" 1G 1G no_1g_of
end_tests

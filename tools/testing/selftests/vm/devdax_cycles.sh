#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Tests that namespaces of each kind, made and destroyed over and over, lose no memory.
. "$(dirname "$0")/devdax_lib.sh"

one_after_the_other() {
	for _ in 1 2 3 4; do
		for kind in $kinds; do
			create_and_destroy "${kind%-*}" "${kind#*-}" 4G || return 1
		done
	done
}

begin_tests
for kind in $kinds; do
	set -- "${kind%-*}" "${kind#*-}" 4G
	check "cycles: $1 $2" leaks_nothing create_and_destroy "$@"
done
check "cycles: of all kinds, four times" gives_back_memory one_after_the_other
end_tests

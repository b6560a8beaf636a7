#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Runs tests of device-dax one after the other: devdax.sh static fsdax runs devdax_static.sh and
# devdax_fsdax.sh. devdax_lib.sh says what their environment is.

here=$(dirname "$0")
[ $# -gt 0 ] || { sed -n '3,4s/^# //p' "$0" >&2; exit 2; }
worst=0
for test; do
	"$here/devdax_$test.sh"
	status=$?
	[ $status -le $worst ] || worst=$status
done
exit $worst

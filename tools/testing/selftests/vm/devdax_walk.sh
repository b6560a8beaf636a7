#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Asks what the struct pages of a device-dax device are made of, as its page tables say. Who runs
# this guest, and walks them from outside, is asked on its third serial line: "START END [START
# END]...", physical addresses, are answered by "FRAMES TABLES SHARED WRITABLE BYTES": frames that
# hold struct pages, PTE tables that map them, frames that are mapped more than once, writable
# entries that map one of these, and the size of frames and tables. This answer is printed.
# usage: devdax_walk.sh DEVICE (like dax0.0)

# All of its namespace, with what is not data; or the ranges that it was given
parent=$(dirname "$(realpath "/sys/bus/dax/devices/$1")")
if [ -e "$parent/namespace" ]; then
	folder=/sys/bus/nd/devices/$(cat "$parent/namespace")
	start=$(($(cat "$folder/resource")))
	ranges="$start $((start + $(cat "$folder/size")))"
else
	ranges=$(for mapping in "/sys/bus/dax/devices/$1"/mapping*/; do
		echo $(($(cat "$mapping/start"))) $(($(cat "$mapping/end") + 1))
	done)
fi

stty -F /dev/ttyS2 raw -echo || exit 1
exec 7<>/dev/ttyS2
# shellcheck disable=SC2086 # on one line
echo $ranges >&7
read -r answer <&7
echo "$answer"

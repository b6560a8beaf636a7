#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Measures consumers of pins with device-dax namespaces of each align: VFIO, and direct I/O with a
# file of ext4 on another namespace. All that persistent memory holds is lost, so it wants
# DEVDAX_WIPE=yes. The machine needs a PCI device of its own, behind an IOMMU, that vfio-pci can
# have: QEMU's "edu".
# Prints a line for each: align, and how many microseconds 1 GiB takes, to map it for DMA, to unmap
# it, to write it from the device to the file, and to read it back.
. "$(dirname "$0")/devdax_lib.sh"

may_wipe
devices=/sys/bus/pci/drivers/vfio-pci
echo 1234 11e8 > $devices/new_id
edu=$(basename "$(readlink -f $devices/0000:*)")
block=$(ndctl create-namespace -f -m fsdax -M mem -s 2G | json blockdev)
# Nothing is left for ext4 to do in the background, which would be measured.
mkfs.ext4 -q -F -E lazy_itable_init=0,lazy_journal_init=0 "/dev/$block" &&
	mount -t ext4 "/dev/$block" /mnt || exit 1
for align in 4K 2M 1G; do
	dev=$(ndctl create-namespace -f -m devdax -M mem -s 4G -a $align | json chardev)
	vfio=$("$here/devdax_vfio" "$dev" "$edu" bench) &&
		dio=$("$here/devdax_dio" "$dev" /mnt/data) || exit 1
	# nanoseconds
	# shellcheck disable=SC2086 # four numbers
	set -- $vfio $dio
	echo "consumers $align $(($1 / 1000)) $(($2 / 1000)) $(($3 / 1000)) $(($4 / 1000))"
	# Leave the namespace: on the stock kernel it can't be destroyed, as VFIO keeps its pins.
done
umount /mnt

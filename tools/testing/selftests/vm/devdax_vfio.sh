#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Maps devices for DMA by VFIO and an IOMMU. QEMU's PCI device "edu" reads and writes them.
. "$(dirname "$0")/devdax_lib.sh"

vfio_of() {	# device description
	check "$2: DMA, unbind and bind" "$here/devdax_vfio" "$1" "$edu"
	nothing_pinned "$2"
}

begin_tests
skip_unless "CONFIG_VFIO_PCI" [ -d /sys/bus/pci/drivers/vfio-pci ]
echo 1234 11e8 > /sys/bus/pci/drivers/vfio-pci/new_id
edu=$(basename "$(readlink -f /sys/bus/pci/drivers/vfio-pci/0000:*)")
skip_unless "PCI device 1234:11e8 behind an IOMMU" \
	[ -e "/sys/bus/pci/devices/$edu/iommu_group" ]
with_each_kind vfio 1G 4G vfio_of
end_tests

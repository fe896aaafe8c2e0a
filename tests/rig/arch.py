# SPDX-License-Identifier: GPL-2.0
"""
What differs between the architectures of the machines: QEMU and its machine, where the memory
of other subjects lies, and where the programs of the machine come from.
"""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Region:
    """Memory of a file at a guest-physical address. Machines with a read-only one cannot write."""
    ident: str
    path: Path
    size: int
    address: int
    writable: bool

    def backend(self) -> list:
        """Returns the arguments of QEMU for the file."""
        return ["-object", f"memory-backend-file,id={self.ident},mem-path={self.path},"
                           f"size={self.size},share=on,"
                           f"readonly={'off' if self.writable else 'on'}"]


def _dimms(memory: int, regions: list) -> list:
    """
    Regions that the firmware describes as memory modules. The kernel does not use them: see
    acpi_no_memhotplug.
    """
    args = ["-m", f"{memory >> 20},slots=8,maxmem=64G"]
    for region in regions:
        args += [*region.backend(), "-device", f"pc-dimm,memdev={region.ident},"
                                               f"addr={region.address:#x}"]
    return args


def _nodes(memory: int, regions: list) -> list:
    """
    Regions in the machine's memory, which is contiguous: NUMA nodes, with nodes between them that
    nobody uses. The kernel does not use what is behind its first node: see `mem=`. (Without
    firmware, this machine has no memory modules.)
    """
    args, nodes, end = [], ["ram"], 0x40000000 + memory
    args += ["-object", f"memory-backend-ram,id=ram,size={memory}"]
    for region in sorted(regions, key=lambda region: region.address):
        if region.address > end:
            args += ["-object", f"memory-backend-ram,id=before-{region.ident},reserve=off,"
                                f"size={region.address - end}"]
            nodes.append(f"before-{region.ident}")
        args += region.backend()
        nodes.append(region.ident)
        end = region.address + region.size
    for number, node in enumerate(nodes):
        args += ["-numa", f"node,nodeid={number},memdev={node}"]
    return ["-m", f"{(end - 0x40000000) >> 20}", *args]


@dataclass(frozen=True)
class Architecture:
    """
    An architecture. `memory(bytes, regions)` returns QEMU's arguments for the machine's memory;
    `options` are for the kernel's command line, where {memory} is the machine's memory in MiB.
    """
    qemu: tuple
    options: str
    memory: object
    # Debian's name of the directory of libraries.
    libraries: str
    # The root with the programs of the machines.
    root: Path
    # The kernel's image is one for a boot loader, and QEMU needs what is in it.
    packed: bool
    # An address in the machine's RAM, and one between RAM and a hole.
    ram: int
    ram_edge: int
    # Whether reading from an address without memory ends the kernel.
    has_aborts: bool
    # The number of interrupt 0's vector; without it, an interrupt domain has the vectors.
    first_vector: int | None = None
    # The kernel's vectors for EL2, which tests/sim replaces.
    stub: str = ""


X86_64 = Architecture(
    qemu=("qemu-system-x86_64", "-machine", "q35", "-cpu", "qemu64,+rdrand,+rdseed"),
    options="console=ttyS0 acpi_no_memhotplug",
    memory=_dimms,
    libraries="x86_64-linux-gnu",
    root=Path("/"),
    packed=True,
    ram=0x1000000,
    ram_edge=640 << 10,
    has_aborts=False,
    first_vector=0x30)

# At EL2 the machine has what tests/sim replaces to play the separation kernel, so KVM may not use
# it, and the processor has no virtualization host extensions, with which Linux itself would run at
# EL2.
ARM64 = Architecture(
    qemu=("qemu-system-aarch64", "-machine", "virt,virtualization=on", "-cpu", "cortex-a72"),
    options="console=ttyAMA0 mem={memory}M numa=off kvm-arm.mode=none",
    memory=_nodes,
    libraries="aarch64-linux-gnu",
    root=Path(os.environ.get("MUENNET_CACHE", "/cache")) / "root-arm64",
    packed=False,
    ram=0x48000000,
    ram_edge=0x40000000,
    has_aborts=True,
    stub="__hyp_stub_vectors")


def of_machines() -> Architecture:
    """Returns the architecture of the kernel that the machines run."""
    return ARM64 if os.environ.get("MUENNET_ARCH") == "arm64" else X86_64

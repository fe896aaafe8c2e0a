# SPDX-License-Identifier: GPL-2.0
"""
The objects of the slab allocator that live and were allocated by calls of modules.
Prints them as [cache, how many, the calls, innermost first] in JSON. A module that is
gone has no names: its calls are addresses in the range of modules.

    slab_owners.py MODULE        those of this module, and of those that are gone
"""

import json
import os
import re
import socket
import sys

TRACES = "/sys/kernel/debug/slab"
# Where modules lie, by Documentation/arch/x86/x86_64/mm.rst.
GONE = re.compile(r"0xffffffff[a-f][0-9a-f]{7}$")
# Not the driver's affair: what the stack keeps of packets that it was handed (routes,
# neighbours, metrics of TCP); skbs that it keeps for each CPU, also those that are freed
# (of one that leaked the data are found); addresses that are free but not purged yet (of
# a mapping that leaked its vm_struct is found); nodes of trees that others use, too; how
# a route to a device that is gone refers to the kernel's blackhole, for a device that
# stays keeps the last 128 references that were given back (a route that leaked is found);
# the slab allocator's own arrays of free objects; routes and neighbours of messages that
# the driver has the stack send.
OTHERS = re.compile(r"_*netif_receive_skb|napi_complete_done|napi_gro_|napi_skb_cache_get|"
                    r"alloc_vmap_area|radix_tree_node_alloc|rt6_disable_ip|rt_flush_dev|"
                    r"dst_dev_put|__icmp_send|icmp6_send|"
                    # Where these arrays are allocated, whichever the compiler made one.
                    r"__alloc_empty_sheaf|__pcs_\w+|__kfree_rcu_sheaf|kmem_cache_prefill_sheaf")


def traces(cache: str):
    """The calls that allocated the objects of a cache, and how many each."""
    with open(f"{TRACES}/{cache}/alloc_traces", encoding="ascii") as file:
        for block in re.split(r"\n(?= *\d+ \S)", file.read()):
            head, *calls = block.strip("\n").split("\n")
            count = head.split()[:1]
            if count and count[0].isdigit():
                yield int(count[0]), [call.strip() for call in calls if call.strip()]


def owned(cache: str, module: str) -> list:
    """Those of the module, and of those that are gone."""
    return [[cache, count, calls] for count, calls in traces(cache)
            if any(call.endswith(f"[{module}]") or GONE.match(call) for call in calls)
            and not any(OTHERS.match(call) for call in calls)]


def received():
    """
    Has each processor receive a packet by the loopback device: it frees then what others have
    freed of its packets, and left to it.
    """
    everywhere = os.sched_getaffinity(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for processor in everywhere:
            os.sched_setaffinity(0, {processor})
            sender.sendto(b"", ("127.0.0.1", 9))
    os.sched_setaffinity(0, everywhere)


def main():
    """Parses the command line and runs."""
    module = sys.argv[1]
    received()
    caches = [cache for cache in sorted(os.listdir(TRACES)) if owned(cache, module)]
    if caches:
        # Files of sysfs that somebody has looked up, and that are gone.
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("2")
    found = []
    for cache in caches:
        # What was freed a moment ago KASAN keeps, until the cache is to shrink.
        with open(f"/sys/kernel/slab/{cache}/shrink", "w", encoding="ascii") as file:
            file.write("1")
        found += owned(cache, module)
    json.dump(found, sys.stdout)


main()

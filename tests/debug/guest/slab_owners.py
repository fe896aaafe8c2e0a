# SPDX-License-Identifier: GPL-2.0
"""
Prints the live objects of the slab allocator that modules have allocated, as [cache,
number, calls from the innermost on] in JSON. Calls of an unloaded module have no names,
only addresses in the range of modules.

    slab_owners.py MODULE        objects of this module, and of unloaded ones
"""

import json
import os
import re
import socket
import sys

TRACES = "/sys/kernel/debug/slab"
# The address range of modules, see Documentation/arch/x86/x86_64/mm.rst.
UNLOADED = re.compile(r"0xffffffff[a-f][0-9a-f]{7}$")
# Objects that are no leaks of the driver: what the stack keeps of received packets (routes,
# neighbours, TCP metrics); per-CPU lists of skbs, also freed ones (the data of a leaked skb
# is found); address ranges that are free but not purged (the vm_struct of a leaked mapping
# is found); nodes of trees that others also use; references of routes to the kernel's
# blackhole device, for which the stack keeps the last 128 released references (a leaked
# route is found); the slab allocator's arrays of free objects; routes and neighbours of
# ICMP messages that the driver makes the stack send.
OTHERS = re.compile(r"_*netif_receive_skb|napi_complete_done|napi_gro_|napi_skb_cache_get|"
                    r"alloc_vmap_area|radix_tree_node_alloc|rt6_disable_ip|rt_flush_dev|"
                    r"dst_dev_put|__icmp_send|icmp6_send|"
                    # The functions that allocate these arrays, inlined or not.
                    r"__alloc_empty_sheaf|__pcs_\w+|__kfree_rcu_sheaf|kmem_cache_prefill_sheaf")


def traces(cache: str):
    """Yields the stack traces of a cache, with the number of objects of each."""
    with open(f"{TRACES}/{cache}/alloc_traces", encoding="ascii") as file:
        for block in re.split(r"\n(?= *\d+ \S)", file.read()):
            head, *calls = block.strip("\n").split("\n")
            count = head.split()[:1]
            if count and count[0].isdigit():
                yield int(count[0]), [call.strip() for call in calls if call.strip()]


def owned(cache: str, module: str) -> list:
    """Returns the objects of the module, and of unloaded ones."""
    return [[cache, count, calls] for count, calls in traces(cache)
            if any(call.endswith(f"[{module}]") or UNLOADED.match(call) for call in calls)
            and not any(OTHERS.match(call) for call in calls)]


def receive_on_each_cpu():
    """
    Makes each processor receive a packet from the loopback device. It then frees its own
    packets that other processors have released.
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
    receive_on_each_cpu()
    caches = [cache for cache in sorted(os.listdir(TRACES)) if owned(cache, module)]
    if caches:
        # Frees cached entries of deleted sysfs files.
        with open("/proc/sys/vm/drop_caches", "w", encoding="ascii") as file:
            file.write("2")
    found = []
    for cache in caches:
        # Shrinking the cache empties KASAN's quarantine of freed objects.
        with open(f"/sys/kernel/slab/{cache}/shrink", "w", encoding="ascii") as file:
            file.write("1")
        found += owned(cache, module)
    json.dump(found, sys.stdout)


main()

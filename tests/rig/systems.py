# SPDX-License-Identifier: GPL-2.0
"""The systems that most tests run on."""

from dataclasses import replace

from .system import Channel, System

IN, OUT = "channel_in", "channel_out"

# Two subjects with a channel in each direction: the README's example.
PAIR = System("pair", ("a", "b"), (
    Channel("a_to_b", writes={"a": OUT}, reads={"b": IN}),
    Channel("b_to_a", writes={"b": OUT}, reads={"a": IN}),
))

# One subject with two interfaces, each in a namespace, that are each other's peers.
LOOP = System("loop", ("a",), (
    Channel("left_to_right", writes={"a": "left_out"}, reads={"a": "right_in"}),
    Channel("right_to_left", writes={"a": "right_out"}, reads={"a": "left_in"}),
))

# One subject that only sends, to the test, and a table of path MTUs. The kernel does not
# clear memory when it allocates or frees it, so that stale bytes in it stay visible.
OUTWARD = System("outward", ("a",), (
    Channel("out", writes={"a": OUT}, size=8 << 20),
    Channel("table", reads={"a": "table"}, size=4096),
), options="init_on_alloc=0 init_on_free=0")


def with_doorbells(system: System) -> System:
    """Returns the system with an event and a vector for each channel."""
    return replace(system, name=system.name + "_doorbells", channels=tuple(
        replace(channel, event=1 + number, vector=0x70 + number)
        for number, channel in enumerate(system.channels)))

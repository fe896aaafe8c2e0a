# SPDX-License-Identifier: GPL-2.0
"""The systems that most tests run on."""

from dataclasses import replace

from .system import Channel, System

IN, OUT = "channel_in", "channel_out"

# Two subjects, a channel each way: the README's example.
PAIR = System("pair", ("a", "b"), (
    Channel("a_to_b", writes={"a": OUT}, reads={"b": IN}),
    Channel("b_to_a", writes={"b": OUT}, reads={"a": IN}),
))

# One subject that talks to itself: two interfaces, each in a namespace.
LOOP = System("loop", ("a",), (
    Channel("left_to_right", writes={"a": "left_out"}, reads={"a": "right_in"}),
    Channel("right_to_left", writes={"a": "right_out"}, reads={"a": "left_in"}),
))

# One subject that only sends, to the test, and limits on its packets. Memory is not cleared
# when it is allocated or freed, so that whatever is stale in it stays to be seen.
OUTWARD = System("outward", ("a",), (
    Channel("out", writes={"a": OUT}, size=8 << 20),
    Channel("table", reads={"a": "table"}, size=4096),
), options="init_on_alloc=0 init_on_free=0")


def with_doorbells(system: System) -> System:
    """The same, where each channel has an event and interrupts its reader."""
    return replace(system, name=system.name + "_doorbells", channels=tuple(
        replace(channel, event=1 + number, vector=0x70 + number)
        for number, channel in enumerate(system.channels)))

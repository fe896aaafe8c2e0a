# SPDX-License-Identifier: GPL-2.0
"""The systems that most tests run on."""

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

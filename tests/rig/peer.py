# SPDX-License-Identifier: GPL-2.0
"""
The test as the peer of an interface in machine a.

A Peer writes the interface's in channel as a driver would. Tests read the out channel
with Reader (channel.py).
"""

from . import ksft
from .channel import Writer
from .driver import load, up, wait_counters


class Peer(Writer):
    """
    The writer of an in channel of machine a. Its epoch ends with the test.

    `channel`, `protocol` and `size` (of an element) describe the channel, `dev` is the
    interface that reads it. With `parameters` the constructor loads the driver and sets
    the interface up; the interface then sends nothing but what the test asks for.
    """

    def __init__(self, env, channel: str = "b_to_a", protocol: int = 2, size: int = 1508,
                 dev: str = "net0", parameters: str | None = None):
        super().__init__(env.channel(channel), protocol, size)
        self.machine, self.dev = env.a, dev
        self.stop()
        ksft.defer(self.stop)
        if parameters is not None:
            load(env.a, parameters)
            up(env.a, dev, quiet=True)

    def join(self, epoch: int):
        """
        Ends the epoch before, begins this one, and waits until the driver has followed both
        changes. The interface must poll: nothing raises its vector here.
        """
        self.stop()
        wait_counters(self.machine, self.dev, peer_inactive=1)
        self.start(epoch)
        wait_counters(self.machine, self.dev, peer_active=1)

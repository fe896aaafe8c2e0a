# SPDX-License-Identifier: GPL-2.0
"""
The host's side of the connection to the agent (guest/agent.py) in a machine.

The identifier of a request is this process's id and a counter, so that a test file in
a forked process can use the same connection.
"""

import base64
import io
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import time
import zlib

from .wait import DEADLINE

# By what factor the machines are slower than with a stock kernel; tests scale their load.
PATIENCE = int(os.environ.get("MUENNET_PATIENCE", "1"))


class MachineDied(Exception):
    """The machine does not answer, or its QEMU has ended."""


class Program:
    """
    A program in a machine, with the part of subprocess.Popen's interface that the kernel's
    selftest library uses.
    """

    def __init__(self, client, ident: str, pid: int):
        self._client, self._ident, self.pid = client, ident, pid
        self.returncode = None
        self.stdout, self.stderr = io.BytesIO(), io.BytesIO()

    def _finish(self, answer: dict):
        self.returncode = answer["exit"]
        self.stdout = io.BytesIO(base64.b64decode(answer["stdout"]))
        self.stderr = io.BytesIO(base64.b64decode(answer["stderr"]))

    def poll(self):
        """Returns the exit status, or None while the program runs."""
        if self.returncode is None:
            answer = self._client.take(self._ident, timeout=0)
            if answer:
                self._finish(answer)
        return self.returncode

    def communicate(self, timeout=None):
        """
        Waits for the end and returns (stdout, stderr). The library's time-outs, 20 s by
        default, are too short for slow machines: none is shorter than the deadline.
        """
        if self.returncode is None:
            timeout = max(DEADLINE, timeout or 0)
            answer = self._client.take(self._ident, timeout)
            if answer is None:
                self.send_signal(signal.SIGKILL)
                raise subprocess.TimeoutExpired("a program in the machine", timeout)
            self._finish(answer)
        return self.stdout.getvalue(), self.stderr.getvalue()

    def wait(self, timeout=None):
        """Waits for the end and returns the exit status."""
        self.communicate(timeout)
        return self.returncode

    def send_signal(self, number):
        """Signals the program and its children."""
        if self.poll() is None:
            self._client.request("kill", pid=self.pid, number=int(number))

    def terminate(self):
        """Sends SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self):
        """Sends SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Client:
    """One connection. `alive()` returns whether the machine still runs."""

    def __init__(self, link: socket.socket, alive):
        self._link, self._alive = link, alive
        self._numbers = itertools.count()
        self._pending = b""
        self._answers: dict = {}

    def _receive(self, timeout: float):
        ready, _, _ = select.select([self._link], [], [], timeout)
        if not ready:
            return
        data = self._link.recv(1 << 20)
        if not data:
            raise MachineDied("the machine is gone")
        *lines, self._pending = (self._pending + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            self._answers.setdefault(answer["id"], []).append(answer)

    def take(self, ident: str, timeout: float):
        """Returns the next answer to a request, or None if none comes in time."""
        end = time.monotonic() + timeout
        while True:
            waiting = self._answers.get(ident)
            if waiting:
                answer = waiting.pop(0)
                if not waiting:
                    del self._answers[ident]
                return answer
            left = end - time.monotonic()
            self._receive(max(0, min(left, 0.5)))
            if ident in self._answers:
                continue
            if not self._alive():
                raise MachineDied("the machine has ended")
            if left <= 0:
                return None

    def _send(self, op: str, fields: dict) -> str:
        ident = f"{os.getpid()}-{next(self._numbers)}"
        try:
            self._link.sendall(json.dumps({"id": ident, "op": op, **fields}).encode() + b"\n")
        except OSError as error:
            raise MachineDied(f"the machine is gone: {error}") from error
        return ident

    def _answer(self, ident: str, op: str) -> dict:
        answer = self.take(ident, DEADLINE)
        if answer is None:
            raise MachineDied(f"no answer to {op} in {DEADLINE} s")
        if "error" in answer:
            raise RuntimeError(f"{op}: {answer['error']}")
        return answer

    def request(self, op: str, **fields) -> dict:
        """Makes a request and returns the answer."""
        return self._answer(self._send(op, fields), op)

    def requests(self, wanted) -> list:
        """Makes all requests, (operation, fields) each, before it waits for the first answer."""
        sent = [(self._send(op, fields), op) for op, fields in wanted]
        return [self._answer(ident, op) for ident, op in sent]

    def start(self, argv, stdin: bytes = b"") -> Program:
        """Starts a program."""
        ident = self._send("start", {"argv": argv, "stdin": base64.b64encode(stdin).decode()})
        return Program(self, ident, self._answer(ident, "start")["pid"])

    def script(self, path: str, arguments, ns: str = "", stdin: bytes = b"") -> Program:
        """Starts a Python program."""
        ident = self._send("script", {"path": path, "arguments": [*arguments], "ns": ns,
                                      "stdin": base64.b64encode(stdin).decode()})
        return Program(self, ident, self._answer(ident, "script")["pid"])

    def put(self, path: str, data: bytes, mode: int = 0o644):
        """Writes a file in the machine."""
        packed = base64.b64encode(zlib.compress(data)).decode()
        self.request("put", path=path, data=packed, mode=mode)

    def get(self, path: str) -> bytes:
        """Reads a file in the machine, or the names in a folder, one per line."""
        return base64.b64decode(self.request("get", path=path)["data"])

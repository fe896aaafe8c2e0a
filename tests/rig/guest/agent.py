# SPDX-License-Identifier: GPL-2.0
"""
The agent in a machine: runs commands for the host, over a virtio-serial port.

Both sides send one JSON object a line; bytes travel as base64, those of a file to
be written compressed before. Requests:
  {"id", "op": "start", "argv", "stdin"}  run a program; answered once with its
        process id ("pid"), and once more when it ends ("exit", "stdout", "stderr")
  {"id", "op": "kill", "pid", "number"}   signal a program's process group
  {"id", "op": "put", "path", "data", "mode"}, {"id", "op": "get", "path"}
  {"id", "op": "visit", "seconds"}        sleep so long on each processor, one after the other
  {"id", "op": "klog"}                    the kernel log since the last such request
  {"id", "op": "names", "dev"}            what `ethtool -S` can show of a device, ...
  {"id", "op": "counters", "dev", "count"}  ... and the values, 64 bits each: without a process
  {"id", "op": "terminal", "rows", "columns"}  a shell on the console hvc0
An answer carries the request's "id", and "error" when it failed.
"""

import array
import base64
import fcntl
import glob
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import time
import zlib

SIOCETHTOOL = 0x8946
GET_STRINGS, GET_STATS, GET_SET = 0x1b, 0x1d, 0x37
STATS_SET, STRING = 1, 32


def find_port() -> str:
    """The device of the port named "agent"."""
    for path in glob.glob("/sys/class/virtio-ports/*/name"):
        with open(path, encoding="ascii") as file:
            if file.read().strip() == "agent":
                return "/dev/" + path.split("/")[-2]
    raise FileNotFoundError("no port named agent")


def text(data: bytes) -> str:
    """Bytes as they travel."""
    return base64.b64encode(data).decode()


def ethtool(dev: str, request: bytes, room: int) -> bytes:
    """One request of ethtool: the memory that it leaves, `room` bytes behind the request."""
    memory = array.array("B", request + bytes(room))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP", dev.encode(), memory.buffer_info()[0]))
    return memory.tobytes()


def spared(spare: bool):
    """Whether the kernel spares this process, and what it starts, when memory is short."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("-1000" if spare else "0")


class Program:
    """One running program; its output is collected as it comes."""

    def __init__(self, agent, ident, argv, stdin: bytes):
        self.agent, self.ident = agent, ident
        given = os.memfd_create("stdin")
        os.write(given, stdin)
        os.lseek(given, 0, os.SEEK_SET)
        # A program is not spared, nor what it starts at once.
        spared(False)
        try:
            self.process = subprocess.Popen(
                argv, stdin=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                start_new_session=True, cwd="/root")
        finally:
            spared(True)
            os.close(given)
        self.output = {self.process.stdout.fileno(): b"", self.process.stderr.fileno(): b""}
        for file in self.output:
            os.set_blocking(file, False)
            agent.selector.register(file, selectors.EVENT_READ, self.readable)
        self.exit = os.pidfd_open(self.process.pid)
        agent.selector.register(self.exit, selectors.EVENT_READ, self.ended)

    def readable(self, file) -> bool:
        """Takes what is there; False when there is no more now."""
        try:
            data = os.read(file, 1 << 16)
        except BlockingIOError:
            return False
        if not data:
            if file in self.agent.selector.get_map():
                self.agent.selector.unregister(file)
            return False
        self.output[file] += data
        return True

    def ended(self, _file):
        """Answers with the status; whoever inherited the pipes is not waited for."""
        status = self.process.wait()
        for file in self.output:
            while self.readable(file):
                pass
            if file in self.agent.selector.get_map():
                self.agent.selector.unregister(file)
        self.agent.selector.unregister(self.exit)
        os.close(self.exit)
        out, err = self.output.values()
        self.process.stdout.close()
        self.process.stderr.close()
        self.agent.answer(self.ident, exit=status, stdout=text(out), stderr=text(err))


class Agent:
    """The loop: requests from the port, output and ends of programs."""

    def __init__(self, port: str):
        self.port = os.open(port, os.O_RDWR)
        self.kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        self.selector = selectors.DefaultSelector()
        # Chunks of a line that is not complete. Joining them each time a chunk comes
        # would take longer than all else where memory is slow.
        self.pending = []
        self.shell = None

    def answer(self, ident, **fields):
        """Sends one answer."""
        data = json.dumps({"id": ident, **fields}).encode() + b"\n"
        while data:
            data = data[os.write(self.port, data):]

    def start(self, ident, argv, stdin=""):
        """Runs a program."""
        program = Program(self, ident, argv, base64.b64decode(stdin))
        return {"pid": program.process.pid}

    def kill(self, _ident, pid, number):
        """Signals a program and its children."""
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            pass
        return {}

    def put(self, _ident, path, data, mode=0o644):
        """Writes a file."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(zlib.decompress(base64.b64decode(data)))
        os.chmod(path, mode)
        return {}

    def get(self, _ident, path):
        """Reads a file."""
        with open(path, "rb") as file:
            return {"data": text(file.read())}

    def visit(self, _ident, seconds):
        """Sleeps on each processor. What was due there at its beginning has run when it ends."""
        every = os.sched_getaffinity(0)
        for processor in every:
            os.sched_setaffinity(0, {processor})
            time.sleep(seconds)  # sleep: gives this processor to what is due on it
        os.sched_setaffinity(0, every)
        return {}

    def klog(self, _ident):
        """The kernel's records since the last time: [level, microseconds, text]."""
        records = []
        while True:
            try:
                record = os.read(self.kmsg, 8192).decode(errors="replace")
            except BlockingIOError:
                return {"records": records}
            except BrokenPipeError:
                records.append([4, 0, "(the kernel overwrote records before they were read)"])
                continue
            head, _, rest = record.partition(";")
            level, _sequence, stamp = head.split(",")[:3]
            records.append([int(level) & 7, int(stamp), rest.split("\n")[0]])

    def names(self, _ident, dev):
        """The names of a device's own counters."""
        found = ethtool(dev, struct.pack("IIQ", GET_SET, 0, 1 << STATS_SET), 4)
        count, = struct.unpack_from("I", found, 16)
        names = ethtool(dev, struct.pack("III", GET_STRINGS, STATS_SET, count), count * STRING)
        return {"names": [names[at:at + STRING].rstrip(b"\0").decode()
                          for at in range(12, 12 + count * STRING, STRING)]}

    def counters(self, _ident, dev, count):
        """Their values."""
        return {"data": text(ethtool(dev, struct.pack("II", GET_STATS, count), count * 8)[8:])}

    def terminal(self, _ident, rows=0, columns=0):
        """Starts a login shell on the console."""
        script = ("exec </dev/hvc0 >/dev/hvc0 2>&1; stty sane; "
                  f"[ {rows} -eq 0 ] || stty rows {rows} cols {columns}; "
                  "exec bash --rcfile /rig/bashrc -i")
        spared(False)
        self.shell = subprocess.Popen(["setsid", "sh", "-c", script], stdin=subprocess.DEVNULL,
                                      cwd="/root")
        spared(True)
        return {}

    def request(self, line: bytes):
        """Serves one line."""
        wanted = json.loads(line)
        ident, operation = wanted.pop("id"), wanted.pop("op")
        try:
            fields = {"start": self.start, "kill": self.kill, "put": self.put, "get": self.get,
                      "klog": self.klog, "names": self.names, "counters": self.counters,
                      "terminal": self.terminal, "visit": self.visit}[operation](ident, **wanted)
            self.answer(ident, **fields)
        except Exception as error:
            self.answer(ident, error=f"{type(error).__name__}: {error}")

    def receive(self, _file):
        """Takes what came over the port."""
        data = os.read(self.port, 1 << 16)
        self.pending.append(data)
        if b"\n" not in data:
            return
        *lines, rest = b"".join(self.pending).split(b"\n")
        self.pending = [rest]
        for line in lines:
            self.request(line)

    def run(self):
        """Serves for ever."""
        self.selector.register(self.port, selectors.EVENT_READ, self.receive)
        self.answer("hello", release=os.uname().release)
        while True:
            for key, _ in self.selector.select():
                # An event before it may have ended what this one is of.
                if self.selector.get_map().get(key.fd) is key:
                    key.data(key.fd)


if __name__ == "__main__":
    # A shell ignores these for what it starts in the background, like this.
    for interrupt in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(interrupt, signal.SIG_DFL)
    spared(True)
    Agent(find_port()).run()

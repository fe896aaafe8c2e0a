# SPDX-License-Identifier: GPL-2.0
"""
The agent in a machine: it runs commands for the host, over a virtio-serial port.

Both sides send one JSON object per line. Bytes are encoded as base64; those of a file to
be written are compressed before. Requests:
  {"id", "op": "start", "argv", "stdin"}  run a program; the first answer has its process id
        ("pid"), the second one, at its end, "exit", "stdout" and "stderr"
  {"id", "op": "script", "path", "arguments", "ns", "stdin"}  likewise, a Python program, in
        the network namespace "ns" of ip-netns(8); a fork of this interpreter runs it, because
        an interpreter starts slowly on an emulated processor
  {"id", "op": "kill", "pid", "number"}   send a signal to a program's process group
  {"id", "op": "put", "path", "data", "mode"}, {"id", "op": "get", "path"}
        (of a folder, the names in it)
  {"id", "op": "run_pending", "seconds"}  sleep this long on each processor in turn
  {"id", "op": "klog"}                    the kernel log since the last such request
  {"id", "op": "counters", "dev", "ns"}   the counters of `ethtool -S` of a device in the network
        namespace "ns" of ip-netns(8): "names", 32 bytes each, and "values", 64 bits each
  {"id", "op": "stats", "dev", "ns"}      a device's struct rtnl_link_stats64; like RTM_GETLINK
        this takes the RTNL and handles a pending change of the carrier
  {"id", "op": "terminal", "rows", "columns"}  a shell on the console hvc0
An answer has the request's "id", and "error" if the request failed.
"""

import array
import base64
import contextlib
import fcntl
import glob
import importlib
import json
import os
import selectors
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
import types
import zlib

SIOCETHTOOL = 0x8946
GET_STRINGS, GET_STATS, GET_SET = 0x1b, 0x1d, 0x37
STATS_SET, STRING = 1, 32
# linux/rtnetlink.h, linux/if_link.h
RTM_NEWLINK, RTM_GETLINK, NLM_F_REQUEST = 16, 18, 1
IFLA_IFNAME, IFLA_STATS64 = 3, 23
NLMSGHDR, IFINFOMSG, RTATTR = "IHHII", "BxHiII", "HH"


def find_port() -> str:
    """Returns the device of the port named "agent"."""
    for path in glob.glob("/sys/class/virtio-ports/*/name"):
        with open(path, encoding="ascii") as file:
            if file.read().strip() == "agent":
                return "/dev/" + path.split("/")[-2]
    raise FileNotFoundError("no port named agent")


def text(data: bytes) -> str:
    """Encodes bytes for an answer."""
    return base64.b64encode(data).decode()


@contextlib.contextmanager
def in_netns(ns: str):
    """A context in a network namespace with this name."""
    if not ns:
        yield
        return
    with open("/proc/self/ns/net", "rb") as own, open("/run/netns/" + ns, "rb") as other:
        os.setns(other.fileno(), os.CLONE_NEWNET)
        try:
            yield
        finally:
            os.setns(own.fileno(), os.CLONE_NEWNET)


def link_stats(dev: str) -> bytes:
    """Returns a device's struct rtnl_link_stats64."""
    name = dev.encode() + b"\0"
    body = struct.pack(IFINFOMSG, 0, 0, 0, 0, 0)
    body += struct.pack(RTATTR, 4 + len(name), IFLA_IFNAME) + name + bytes(-len(name) % 4)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(struct.pack(NLMSGHDR, 16 + len(body), RTM_GETLINK, NLM_F_REQUEST, 0, 0) + body)
        got = sock.recv(1 << 16)
    length, kind = struct.unpack_from(NLMSGHDR, got)[:2]
    if kind != RTM_NEWLINK:
        raise OSError(-struct.unpack_from("i", got, 16)[0], f"no statistics of {dev}")
    at = 32
    while at < length:
        size, attribute = struct.unpack_from(RTATTR, got, at)
        if attribute == IFLA_STATS64:
            return got[at + 4:at + size]
        at += size + -size % 4
    raise ValueError(f"{dev} has no statistics")


def ethtool(dev: str, request: bytes, room: int) -> bytes:
    """Makes an ethtool ioctl, with `room` bytes behind the request. Returns the memory."""
    memory = array.array("B", request + bytes(room))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP", dev.encode(), memory.buffer_info()[0]))
    return memory.tobytes()


def set_oom_protection(spare: bool):
    """Sets whether the OOM killer spares this process and those that it starts."""
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
        file.write("-1000" if spare else "0")


class Forked:
    """
    A Python program in a fork of this process, with the part of subprocess.Popen's interface
    that Program uses.
    """

    def __init__(self, code, argv, ns: str, stdin: int):
        out, out_end, err, err_end = ends = *os.pipe(), *os.pipe()
        try:
            self.pid = os.fork()
        except OSError:
            for end in ends:
                os.close(end)
            raise
        if self.pid == 0:
            self._run(code, argv, ns, (stdin, out_end, err_end))
        # Parent and child both set the group, so that it exists before either continues.
        with contextlib.suppress(PermissionError):
            os.setpgid(self.pid, self.pid)
        os.close(out_end)
        os.close(err_end)
        self.stdout, self.stderr = os.fdopen(out, "rb", 0), os.fdopen(err, "rb", 0)

    @staticmethod
    def _run(code, argv, ns: str, ends):
        """Runs the program in the child. Never returns."""
        status = 1
        try:
            os.setpgid(0, 0)
            for number, end in enumerate(ends):
                os.dup2(end, number)
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            sys.stdin = open(0, encoding="utf-8", errors="surrogateescape", closefd=False)
            sys.stdout = open(1, "w", encoding="utf-8", errors="surrogateescape", closefd=False)
            sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
            os.chdir("/root")
            sys.argv = argv
            sys.path.insert(0, os.path.dirname(argv[0]))
            module = sys.modules["__main__"] = types.ModuleType("__main__")
            module.__file__ = argv[0]
            with in_netns(ns):
                try:
                    exec(code, vars(module))
                finally:
                    # Flushes and closes files that global variables refer to.
                    vars(module).clear()
            status = 0
        except SystemExit as leave:
            status = leave.code if isinstance(leave.code, int) else 1 if leave.code else 0
            if isinstance(leave.code, str):
                print(leave.code, file=sys.stderr)
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(status)

    def wait(self) -> int:
        """Returns the exit status, or the negative number of the signal that killed it."""
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Program:
    """
    A running program, whose output is collected. `begin(stdin)` starts it with the descriptor
    of its standard input.
    """

    def __init__(self, agent, ident, begin, stdin: bytes):
        self.agent, self.ident = agent, ident
        # The last signal that its process group was sent.
        self.signalled = 0
        given = os.memfd_create("stdin")
        os.write(given, stdin)
        os.lseek(given, 0, os.SEEK_SET)
        # The OOM killer does not spare the program and its children.
        set_oom_protection(False)
        try:
            self.process = begin(given)
        finally:
            set_oom_protection(True)
            os.close(given)
        self.output = {self.process.stdout.fileno(): b"", self.process.stderr.fileno(): b""}
        for file in self.output:
            os.set_blocking(file, False)
            agent.selector.register(file, selectors.EVENT_READ, self.readable)
        agent.programs[self.process.pid] = self
        self.exit = os.pidfd_open(self.process.pid)
        agent.selector.register(self.exit, selectors.EVENT_READ, self.ended)

    def readable(self, file) -> bool:
        """Reads available output. Returns false if there is no more at the moment."""
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
        """Answers with the status, without waiting for others that have inherited the pipes."""
        if self.signalled:
            # A process that was started while its parent had signals blocked may have missed the
            # signal. The group exists until its first process is waited for.
            os.killpg(self.process.pid, self.signalled)
        del self.agent.programs[self.process.pid]
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
    """The event loop: requests from the port, output and ends of programs."""

    def __init__(self, port: str):
        self.port = os.open(port, os.O_RDWR)
        self.kmsg = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
        self.selector = selectors.DefaultSelector()
        self.programs = {}
        # SO_TIMESTAMP stays enabled. Otherwise each ping makes the kernel patch its code, and an
        # emulated processor has executed the breakpoint of a patch that was complete.
        self.stamps = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.stamps.setsockopt(socket.SOL_SOCKET, 29, 1)
        self.pending = []  # chunks of a line: joining them each time is slow
        self.shell = None
        # Scripts by path: time and size of the file, and the code.
        self.scripts = {}

    def answer(self, ident, **fields):
        """Sends an answer."""
        data = json.dumps({"id": ident, **fields}).encode() + b"\n"
        while data:
            data = data[os.write(self.port, data):]

    def start(self, ident, argv, stdin=""):
        """Runs a program."""
        def begin(given):
            return subprocess.Popen(argv, stdin=given, stdout=subprocess.PIPE,
                                    stderr=subprocess.PIPE, start_new_session=True, cwd="/root")
        return {"pid": Program(self, ident, begin, base64.b64decode(stdin)).process.pid}

    def script(self, ident, path, arguments, ns="", stdin=""):
        """Runs a Python program."""
        info = os.stat(path)
        stamp = info.st_mtime_ns, info.st_size
        if self.scripts.get(path, ((),))[0] != stamp:
            with open(path, "rb") as file:
                self.scripts[path] = stamp, compile(file.read(), path, "exec")
        code = self.scripts[path][1]
        def begin(given):
            return Forked(code, [path, *arguments], ns, given)
        return {"pid": Program(self, ident, begin, base64.b64decode(stdin)).process.pid}

    def kill(self, _ident, pid, number):
        """Sends a signal to a program and its children."""
        if pid in self.programs:
            self.programs[pid].signalled = number
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, number)
        return {}

    def put(self, _ident, path, data, mode=0o644):
        """Writes a file."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        self.scripts.pop(path, None)
        with open(path, "wb") as file:
            file.write(zlib.decompress(base64.b64decode(data)))
        os.chmod(path, mode)
        return {}

    def get(self, _ident, path):
        """Reads a file, or the names in a folder."""
        if os.path.isdir(path):
            return {"data": text("".join(f"{it}\n" for it in sorted(os.listdir(path))).encode())}
        with open(path, "rb") as file:
            return {"data": text(file.read())}

    def run_pending(self, _ident, seconds):
        """Sleeps on each processor, so that everything runs that was due there before."""
        every = os.sched_getaffinity(0)
        for processor in every:
            os.sched_setaffinity(0, {processor})
            time.sleep(seconds)  # sleep: lets pending work run on this processor
        os.sched_setaffinity(0, every)
        return {}

    def klog(self, _ident):
        """Returns the kernel's records since the last call: [level, microseconds, text]."""
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

    def counters(self, _ident, dev, ns=""):
        """Returns a device's ethtool counters."""
        with in_netns(ns):
            found = ethtool(dev, struct.pack("IIQ", GET_SET, 0, 1 << STATS_SET), 4)
            count, = struct.unpack_from("I", found, 16)
            names = ethtool(dev, struct.pack("III", GET_STRINGS, STATS_SET, count), count * STRING)
            values = ethtool(dev, struct.pack("II", GET_STATS, count), count * 8)
        return {"names": text(names[12:]), "values": text(values[8:])}

    def stats(self, _ident, dev, ns=""):
        """Returns a device's standard counters."""
        with in_netns(ns):
            return {"data": text(link_stats(dev))}

    def terminal(self, _ident, rows=0, columns=0):
        """Starts a login shell on the console."""
        script = ("exec </dev/hvc0 >/dev/hvc0 2>&1; stty sane; "
                  f"[ {rows} -eq 0 ] || stty rows {rows} cols {columns}; "
                  "exec bash --rcfile /rig/bashrc -i")
        set_oom_protection(False)
        self.shell = subprocess.Popen(["setsid", "sh", "-c", script], stdin=subprocess.DEVNULL,
                                      cwd="/root")
        set_oom_protection(True)
        return {}

    def request(self, line: bytes):
        """Handles a line with a request."""
        wanted = json.loads(line)
        ident, operation = wanted.pop("id"), wanted.pop("op")
        try:
            fields = {"start": self.start, "script": self.script, "kill": self.kill,
                      "put": self.put, "get": self.get, "klog": self.klog,
                      "counters": self.counters, "stats": self.stats, "terminal": self.terminal,
                      "run_pending": self.run_pending}[operation](ident, **wanted)
            self.answer(ident, **fields)
        except Exception as error:
            self.answer(ident, error=f"{type(error).__name__}: {error}")

    def receive(self, _file):
        """Reads from the port."""
        data = os.read(self.port, 1 << 16)
        self.pending.append(data)
        if b"\n" not in data:
            return
        *lines, rest = b"".join(self.pending).split(b"\n")
        self.pending = [rest]
        for line in lines:
            self.request(line)

    def run(self):
        """Runs the loop. Never returns."""
        self.selector.register(self.port, selectors.EVENT_READ, self.receive)
        self.answer("hello", release=os.uname().release)
        while True:
            for key, _ in self.selector.select():
                # An earlier event of this list may have unregistered this file.
                if self.selector.get_map().get(key.fd) is key:
                    key.data(key.fd)


if __name__ == "__main__":
    # A shell makes its background processes, like this one, ignore these signals.
    for interrupt in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(interrupt, signal.SIG_DFL)
    # Imports modules that scripts use, so that they start faster.
    for name in ("errno", "random", "threading"):
        importlib.import_module(name)
    set_oom_protection(True)
    Agent(find_port()).run()

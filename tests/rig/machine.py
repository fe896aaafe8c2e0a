# SPDX-License-Identifier: GPL-2.0
"""
QEMU machines that play the subjects of a system.

A machine has the subject information at 0xe00000000 (read-only), and the channels from
0xe10000000 on: one file for each writer, which the other machines map read-only. The
kernel is the stock one, the root file system the archive of initramfs.py. Commands go
through the agent.
"""

import base64
import mmap
import os
import shutil
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from . import arch, debian, doorbells, initramfs, klog, ksft
from .channel import ChannelFile
from .client import PATIENCE, Client, MachineDied
from .doorbells import Doorbells
from .system import SINFO_SIZE, WRITERS, System
from .wait import DEADLINE, TimedOut, listens, until, wait_for

# Memory of a machine in MiB. Other kernels than the stock one may need more.
MEMORY = int(os.environ.get("MUENNET_MEMORY", "768"))
BOOT_ATTEMPTS = 3
# Seconds of CPU time that a boot may take. A good boot takes 8, that of a Debian 60. A boot that
# hangs and spins reaches the limit, a slow one does not; one that hangs idle reaches the deadline.
BOOT_CPU_SECONDS, DEBIAN_CPU_SECONDS = 100 * PATIENCE, 600
COMMAND_LINE = "quiet panic=-1 oops=panic no_hash_pointers"
# The members of struct rtnl_link_stats64 (linux/if_link.h).
STATISTICS = """rx_packets tx_packets rx_bytes tx_bytes rx_errors tx_errors rx_dropped tx_dropped
    multicast collisions rx_length_errors rx_over_errors rx_crc_errors rx_frame_errors
    rx_fifo_errors rx_missed_errors tx_aborted_errors tx_carrier_errors tx_fifo_errors
    tx_heartbeat_errors tx_window_errors rx_compressed tx_compressed rx_nohandler""".split()


class Script:
    """
    A Python program in a machine, as the command of run() and bkg(), in the network namespace
    `ns` if given. It starts quickly, because the agent, itself in Python, forks.
    """

    def __init__(self, path: str, *arguments, ns: str = "", stdin: bytes = b""):
        self.path, self.ns, self.stdin = path, ns, stdin
        self.arguments = [str(argument) for argument in arguments]

    def __str__(self):
        return " ".join([self.path, *self.arguments])


class Machine:
    """A running machine. It can be the `host=` of the kernel's selftest library."""

    def __init__(self, system: System, name: str, folder: Path, sizes: dict, more: str = "",
                 devices=(), bells: Doorbells | None = None):
        self.system, self.name, self.folder, self._sizes = system, name, folder, sizes
        self._bells = bells
        self.console = folder / f"console.{name}"
        self._more, self._devices = more, [*devices]
        self._process = self._client = self._terminal = None
        self.log = klog.Log(name)

    def _regions(self) -> list:
        """Returns the memory that the machine shares."""
        regions = []
        if self.system.has_sinfo:
            regions.append(arch.Region("sinfo", self.folder / f"sinfo.{self.name}", SINFO_SIZE,
                                       self.system.sinfo_address(), False))
        for writer, size in self._sizes.items():
            if size:
                regions.append(arch.Region(writer, self.folder / f"channels.{writer}", size,
                                           self.system.base(writer), writer == self.name))
        return regions

    def _arguments(self, agent: int, terminal: int) -> list:
        machine = arch.of_machines()
        # Other kernels than the stock one may need another topology.
        processors = os.environ.get("MUENNET_CPUS", "2")
        disk = self.name in self.system.debian
        line = " ".join((COMMAND_LINE, machine.options.format(memory=MEMORY),
                         debian.OPTIONS if disk else "", klog.WATCHDOGS, self._more,
                         self.system.options,
                         os.environ.get("MUENNET_COMMAND_LINE", "mitigations=off")))
        args = [*machine.qemu, "-nodefaults", "-no-user-config", "-display", "none",
                "-no-reboot", "-name", self.name,
                "-accel", os.environ.get("MUENNET_ACCEL", "tcg"), "-smp", processors,
                "-kernel", str(initramfs.kernel()),
                "-initrd", str(debian.initrd() if disk else initramfs.base()), "-append", line,
                "-chardev", f"file,id=console,path={self.console}", "-serial", "chardev:console",
                "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=agent,fd={agent}",
                "-device", "virtserialport,chardev=agent,name=agent",
                "-chardev", f"socket,id=terminal,fd={terminal}",
                "-device", "virtconsole,chardev=terminal"]
        if disk:
            args += debian.arguments(self.folder, self.name)
        return args + machine.memory(MEMORY << 20, self._regions()) + self._devices

    def start(self):
        """Starts QEMU, and does not wait for the boot."""
        agent, agent_end = socket.socketpair()
        self._terminal, terminal_end = socket.socketpair()
        ends = [agent_end, terminal_end]
        arguments = self._arguments(*(end.fileno() for end in ends))
        if self._bells:
            ends.append(self._bells.connect(self.name))
            arguments += doorbells.arguments(ends[-1])
        self._process = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "--", *arguments],
            pass_fds=[end.fileno() for end in ends], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self.console.with_suffix(".qemu." + self.name).open("wb"),
            start_new_session=True)
        for end in ends:
            end.close()
        self._client = Client(agent, self.alive)

    def wait_up(self, attempts: int = BOOT_ATTEMPTS):
        """Waits for the agent. A machine that dies before is started again."""
        limit = DEBIAN_CPU_SECONDS if self.name in self.system.debian else BOOT_CPU_SECONDS
        for attempt in range(attempts):
            try:
                end = time.monotonic() + DEADLINE
                while not self._client.take("hello", 1):
                    if self.cpu_seconds() > limit or time.monotonic() > end:
                        raise MachineDied("the boot hangs")
                self.log = klog.Log(self.name)
                self._client.put("/etc/hostname", self.name.encode())
                self.run(f"hostname {self.name}")
                return
            except MachineDied as error:
                failed = f"{error}, after {self.cpu_seconds():.0f} s of CPU time"
            self.stop()
            if attempt + 1 < attempts:
                ksft.ksft_pr(f"machine {self.name}: {failed}: no module was loaded, "
                             "booting again")
                self.start()
        raise MachineDied(f"machine {self.name} does not boot:\n{self.console_tail()}")

    def alive(self) -> bool:
        """Returns whether QEMU runs."""
        try:
            # A forked test file is not QEMU's parent, so it cannot wait for the process.
            state = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1]
            return state.split()[0] not in "ZX"
        except (FileNotFoundError, ProcessLookupError):
            return False

    def cpu_seconds(self) -> float:
        """Returns the host CPU time of QEMU, including its devices; 0 after its end."""
        if not self.alive():
            return 0
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def responds(self) -> bool:
        """Returns whether the agent still answers."""
        try:
            return self._client.start(["true"]).wait() == 0
        except (MachineDied, subprocess.TimeoutExpired):
            return False

    def restart(self):
        """
        Shuts down the installed Debian of this machine, and boots it again. Checks its kernel log
        until then.
        """
        bad = klog.excerpt(self.new_log())
        if not bad:
            self._client.start(["systemctl", "poweroff"])
            wait_for(lambda: not self.alive(), f"end of {self.name}")
            self.stop()
            bad = klog.excerpt(self.console.read_text(errors="replace").splitlines())
        if bad:
            raise AssertionError(f"kernel log of {self.name}:\n{bad}")
        self.start()
        # The boot loads the module, so one that fails is not repeated.
        self.wait_up(1)

    def stop(self):
        """Ends QEMU."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()

    def console_tail(self, lines: int = 40) -> str:
        """Returns the last lines of the machine's serial console and of QEMU's output."""
        files = self.console, self.console.with_suffix(".qemu." + self.name)
        output = "".join(file.read_text(errors="replace") for file in files if file.exists())
        return "\n".join(output.splitlines()[-lines:])

    def cmd(self, comm) -> "Program":
        """Starts a command (the selftest library calls this)."""
        if isinstance(comm, Script):
            return self._client.script(comm.path, comm.arguments, comm.ns, comm.stdin)
        argv = ["sh", "-c", comm] if isinstance(comm, str) else list(comm)
        return self._client.start(argv)

    def run(self, comm, fail: bool = True, timeout: float = DEADLINE, stdin: bytes = b""):
        """Runs a command to its end. Returns an object with ret, stdout and stderr."""
        if stdin and isinstance(comm, Script):
            comm.stdin = stdin
        elif stdin:
            self.put("/run/stdin", stdin)
            comm = f"{{ {comm}; }} </run/stdin"
        return ksft.cmd(comm, host=self, fail=fail, timeout=timeout)

    def wait(self, command: str, what: str = "", ns: str = ""):
        """Waits in the machine until a command succeeds. `what` names the event."""
        inside = f"ip netns exec {ns} " if ns else ""
        try:
            self.run([*inside.split(), "sh", "-c", until(command)])
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"{self.name}: no {what or command} in {DEADLINE} s") from error

    def wait_listens(self, port: int, protocol: str = "tcp", ns: str = ""):
        """Waits until a socket listens on a port (TCP) or is bound to it (UDP)."""
        self.wait(listens(port, protocol), f"listener on {protocol} port {port}", ns)

    def bkg(self, comm, **options):
        """Runs a command in the background, as a context."""
        return ksft.bkg(comm, host=self, **options)

    def ip(self, args: str, **options):
        """Runs ip. With json=True, returns its parsed output."""
        return ksft.ip(args, host=self, **options)

    def put(self, path: str, data: bytes, mode: int = 0o644):
        """Writes a file in the machine."""
        self._client.put(path, data, mode)

    def get(self, path: str) -> bytes:
        """Reads a file in the machine, or the names in a folder, one per line."""
        return self._client.get(path)

    def read_files(self, *paths: str) -> str:
        """Reads several files or folders at once, as text."""
        answers = self._client.requests([("get", {"path": path}) for path in paths])
        return b"".join(base64.b64decode(answer["data"]) for answer in answers).decode()

    def new_log(self) -> list:
        """Returns the kernel log lines since the last call. `log` keeps all lines."""
        return self.log.add(self._client.request("klog")["records"])

    def counters(self, dev: str, ns: str = "", path: str = "") -> tuple:
        """Returns the counters of `ethtool -S` and the contents of a file, without processes."""
        wanted = [("counters", {"dev": dev, "ns": ns})]
        wanted += [("get", {"path": path})] if path else []
        got, *files = self._client.requests(wanted)
        names, values = (base64.b64decode(got[part]) for part in ("names", "values"))
        names = [name.rstrip(b"\0").decode() for name, in struct.iter_unpack("32s", names)]
        return (dict(zip(names, struct.unpack(f"{len(names)}Q", values), strict=True)),
                b"".join(base64.b64decode(file["data"]) for file in files))

    def stats(self, dev: str, ns: str = "") -> dict:
        """Returns the counters of /sys/class/net/DEV/statistics, without processes."""
        data = base64.b64decode(self._client.request("stats", dev=dev, ns=ns)["data"])
        # A later kernel may have more.
        return dict(zip(STATISTICS, struct.unpack_from(f"{len(STATISTICS)}Q", data)))

    def run_pending(self, seconds: float = 0.0015):
        """
        Sleeps on each processor of the machine. Afterwards everything that was due before has
        run: interrupts, softirqs, and timers with a period below `seconds`, as the poller's.
        """
        self._client.request("run_pending", seconds=seconds)

    def terminal(self, rows: int = 0, columns: int = 0) -> socket.socket:
        """Starts a shell on the machine's second console, and returns its socket."""
        self._client.request("terminal", rows=rows, columns=columns)
        return self._terminal


class Machines:
    """
    A context with all machines of a system, which it boots and ends. `devices(name, folder)`
    returns more arguments of QEMU for a machine. switch_system() turns the machines into
    those of another one of `others`, without a boot.
    """

    def __init__(self, system: System, others=(), more: str = "",
                 devices=lambda name, folder: ()):
        self.system = system
        systems = [system, *others]
        if any(system.hardware() != other.hardware() for other in others):
            raise ValueError("these systems need different machines")
        names = sorted({name for each in systems for name in each.subjects})
        self._sizes = {writer: max(each.file_size(writer) for each in systems)
                       for writer in WRITERS}
        self._folder = Path(tempfile.mkdtemp(prefix="muennet-", dir="/dev/shm"))
        self._bells = (Doorbells(names)
                       if any(each.needs_doorbells() for each in systems) else None)
        self.machines = {name: Machine(system, name, self._folder, self._sizes, more,
                                       devices(name, self._folder), self._bells)
                         for name in names}
        self.boot_seconds = 0.0

    def __getitem__(self, name: str) -> Machine:
        return self.machines[name]

    def __enter__(self):
        try:
            initramfs.base()
            self._fill()
            begin = time.monotonic()
            for machine in self.machines.values():
                machine.start()
            for machine in self.machines.values():
                machine.wait_up()
        except BaseException:
            self.__exit__()
            raise
        self.boot_seconds = time.monotonic() - begin
        return self

    def __exit__(self, *_):
        try:
            for machine in self.machines.values():
                if machine._process:
                    machine.stop()
        finally:
            if self._bells:
                self._bells.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _fill(self):
        """Writes the system's initial contents to all memory that is shared with machines."""
        contents = {f"channels.{writer}": bytes(size) for writer, size in self._sizes.items()}
        contents |= {f"sinfo.{name}": self.system.images(name) for name in self.machines}
        for name, data in contents.items():
            # Not replaced: machines may have mapped the file.
            fd = os.open(self._folder / name, os.O_RDWR | os.O_CREAT, 0o600)
            with open(fd, "r+b") as file:
                file.write(data)

    def switch_system(self, system: System):
        """
        Turns the machines into those of another system. No driver may be loaded, and no program
        in a machine may access the channels.
        """
        self.system = system
        for machine in self.machines.values():
            machine.system = system
        self._fill()

    def channel(self, name: str) -> ChannelFile:
        """Maps a channel's memory in this process."""
        channel = self.system.channel(name)
        with (self._folder / f"channels.{channel.writer}").open("r+b") as file:
            return ChannelFile(file.fileno(), self.system.offset(name), channel.size)

    def sinfo(self, name: str) -> mmap.mmap:
        """Maps a machine's subject information, with all variants, in this process."""
        with (self._folder / f"sinfo.{name}").open("r+b") as file:
            return mmap.mmap(file.fileno(), 0)

    def raise_vector(self, name: str, index: int):
        """Raises a machine's vector, by its index (0 is vector 0x70), from this process."""
        self._bells.ring(name, index)

    def healthy(self) -> bool:
        """Returns whether all machines run and answer."""
        return all(m.alive() and m.responds() for m in self.machines.values())

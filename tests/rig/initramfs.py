# SPDX-License-Identifier: GPL-2.0
"""
The machines' root file system: a cpio archive of files of the Debian root that the tests
run in, or of the root for the machines' architecture, kernel modules that tests need, the
kernel's tool for netlink specifications, muennet_cfg, and guest/.

It is cached under a hash of its inputs. It does not contain the module under test, which
is sent to the running machine. The cache also has the stock kernel, unpacked, which QEMU
starts without a boot loader (2 s less per boot under emulation).
"""

import glob
import hashlib
import lzma
import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from . import arch, paths

GUEST = Path(__file__).parent / "guest"

# PROGRAMS must be in the root; EXTRA_PROGRAMS may be missing.
PROGRAMS = """busybox python3 ip tc bridge ss ping ethtool iperf3 kmod bash dash""".split()
EXTRA_PROGRAMS = """cyclictest tcpdump xtables-nft-multi nft nsenter unshare""".split()
ALIASES = {"kmod": [f"usr/sbin/{name}" for name in
                    "modprobe insmod rmmod lsmod modinfo depmod".split()],
           # In a root that was only unpacked, nothing selects iptables.
           "xtables-nft-multi": [f"usr/sbin/{name}" for name in
                                 "iptables iptables-save ip6tables ip6tables-save".split()],
           # Not busybox's shell, which may prefer busybox's own ip and ping.
           "dash": ["usr/bin/sh"]}

# The root that files come from, and its directory of libraries.
ROOT = arch.of_machines().root
LIBRARIES = f"/usr/lib/{arch.of_machines().libraries}"

TREES = [f"{LIBRARIES}/xtables", "/usr/share/iproute2", f"{LIBRARIES}/tc", "/usr/lib/tc"]
FILES = [f"{LIBRARIES}/libgcc_s.so.1", "/etc/protocols",
         "/usr/share/terminfo/x/xterm", "/usr/share/terminfo/l/linux",
         "/lib/terminfo/x/xterm", "/lib/terminfo/x/xterm-256color", "/lib/terminfo/l/linux"]

PYTHON = Path("/usr/lib/python3.13")
PYTHON_SKIP = set("""test idlelib tkinter turtledemo ensurepip pydoc_data lib2to3 sqlite3
    _pyrepl unittest xmlrpc wsgiref venv dbm curses distutils
    sitecustomize.py turtle.py pydoc.py doctest.py pdb.py mailbox.py imaplib.py smtplib.py
    ftplib.py poplib.py email html http urllib xml multiprocessing concurrent asyncio""".split())

# The kernel's ynl and the libraries of its network selftests, in the kernel's source, and the
# library that ynl needs. In machines they are at the same paths below KERNEL_TREE.
YAML = Path("/usr/lib/python3/dist-packages/yaml")
YNL = "tools/net/ynl/pyynl"
SELFTESTS = "tools/testing/selftests"
KERNEL_TREE = "/usr/src/linux"
KERNEL_PYTHON = YNL, f"{SELFTESTS}/net/lib/py", f"{SELFTESTS}/drivers/net/lib/py"

# Modules that tests use; their dependencies are added.
MODULES = """veth dummy bonding team team_mode_broadcast team_mode_roundrobin team_mode_random
    team_mode_activebackup team_mode_loadbalance bridge 8021q macvlan ifb failover net_failover
    virtio_net nf_tables nft_compat nft_chain_nat nft_ct nft_reject_inet nft_limit xt_mark
    xt_connmark xt_conntrack xt_length xt_TCPMSS iptable_filter iptable_mangle iptable_nat
    ip6table_filter ip6table_mangle nf_conntrack_netlink sch_netem sch_fq sch_tbf sch_prio
    sch_htb sch_ingress sch_cake cls_u32 cls_matchall cls_fw cls_flower act_mirred act_gact
    act_skbedit pktgen netconsole af_packet_diag inet_diag tcp_diag udp_diag tcp_bbr tcp_dctcp
    wireguard tun""".split()


class Cpio:
    """Writes a cpio archive in the "newc" format."""

    def __init__(self, file):
        self.file = file
        self.inode = 0
        self.seen = {"."}

    def _entry(self, name: str, mode: int, data: bytes, when: int = 0):
        self.inode += 1
        raw = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, when, len(data), 0, 0, 0, 0, len(raw), 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + raw
        self.file.write(head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4))

    def _parents(self, name: str) -> bool:
        """Adds the parent folders. Returns false if `name` is already in the archive."""
        if name in self.seen:
            return False
        parent = os.path.dirname(name)
        if parent:
            self.folder(parent)
        self.seen.add(name)
        return True

    def folder(self, name: str):
        """Adds an empty folder."""
        if self._parents(name):
            self._entry(name, stat.S_IFDIR | 0o755, b"")

    def link(self, name: str, target: str):
        """Adds a symbolic link."""
        if self._parents(name):
            self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def data(self, name: str, data: bytes, mode: int = 0o644, when: int = 0):
        """Adds a file with the modification time `when`."""
        if self._parents(name):
            self._entry(name, stat.S_IFREG | mode, data, when)

    def copy(self, path: str):
        """Adds a file of the root. Of a symbolic link it adds the link and its target."""
        real = _real(path)
        name = os.path.join(_real(os.path.dirname(path)), os.path.basename(path)).lstrip("/")
        if _in_root(path).is_symlink():
            self.link(name, real)
            name = real.lstrip("/")
        file = _in_root(real)
        if file.is_file():
            # With its modification time, or Python would not use its compiled files.
            info = file.stat()
            self.data(name, file.read_bytes(), info.st_mode & 0o777, int(info.st_mtime))

    def close(self):
        """Ends the archive."""
        self._entry("TRAILER!!!", 0, b"")


def _in_root(path: str) -> Path:
    """Returns the path here of a path in the root."""
    return ROOT / path.lstrip("/")


def _real(path: str) -> str:
    """Resolves symbolic links of a path in the root. No link that is used here is absolute."""
    return "/" + str(Path(os.path.realpath(_in_root(path))).relative_to(ROOT))


def _find(program: str):
    """Returns the path of a program in the root, or None."""
    found = shutil.which(program, path=f"{_in_root('/usr/sbin')}:{_in_root('/usr/bin')}")
    return found and "/" + str(Path(found).relative_to(ROOT))


def _libraries(files) -> set:
    """Returns the shared libraries that these files of the root need, and their loader."""
    done, todo = set(), {*files}
    while todo:
        done |= todo
        out = subprocess.run(["llvm-readelf", "--dynamic-table", "--program-headers",
                              *map(_in_root, sorted(todo))],
                             capture_output=True, text=True, check=True).stdout
        needed = re.findall(r"\(NEEDED\).*\[(.*)\]", out)
        paths_needed = {f"{LIBRARIES}/{name}" for name in needed}
        paths_needed |= {*re.findall(r"program interpreter: (/.*)\]", out)}
        todo = {path for path in paths_needed if _in_root(path).exists()} - done
    return done - {*files}


def _module_files() -> dict:
    """Returns a dictionary of all kernel modules: name to path."""
    return {path.name.split(".ko")[0].replace("-", "_"): path
            for path in paths.kernel_modules().rglob("kernel/**/*.ko*")}


def _unpacked(path: Path) -> bytes:
    raw = path.read_bytes()
    return lzma.decompress(raw) if path.suffix == ".xz" else raw


def _modules(archive: Cpio, stage: str):
    """Adds MODULES, their dependencies, and the index that modprobe reads."""
    release = paths.kernel_modules().name
    known, todo, done = _module_files(), list(MODULES), set()
    root = Path(stage) / "lib/modules" / release
    root.mkdir(parents=True)
    while todo:
        name = todo.pop().replace("-", "_")
        if name in done or name not in known:
            continue
        done.add(name)
        data = _unpacked(known[name])
        place = root / known[name].relative_to(paths.kernel_modules()).with_suffix("")
        if known[name].suffix == ".ko":
            place = place.with_suffix(".ko")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        needs = re.search(rb"\0depends=([^\0]*)\0", data)
        todo += [n for n in (needs.group(1).decode() if needs else "").split(",") if n]
    for name in ("modules.builtin", "modules.order", "modules.builtin.modinfo"):
        if (paths.kernel_modules() / name).exists():
            shutil.copy(paths.kernel_modules() / name, root / name)
    subprocess.run(["depmod", "-b", stage, release], check=True, stderr=subprocess.DEVNULL)
    for path in sorted(root.rglob("*")):
        if path.is_file():
            archive.data("usr/" + str(path.relative_to(stage)), path.read_bytes())


def _tree(folder: str, pattern: str = "*", deep: bool = True) -> list:
    """Returns the files below a folder of the root."""
    found = _in_root(folder).rglob(pattern) if deep else _in_root(folder).glob(pattern)
    return sorted("/" + str(path.relative_to(ROOT)) for path in found if path.is_file())


def _python(archive: Cpio):
    for path in _tree(str(PYTHON)):
        parts = Path(path).relative_to(PYTHON).parts
        stem = parts[-1].split(".")[0] + ".py"
        if not PYTHON_SKIP & {*parts, stem}:
            archive.copy(path)


def _kernel_python(archive: Cpio):
    for path in _tree(str(YAML), deep=False):
        archive.copy(path)
    source = paths.kernel_source()
    for path in sorted(it for folder in KERNEL_PYTHON for it in (source / folder).rglob("*.py")):
        archive.data(f"{KERNEL_TREE[1:]}/{path.relative_to(source)}", path.read_bytes())
    archive.link("usr/share/ynl", f"{KERNEL_TREE}/{YNL}")


def _fill(archive: Cpio):
    for name in "bin sbin lib lib64".split():
        archive.link(name, "usr/" + name)
    for name in "proc sys dev run tmp root var etc/iproute2 usr/lib64 mnt".split():
        archive.folder(name)
    programs = [_find(p) for p in PROGRAMS + EXTRA_PROGRAMS]
    if None in programs[:len(PROGRAMS)]:
        raise FileNotFoundError(f"{ROOT} lacks one of {' '.join(PROGRAMS)}")
    programs = [p for p in programs if p]
    for path in programs:
        archive.copy(path)
        for alias in ALIASES.get(os.path.basename(path), []):
            archive.link(alias, path)
    _python(archive)
    _kernel_python(archive)
    if paths.tool():
        archive.data("usr/bin/muennet_cfg", paths.tool().read_bytes(), 0o755)
    plugins = [path for tree in TREES for path in _tree(tree, "*.so", deep=False)]
    plugins += _tree(f"{PYTHON}/lib-dynload", "*.so") + _tree(str(YAML), "*.so")
    for path in sorted(_libraries(programs + plugins + FILES[:1])):
        archive.copy(path)
    for path in FILES + [path for tree in TREES for path in _tree(tree)]:
        archive.copy(path)
    # The root for another architecture has the same version of busybox.
    listed = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
    for applet in listed.stdout.split():
        if not {f"usr/bin/{applet}", f"usr/sbin/{applet}"} & archive.seen:
            archive.link(f"usr/bin/{applet}", "/usr/bin/busybox")
    archive.data("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\n"
                               b"nobody:x:65534:65534:nobody:/:/bin/sh\n")
    archive.data("etc/group", b"root:x:0:\nnogroup:x:65534:\n")
    archive.data("etc/hosts", b"127.0.0.1 localhost\n")
    for path in sorted(GUEST.iterdir()):
        if path.is_file():
            archive.data("init" if path.name == "init" else "rig/" + path.name,
                         path.read_bytes(), 0o755)


def _fingerprint() -> str:
    digest = hashlib.sha256(str(paths.kernel_modules().name).encode())
    inputs = [Path(__file__), *sorted(p for p in GUEST.iterdir() if p.is_file())]
    inputs += filter(None, [paths.tool()])
    for path in inputs:
        digest.update(path.read_bytes())
    found = [_in_root(path) for path in map(_find, PROGRAMS + EXTRA_PROGRAMS) if path]
    found += filter(Path.exists, [_in_root(f"{YAML}/__init__.py"),
                                  paths.kernel_modules() / "modules.order"])
    for path in [paths.kernel_image(), *found]:
        info = os.stat(path)
        digest.update(f"{path} {info.st_size} {info.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def kernel() -> Path:
    """Returns the stock kernel as QEMU starts it. Unpacks it if it is not in the cache."""
    if not arch.of_machines().packed:
        return paths.kernel_image()
    info = os.stat(paths.kernel_image())
    path = paths.cache() / f"vmlinux-{paths.kernel_modules().name}-{info.st_size}"
    if path.exists():
        return path
    script = paths.kernel_source() / "scripts/extract-vmlinux"
    done = subprocess.run(["sh", script, paths.kernel_image()], capture_output=True)
    if not done.stdout.startswith(b"\x7fELF"):
        raise RuntimeError(f"cannot unpack {paths.kernel_image()}: {done.stderr.decode()}")
    with tempfile.NamedTemporaryFile(dir=paths.cache(), delete=False) as file:
        file.write(done.stdout)
    os.rename(file.name, path)
    return path


def base() -> Path:
    """Returns the archive. Makes it if it is not in the cache."""
    release = paths.kernel_modules().name
    path = paths.cache() / f"initramfs-{release}-{_fingerprint()}.cpio"
    if path.exists():
        return path
    with tempfile.TemporaryDirectory(dir=paths.cache()) as stage:
        temporary = Path(stage) / "archive"
        with temporary.open("wb") as file:
            archive = Cpio(file)
            _fill(archive)
            _modules(archive, stage)
            archive.close()
        # Keep the last one of each kernel: two checkouts may be in use.
        old = sorted(paths.cache().glob(f"initramfs-{glob.escape(release)}-*.cpio"),
                     key=lambda it: it.stat().st_mtime)
        for outdated in old[:-1]:
            outdated.unlink(missing_ok=True)
        temporary.rename(path)
    return path

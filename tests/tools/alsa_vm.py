"""A small virtual machine whose kernel has ALSA: its sequencer, virmidi, a dummy and a loopback card. It gives a real
/dev/snd to python-rtmidi's ALSA API, aplaymidi, arecordmidi and aconnect on machines without sound.

It runs this system's own files, at the same paths, under an overlay that is gone afterwards; /run and /dev are its own;
there is no network but `lo`. The processor is emulated: use it for behaviour, never for timings. One run takes about
20 s. Kernel and initial file system are made once, from Debian's kernel package, in ~/.cache/jamd-tests.

As a command: `python -m tests.tools.alsa_vm SCRIPT` prints the script's output and returns its exit status. Needs
Debian's alsa-utils, busybox-static, cpio, kmod and qemu-system-x86.
"""

import gzip
import lzma
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from daemon.bench.child_end import END_WITH_PARENT

MODULES_TO_BOOT = ["virtio_pci", "9p", "9pnet_virtio", "overlay"]
MODULES_OF_ALSA = ["snd-seq", "snd-seq-midi", "snd-virmidi", "snd-dummy", "snd-aloop"]
COMMANDS = ["qemu-system-x86_64", "busybox", "cpio", "depmod", "modprobe", "aconnect", "apt-get", "dpkg-deb"]
REMEDY = "apt-get install alsa-utils busybox-static cpio kmod qemu-system-x86 (on Debian, amd64)"
ENVIRONMENT = os.environ | {"PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"}  # depmod and modprobe, for non-root too

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
for module in BOOT; do modprobe "$module"; done
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=loose,ro system /lower
mount -t tmpfs tmpfs /over; mkdir /over/upper /over/work
mount -t overlay -o lowerdir=/lower,upperdir=/over/upper,workdir=/over/work overlay /root
mkdir -p /root/dev /root/proc /root/run /root/sys /root/usr/lib/modules
cp -a /lib/modules/* /root/usr/lib/modules/
for folder in dev proc sys; do mount --move /$folder /root/$folder; done
mount -t tmpfs run /root/run; mkdir -p /root/run/exchange /root/dev/shm; mount -t tmpfs shm /root/dev/shm
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 exchange /root/run/exchange
exec switch_root /root /bin/bash /run/exchange/main
"""

MAIN = """
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8
ip link set lo up
modprobe -a ALSA
bash /run/exchange/script </dev/null >/run/exchange/output 2>&1
echo $? >/run/exchange/status
sync
echo o >/proc/sysrq-trigger
sleep 10
"""


def available() -> bool:
    found = (shutil.which(command, path=ENVIRONMENT["PATH"]) for command in COMMANDS)
    return os.uname().machine == "x86_64" and all(found)


def run_in_alsa_vm(script: str, seconds: float = 300) -> tuple[int, str]:
    """Exit status and output (both streams) of a bash script; RuntimeError if the machine itself failed, TimeoutError
    with what was printed so far if the script did not end."""
    kernel, initrd = _system(Path.home() / ".cache" / "jamd-tests")
    with tempfile.TemporaryDirectory() as folder:
        exchange = Path(folder)
        (exchange / "script").write_text(script)
        (exchange / "main").write_text(MAIN.replace("ALSA", " ".join(MODULES_OF_ALSA)))
        machine = "-M q35,accel=tcg -cpu max -smp 2 -m 2048 -nodefaults -no-user-config -no-reboot -display none"
        share = "local,security_model=none,multidevs=remap"
        command = [
            *("qemu-system-x86_64", *machine.split(), "-serial", "stdio"),
            *("-kernel", str(kernel), "-initrd", str(initrd), "-append", "console=ttyS0 quiet loglevel=3 panic=-1"),
            *("-virtfs", f"{share},path=/,mount_tag=system,readonly=on"),
            *("-virtfs", f"{share},path={exchange},mount_tag=exchange"),
        ]
        output, status = exchange / "output", exchange / "status"
        try:
            console = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                check=False,
                preexec_fn=END_WITH_PARENT,
            )
        except subprocess.TimeoutExpired as error:
            said = output.read_text(errors="replace") if output.exists() else (error.stdout or b"").decode()
            raise TimeoutError(f"the virtual machine did not end in {seconds:g} s; it said:\n{said}") from None
        if not status.exists() or not status.read_text():
            raise RuntimeError(f"the virtual machine failed:\n{(console.stdout + console.stderr).decode()}")
        return int(status.read_text()), output.read_text(errors="replace")


def _system(cache: Path) -> tuple[Path, Path]:
    """Kernel and initial file system; made if they are not there, and put in place in one move."""
    made = cache / "alsa-vm"
    if not (made / "initrd.gz").exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            work = Path(folder)
            new = work / "new"
            new.mkdir()
            root = _download_kernel(work)
            shutil.copy(next((root / "boot").glob("vmlinuz-*")), new / "vmlinuz")
            _write_initrd(root, work / "initrd", new / "initrd.gz")
            shutil.rmtree(made, ignore_errors=True)
            new.rename(made)
    return made / "vmlinuz", made / "initrd.gz"


def _download_kernel(work: Path) -> Path:
    """Debian's current kernel package, unpacked."""

    def output(*command: str) -> str:
        return subprocess.run(command, cwd=work, capture_output=True, text=True, check=True).stdout

    if not output("apt-cache", "pkgnames", "linux-image-amd64"):  # no package lists: a fresh container
        output("apt-get", "-qq", "update")
    current = re.search(r"Depends: (linux-image-\S+)", output("apt-cache", "depends", "linux-image-amd64"))
    if current is None:
        raise RuntimeError("apt knows no linux-image-amd64: run apt-get update")
    output("apt-get", "-qq", "download", current[1])
    output("dpkg-deb", "--extract", str(next(work.glob("linux-image-*.deb"))), "root")
    return work / "root"


def _write_initrd(root: Path, folder: Path, target: Path) -> None:
    """busybox, the modules named above with those they need, and INIT."""
    modules = next(root.glob("**/lib/modules/*"))
    prefix = modules.parents[2]
    subprocess.run(["depmod", "-b", str(prefix), modules.name], check=True, env=ENVIRONMENT, capture_output=True)
    for name in ("bin", "dev", "lower", "over", "proc", "root", "sys"):
        (folder / name).mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", folder / "bin" / "busybox")
    load = [
        "modprobe",
        "-d",
        str(prefix),
        "-S",
        modules.name,
        "--show-depends",
        "-a",
        *MODULES_TO_BOOT,
        *MODULES_OF_ALSA,
    ]
    needed = subprocess.run(load, capture_output=True, text=True, check=True, env=ENVIRONMENT)
    for line in needed.stdout.splitlines():
        if line.startswith("insmod "):
            source = Path(line.split()[1])
            copy = folder / "lib" / source.relative_to(modules.parents[1])
            copy.parent.mkdir(parents=True, exist_ok=True)
            data = source.read_bytes()
            copy.with_name(copy.name.removesuffix(".xz")).write_bytes(
                lzma.decompress(data) if source.suffix == ".xz" else data
            )
    shutil.copy(modules / "modules.builtin", folder / "lib" / "modules" / modules.name)
    subprocess.run(["depmod", "-b", str(folder), modules.name], check=True, env=ENVIRONMENT, capture_output=True)
    (folder / "init").write_text(INIT.replace("BOOT", " ".join(MODULES_TO_BOOT)))
    (folder / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(folder)) for path in sorted(folder.rglob("*")))
    archive = subprocess.run(
        ["cpio", "--quiet", "-o", "-H", "newc"], cwd=folder, input=names.encode(), capture_output=True, check=True
    ).stdout
    target.write_bytes(gzip.compress(archive, 1))


def main() -> int:
    status, output = run_in_alsa_vm(Path(sys.argv[1]).read_text())
    sys.stdout.write(output)
    return status


if __name__ == "__main__":
    sys.exit(main())

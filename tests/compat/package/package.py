"""What the Debian packages hold and do, in the bare root that run.sh has made: package.py FOLDER (packages/, root/)."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from harness import free_port

WORK = Path(sys.argv[1])
ROOT = WORK / "root"
SECONDS_MAX = 120.0  # a busy machine
# What lintian may say. There are no manual pages (--help is complete), and no Debian bug is closed.
LINTIAN_ALLOWED = {"no-manual-page", "initial-upload-closes-no-bugs"}


def run(*command: str, fails: bool = False) -> str:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=SECONDS_MAX)
    assert (done.returncode != 0) == fails, f"{command}: exit code {done.returncode}\n{done.stdout}"
    return done.stdout


def in_root(*command: str, fails: bool = False) -> str:
    return run("env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
               "chroot", str(ROOT), *command, fails=fails)


def package(name: str) -> Path:
    found = list((WORK / "packages").glob(f"{name}_*.deb"))
    assert len(found) == 1, found
    return found[0]


def files_of(deb: Path) -> dict[str, str]:
    """Path to "mode owner"; folders are left out."""
    lines = [line.split() for line in run("dpkg-deb", "-c", str(deb)).splitlines()]
    return {words[5].lstrip("."): f"{words[0]} {words[1]}" for words in lines if not words[0].startswith("d")}


class Service:
    """steled started as the unit says: its command, its user, its folder, and a socket that waits for READY=1."""

    def __init__(self) -> None:
        unit = (ROOT / "lib/systemd/system/steled.service").read_text()
        self.unit = dict(re.findall(r"^(\w+)=(.*)$", unit, re.MULTILINE))
        self.port = free_port()
        self.notified: list[str] = []

    def start(self) -> None:
        address = f"@stele-package-test-{os.getpid()}-{time.monotonic_ns()}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind("\0" + address[1:])
            manager.settimeout(SECONDS_MAX)
            variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "NOTIFY_SOCKET": address,
                         "STELE_KAFKA_LISTEN": f"localhost:{self.port}", "STELE_HTTP_LISTEN": "127.0.0.1:0",
                         "STELE_GRPC_LISTEN": "127.0.0.1:0"}
            self.log = open(WORK / "steled.log", "ab")
            command = f"umask {self.unit['UMask']} && cd {self.unit['WorkingDirectory']} && exec {self.unit['ExecStart']}"
            self.process = subprocess.Popen(
                ["chroot", f"--userspec={self.unit['User']}:{self.unit['Group']}", str(ROOT), "/bin/sh", "-c", command],
                stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=variables)
            self.notified = []
            while not any("READY=1" in message for message in self.notified):
                self.notified.append(manager.recv(4096).decode())

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(SECONDS_MAX)
        self.log.close()
        return code

    def produce(self, *values: str) -> None:
        subprocess.run(["kcat", "-P", "-b", f"localhost:{self.port}", "-t", "orders"], check=True, text=True,
                       input="\n".join(values) + "\n", timeout=SECONDS_MAX)

    def consume(self) -> list[str]:
        return run("kcat", "-C", "-q", "-e", "-b", f"localhost:{self.port}", "-t", "orders").splitlines()


def check_contents(service: Path, library: Path) -> None:
    held = files_of(service)
    for path in ("/usr/bin/steled", "/usr/bin/stele"):
        assert held[path] == "-rwxr-xr-x root/root", held
    for path in ("/lib/systemd/system/steled.service", "/etc/stele/steled.conf", "/usr/share/doc/stele/copyright",
                 "/usr/share/doc/stele/operations.md", "/usr/share/doc/stele/changelog.Debian.gz"):
        assert held[path] == "-rw-r--r-- root/root", held
    assert not any(path.startswith("/usr/local") or path.endswith((".h", ".a")) for path in held), held
    depends = run("dpkg-deb", "-f", str(service), "Depends")
    for needed in ("adduser", "libc6 (>=", "liburing2 (>=", "libzstd1 (>="):
        assert needed in depends, depends
    held = files_of(library)
    assert "/usr/lib/libstele.a" in held and "/usr/include/stele/log/store/store.h" in held, held
    assert not any("steled" in path for path in held), held
    print(f"contents: {service.name} needs {depends.count(',') + 1} packages, {library.name} holds {len(held)} files")


def check_lintian(debs: list[Path]) -> None:
    if not shutil.which("lintian"):
        print("lintian is not installed: not asked")
        return
    said = subprocess.run(["lintian", "--allow-root", "--tag-display-limit", "0", *map(str, debs)],
                          stdout=subprocess.PIPE, text=True, timeout=SECONDS_MAX).stdout
    wrong = [line for line in said.splitlines()
             if re.match(r"[EW]: ", line) and line.split()[2] not in LINTIAN_ALLOWED]
    assert not wrong, "\n".join(wrong)
    print("lintian: nothing beyond " + ", ".join(sorted(LINTIAN_ALLOWED)))


def check_settings() -> None:
    """Every default that the settings file shows is the one in force, also when its line counts."""
    conf = (ROOT / "etc/stele/steled.conf").read_text()
    plain = in_root("steled", "--config", "/etc/stele/steled.conf", "--print-config")
    assert "data = /var/lib/stele  # file\n" in plain, plain
    (ROOT / "tmp/all.conf").write_text(re.sub(r"^#(?=[a-z-]+ =)", "", conf, flags=re.MULTILINE))
    every = in_root("steled", "--config", "/tmp/all.conf", "--print-config")
    values = [line.split("  # ")[0] for line in plain.splitlines()]
    assert values == [line.split("  # ")[0] for line in every.splitlines()], every
    assert "# default" not in every, every
    print(f"settings: {len(values)} in the file, each with its default")


def check_life(deb: Path) -> None:
    shutil.copy(deb, ROOT / "tmp/stele.deb")
    in_root("dpkg", "-i", "/tmp/stele.deb")
    assert in_root("stat", "-c", "%U:%G %a", "/var/lib/stele").strip() == "stele:stele 700"
    assert in_root("getent", "passwd", "stele").strip().endswith(":/var/lib/stele:/usr/sbin/nologin")
    assert (ROOT / "etc/systemd/system/multi-user.target.wants/steled.service").is_symlink()
    check_settings()

    service = Service()
    service.start()
    assert service.notified[0] == "STATUS=recovering" and service.notified[-1].startswith("READY=1\n")
    service.produce("one", "two")
    assert service.consume() == ["one", "two"]
    assert in_root("stat", "-c", "%U %a", "/var/lib/stele/journal").strip() == "stele 600"
    assert service.stop() == 0
    in_root("stele", "verify", "/var/lib/stele")

    with open(ROOT / "etc/stele/steled.conf", "a", encoding="utf-8") as conf:
        conf.write("node-id = 7\n")
    in_root("dpkg", "-i", "/tmp/stele.deb")
    assert (ROOT / "etc/stele/steled.conf").read_text().endswith("node-id = 7\n"), "an upgrade keeps the settings"
    service.start()
    assert service.consume() == ["one", "two"]
    assert "broker 7 " in run("kcat", "-L", "-b", f"localhost:{service.port}")
    assert service.stop() == 0
    print("life: installed, started, stopped, upgraded, started again")


def check_end() -> None:
    in_root("dpkg", "-r", "stele")
    assert (ROOT / "etc/stele/steled.conf").exists() and not (ROOT / "usr/bin/steled").exists()
    said = in_root("dpkg", "-P", "stele")
    assert "/var/lib/stele holds events and stays" in said, said
    assert (ROOT / "var/lib/stele/STELE").exists() and not (ROOT / "etc/stele").exists()
    left = list((ROOT / "etc/systemd").rglob("*steled*")) + list((ROOT / "var/lib/systemd").rglob("*steled*"))
    assert not left, left

    in_root("dpkg", "-i", "/tmp/stele.deb")
    shutil.rmtree(ROOT / "var/lib/stele")
    in_root("dpkg", "-i", "/tmp/stele.deb")
    assert in_root("stat", "-c", "%U:%G %a", "/var/lib/stele").strip() == "stele:stele 700"
    in_root("dpkg", "-P", "stele")
    assert not (ROOT / "var/lib/stele").exists()
    print("end: removed, purged with its events kept, installed again, purged without a trace")


def main() -> None:
    service, library = package("stele"), package("libstele-dev")
    check_contents(service, library)
    try:
        check_life(service)
    except BaseException:
        if (WORK / "steled.log").exists():
            print((WORK / "steled.log").read_text()[-4000:])
        raise
    check_end()
    check_lintian([service, library])


main()

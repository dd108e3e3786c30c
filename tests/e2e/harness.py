"""What the scripts of this folder share: a service of their own in a temporary folder, clients, and a runner of cases.

A script is a list of cases; each is a function that asserts and returns a line with what it counted:

    if __name__ == "__main__":
        run_cases(first_case, second_case)

Environment: STELE_BUILD (the build to test), STELE_COUNT (size of campaigns), STELE_SEED (replays one), STELE_PORTS (first-last:
where free ports are looked for, so that scripts that run at a time never take each other's while a service is down).
A script that measures time or memory says "Runs alone" in its first lines: ./test runs it when no other one is.
Exit codes: 0 all passed, 1 a case failed, 77 the machine cannot run it (the last line says why).
"""

import atexit
import contextlib
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
import urllib.error
import urllib.request
from pathlib import Path
from typing import Callable, Iterator

ROOT = Path(os.environ.get("STELE_ROOT") or Path(__file__).resolve().parents[2])
BUILD = Path(os.environ.get("STELE_BUILD") or ROOT / "build" / "release")
STELED = BUILD / "bin" / "steled"
STELE = BUILD / "bin" / "stele"
PORTS = os.environ.get("STELE_PORTS") or "20000-31999"
COULD_NOT_RUN = 77
START_SECONDS_MAX = 60.0  # sanitizers and a busy machine
# What a sanitizer says when it has found something; the process' exit code alone may be lost by a kill.
SANITIZER_MARKS = ("ERROR: AddressSanitizer", "WARNING: ThreadSanitizer", "runtime error:", "LeakSanitizer")

_services: list["Service"] = []
_ports_given: set[int] = set()


class CouldNotRun(Exception):
    """The machine lacks something; the text says what."""


def could_not_run(why: str) -> None:
    raise CouldNotRun(why)


def count_wanted(default: int) -> int:
    return int(os.environ.get("STELE_COUNT") or default)


def seeded() -> random.Random:
    seed = int(os.environ.get("STELE_SEED") or time.time_ns() % 1_000_000)
    print(f"STELE_SEED={seed}")
    return random.Random(seed)


@contextlib.contextmanager
def temp_folder(name: str) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix=f"stele-{name}-"))
    try:
        yield folder
    except BaseException:
        for started in _services:
            if folder in started.data.parents:
                print(f"--- {started.log_path.name}, its end\n{started.log()}\n---")
        raise
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """A port that nobody has now, on both loopbacks, and that was not given before. Below the ephemeral range, so that no
    client gets it either."""
    first, last = map(int, PORTS.split("-"))
    for _ in range(1000):
        port = random.SystemRandom().randrange(first, last + 1)
        if port in _ports_given:
            continue
        try:
            for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
                with socket.socket(family) as probe:
                    probe.bind((host, port))
            _ports_given.add(port)
            return port
        except OSError:
            continue
    raise AssertionError("no free port")


class Service:
    """A steled on ports of its own. It keeps them over restarts, so that clients find it again. gRPC is served if asked for."""

    def __init__(self, data: Path, *flags: str, prefix: tuple[str, ...] = (), env: dict[str, str] | None = None,
                 with_grpc: bool = False):
        self.data = data
        self.flags = flags
        self.prefix = prefix
        self.env = env
        self.kafka_port = free_port()
        self.http_port = free_port()
        self.grpc_port = free_port() if with_grpc else None
        self.log_path = data.parent / f"{data.name}.steled.log"
        self.ready_text = ""
        self.process: subprocess.Popen | None = None
        _services.append(self)

    @property
    def kafka(self) -> str:
        return f"localhost:{self.kafka_port}"

    @property
    def http(self) -> str:
        return f"http://localhost:{self.http_port}"

    @property
    def grpc(self) -> str:
        return f"localhost:{self.grpc_port}"

    def spawn(self) -> "Service":
        """Starts the process without waiting for it to be ready."""
        command = [*self.prefix, str(STELED), "--data", str(self.data), "--kafka-listen", self.kafka,
                   "--http-listen", f"localhost:{self.http_port}",
                   "--grpc-listen", self.grpc if self.grpc_port else "none", *self.flags]
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log,
                                            env=self.env and {**os.environ, **self.env})
        return self

    def start(self) -> "Service":
        self.spawn()
        deadline = time.monotonic() + START_SECONDS_MAX
        text = b""
        os.set_blocking(self.process.stdout.fileno(), False)
        while text.count(b"\n") < 4:
            assert time.monotonic() < deadline, f"not ready after {START_SECONDS_MAX} s: {self.log()}"
            text += self.process.stdout.read() or b""
            if self.process.poll() is not None and text.count(b"\n") < 4:
                raise AssertionError(f"steled ended with {self.process.returncode}: {self.log()}")
            time.sleep(0.002)
        self.ready_text = text.decode()
        assert self.ready_text.startswith("steled ready "), self.ready_text
        return self

    def kill(self) -> None:
        self.process.kill()
        self._wait(10)

    def stop(self, seconds_max: float = 30) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self._wait(seconds_max)

    def wait(self, seconds_max: float) -> int:
        return self._wait(seconds_max)

    def _wait(self, seconds_max: float) -> int:
        code = self.process.wait(seconds_max)
        self.process.stdout.close()
        found = [mark for mark in SANITIZER_MARKS if mark in self.log()]
        assert not found, f"{found}: {self.log(20000)}"
        return code

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def pid(self) -> int:
        return self.process.pid

    def memory_kib(self, field: str = "VmHWM") -> int:
        """A line of /proc/<pid>/status: VmHWM is the most that was resident, VmRSS what is now."""
        for line in Path(f"/proc/{self.pid()}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1])
        raise AssertionError(f"no {field}")

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(self.http + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        for line in self.get("/metrics")[1].splitlines():
            if line.split(" ")[0] == name:
                return float(line.split(" ")[1])
        raise AssertionError(f"no metric {name}")

    def log(self, last: int = 4000) -> str:
        return self.log_path.read_text(errors="replace")[-last:] if self.log_path.exists() else ""


@contextlib.contextmanager
def service(name: str, *flags: str, **more) -> Iterator[Service]:
    """A running service on a new folder; at the end it is gone and so is the folder."""
    with temp_folder(name) as folder:
        started = Service(folder / "data", *flags, **more).start()
        try:
            yield started
        finally:
            if started.running():
                started.kill()


def run(*command: str | Path, stdin: str | bytes | None = None, seconds_max: float = 120, code: int | None = 0,
        **more) -> subprocess.CompletedProcess:
    """Runs to the end; text out. Another exit code than `code` is a failure, unless that is None."""
    data = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run([str(word) for word in command], input=b"" if data is None else data, capture_output=True,
                          timeout=seconds_max, **more)
    done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode(errors="replace")
    assert code is None or done.returncode == code, \
        f"{command[:6]} ended with {done.returncode}: {done.stdout[-1000:]} {done.stderr[-3000:]}"
    return done


def verify_nothing_lost(data: Path) -> str:
    """stele verify: whole, or with derived data that is rebuilt by itself, and nothing else."""
    report = run(STELE, "verify", data, code=None).stdout
    assert report.rstrip().endswith(("whole", "problems")) and "DAMAGED" not in report, report
    return report


def verify(data: Path, code: int = 0) -> str:
    """stele verify: its report. Exit code 0 means whole, 1 that there is damage."""
    done = run(STELE, "verify", data, code=None)
    assert done.returncode == code, f"stele verify ended with {done.returncode}: {done.stdout} {done.stderr}"
    if code == 0:
        assert done.stdout.rstrip().endswith("whole"), done.stdout
    return done.stdout


def is_sanitized() -> bool:
    """Shadow memory and quarantines count as resident too: nothing to measure."""
    return "san" in os.environ.get("STELE_BUILD", "")


def grown_kib(steled: Service, attack) -> int:
    """By how much the greatest resident size was above the one before."""
    Path(f"/proc/{steled.pid()}/clear_refs").write_text("5")  # VmHWM starts anew
    before = steled.memory_kib("VmRSS")
    attack()
    return steled.memory_kib() - before


def eventually(what: Callable[[], object], seconds_max: float = 20, pause: float = 0.02) -> object:
    """The first true answer of `what`; exceptions count as not yet."""
    deadline = time.monotonic() + seconds_max
    problem: object = None
    while time.monotonic() < deadline:
        try:
            if answer := what():
                return answer
            problem = None
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told when the time is over
            problem = error
        time.sleep(pause)
    raise AssertionError(f"not within {seconds_max} s: {what} {problem or ''}")


@atexit.register
def _leave_no_process() -> None:
    for started in _services:
        if started.running():
            started.process.kill()
            started.process.wait()


def run_cases(*cases: Callable[[], str]) -> None:
    """Runs each case; a name as argument runs that one only."""
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    chosen = [case for case in cases if len(sys.argv) < 2 or case.__name__ in sys.argv[1:]]
    failed, missing = 0, []
    for case in chosen:
        began = time.monotonic()
        try:
            told = case()
            print(f"ok    {case.__name__}: {told} ({time.monotonic() - began:.1f} s)")
        except CouldNotRun as why:
            missing.append(f"{case.__name__} could not run: {why}")
        except Exception:  # noqa: BLE001 - the other cases still run
            failed += 1
            print(f"FAIL  {case.__name__} ({time.monotonic() - began:.1f} s)")
            traceback.print_exc(file=sys.stdout)
    print(f"{len(chosen) - failed - len(missing)} passed, {failed} failed")
    assert chosen, "no such case"
    print(*missing, sep="\n", end="\n" if missing else "")
    sys.exit(1 if failed else COULD_NOT_RUN if missing else 0)

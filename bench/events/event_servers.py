"""The event stores under test as processes: started, stopped and measured alike. All of them flush before they answer."""
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("STELE_BUILD", HERE.parent.parent / "build/release"))
PEERS = pathlib.Path(os.environ.get("STELE_PEERS", "/tmp/stele-peers"))
WORK = pathlib.Path(os.environ.get("STELE_BENCH_DIR", "/tmp/stele-bench")) / "events"
PORTS = int(os.environ.get("STELE_BENCH_PORTS", "23000"))
TICKS = os.sysconf("SC_CLK_TCK")
NATS_CONFIG = """listen: {address}
jetstream {{ store_dir: "{data}", max_file_store: 40GB, sync_interval: always }}
"""
POSTGRES_CONFIG = """port={port}
listen_addresses='127.0.0.1'
unix_socket_directories=''
shared_buffers=1GB
max_wal_size=8GB
checkpoint_timeout=15min
"""


def children(process):
    """The ids of the process and of those it started."""
    found = [process]
    for other in filter(str.isdigit, os.listdir("/proc")):
        try:
            stat = pathlib.Path(f"/proc/{other}/stat").read_text().rsplit(") ", 1)[1].split()
        except OSError:
            continue
        if int(stat[1]) == process:
            found.append(int(other))
    return found


class Server:
    """A process that listens on `address`. Its data and its output are under WORK."""

    def __init__(self, name, port):
        self.name, self.port, self.process = name, PORTS + port, None
        self.address = f"127.0.0.1:{self.port}"
        self.data, self.output = WORK / name, WORK / f"{name}.log"

    def start(self, fresh=True, timeout=60):
        """Seconds from exec to the first accepted connection."""
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                raise RuntimeError(f"port {self.port} is taken: is another bench running?")
        if fresh:
            shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, exist_ok=True)
        self.prepare()
        began = time.monotonic()
        with open(self.output, "ab") as out:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                            user=self.user())
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - began > timeout:
                raise RuntimeError(f"{self.name} does not start, see {self.output}")
            time.sleep(0.01)
        return time.monotonic() - began

    def prepare(self):
        pass

    def user(self):
        return None

    def answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self, how=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(120)
            self.process = None

    def cpu(self):
        """Seconds so far, of the process, its live children, and those it has waited for."""
        total = 0
        for process in children(self.process.pid):
            try:
                stat = pathlib.Path(f"/proc/{process}/stat").read_text().rsplit(") ", 1)[1].split()
            except OSError:
                continue
            total += sum(map(int, stat[11:15] if process == self.process.pid else stat[11:13]))
        return total / TICKS

    def resident_mb(self):
        """Proportional set size: what children share counts once."""
        total = 0
        for process in children(self.process.pid):
            try:
                for line in pathlib.Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                    total += int(line.split()[1]) if line.startswith("Pss:") else 0
            except OSError:
                continue
        return total / 1024


class Stele(Server):
    """`address` is that of HTTP; gRPC and Kafka listen on the next two ports."""

    def __init__(self):
        super().__init__("stele", 0)
        self.grpc_address, self.kafka_address = (f"127.0.0.1:{self.port + more}" for more in (1, 2))

    def command(self):
        return [BUILD / "bin/steled", "--data", self.data, "--http-listen", self.address, "--grpc-listen",
                self.grpc_address, "--kafka-listen", self.kafka_address, "--log-level", "warn"]


class Echo(Server):
    """gRPC alone, in the service's own manner: sends back what comes."""

    def __init__(self):
        super().__init__("echo", 5)

    def command(self):
        return [BUILD / "bin/grpc_echo", "serve", "-b", self.address]


class Umadb(Server):
    def __init__(self):
        super().__init__("umadb", 10)

    def command(self):
        return [PEERS / "umadb/bin/umadb", "--listen", self.address, "--db-path", self.data]


class Nats(Server):
    def __init__(self):
        super().__init__("nats", 20)

    def prepare(self):
        (WORK / "nats.conf").write_text(NATS_CONFIG.format(address=self.address, data=self.data))

    def command(self):
        return [PEERS / "nats/nats-server", "-c", WORK / "nats.conf"]


class Postgres(Server):
    """As root it runs as the user postgres, as it insists."""

    def __init__(self):
        super().__init__("postgres", 30)
        self.programs = max(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        os.environ["PATH"] = f"{self.programs}:{os.environ['PATH']}"

    def user(self):
        return "postgres" if os.geteuid() == 0 else None

    def prepare(self):
        if self.user():
            os.chown(self.data, pwd.getpwnam("postgres").pw_uid, -1)
            for folder in (WORK, *WORK.parents):
                folder.chmod(folder.stat().st_mode | 0o111)
        if not (self.data / "PG_VERSION").exists():
            subprocess.run([self.programs / "initdb", "-D", self.data, "-A", "trust", "-U", "postgres"], check=True,
                           stdout=subprocess.DEVNULL, user=self.user(), cwd=self.data)
        (self.data / "postgresql.auto.conf").write_text(POSTGRES_CONFIG.format(port=self.port))

    def command(self):
        return [self.programs / "postgres", "-D", self.data]

    def psql(self, *arguments):
        return subprocess.run(["psql", "-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-qtAX", *arguments],
                              capture_output=True, text=True)

    def answers(self):
        return self.psql("-c", "select 1").returncode == 0

    def start(self, fresh=True, timeout=60):
        took = super().start(fresh, timeout)
        if fresh:
            made = self.psql("-v", "ON_ERROR_STOP=1", "-f", HERE.parent / "peers/postgres/schema.sql")
            if made.returncode != 0:
                raise RuntimeError(made.stderr)
        return took

    def stop(self, how=signal.SIGINT):
        super().stop(how)

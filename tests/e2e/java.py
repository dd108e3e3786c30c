"""Maven projects of tests/compat: built once into build/java/<name>, and run."""

import fcntl
import shutil
import subprocess
from pathlib import Path

from harness import ROOT


def built(name: str) -> str:
    """Builds tests/compat/<name> unless that is done; its class path."""
    source = ROOT / "tests" / "compat" / name
    work = ROOT / "build" / "java" / name
    work.mkdir(parents=True, exist_ok=True)
    inputs = {path.relative_to(source): path.read_bytes() for path in (source / "pom.xml", *source.glob("src/**/*.java"))}
    with open(work.parent / "lock", "w") as lock:  # one Maven at a time: they share ~/.m2
        fcntl.flock(lock, fcntl.LOCK_EX)
        classpath = work / "classpath.txt"
        if not classpath.exists() or any(not (work / path).exists() or (work / path).read_bytes() != content
                                         for path, content in inputs.items()):
            classpath.unlink(missing_ok=True)
            shutil.rmtree(work / "src", ignore_errors=True)
            shutil.rmtree(work / "target", ignore_errors=True)
            for path, content in inputs.items():
                (work / path).parent.mkdir(parents=True, exist_ok=True)
                (work / path).write_bytes(content)
            done = subprocess.run(["mvn", "-q", "-B", "compile", "dependency:build-classpath",
                                   "-Dmdep.outputFile=classpath.new"], cwd=work, capture_output=True, text=True)
            assert done.returncode == 0, f"mvn: {done.stdout[-3000:]} {done.stderr[-1000:]}"
            (work / "classpath.new").rename(classpath)
        return f"{work / 'target' / 'classes'}:{classpath.read_text().strip()}"


def java(name: str, main: str, *words: str | Path) -> list[str]:
    return ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp", built(name), main,
            *(str(word) for word in words)]


class Session:
    """A running stele.Session: commands in, answers out."""

    def __init__(self, bootstrap: str):
        self.process = subprocess.Popen(java("java-client", "stele.Session", bootstrap), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1)

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *_) -> None:
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def raw(self, *words: object) -> str:
        self.process.stdin.write("\t".join(str(word) for word in words) + "\n")
        return self.process.stdout.readline().rstrip("\n")

    def ask(self, *words: object) -> str:
        answer = self.raw(*words)
        assert answer.startswith("ok "), f"{words}: {answer}"
        return answer[3:]

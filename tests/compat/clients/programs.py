"""The client programs, and how each is started once install.sh has put them into build/compat."""

import os
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


@dataclass
class Program:
    name: str
    command: list[str]
    env: dict[str, str] = field(default_factory=dict)


def _python(out: Path, name: str, program: str, *packages: str) -> Program:
    env = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": os.pathsep.join(str(out / folder) for folder in packages)}
    return Program(name, [sys.executable, str(HERE / "python" / program)], env)


def all_of_them(root: Path, out: Path) -> list[Program]:
    """Those that take longest come first."""
    return [
        _python(out, "aiokafka", "aiokafka_client.py", "python"),
        _python(out, "kafka-python", "kafka_python.py", "python"),
        _python(out, "kafka-python-2.0", "kafka_python.py", "python-old", "python"),
        Program("kafkajs", ["node", str(out / "node" / "kafkajs.js")]),
        Program("sarama", [str(out / "go" / "sarama")]),
        Program("kafka-go", [str(out / "go" / "kafka-go")]),
        Program("franz-go", [str(out / "go" / "franz-go")]),
        Program("krafka", [str(out / "rust" / "debug" / "client")]),
        _python(out, "librdkafka-2.0", "librdkafka.py", "librdkafka-old"),
        _python(out, "librdkafka", "librdkafka.py"),
        _python(out, "kcat", "kcat.py"),
    ]

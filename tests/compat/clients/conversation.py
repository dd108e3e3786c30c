"""The driver's side of a client program: one request a line on its stdin, one answer a line on its stdout, both JSON.

    {"do": "offset_at", "topic": "t", "partition": 0, "at": "latest"}   ->   {"is": 17}
                                                                       or   {"na": "the client has no ..."}
                                                                       or   {"error": "what the client said"}

Bytes are base64. What a program logs goes to its stderr, into a file.
"""

import base64
import json
import os
import selectors
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

ANSWER_SECONDS_MAX = 90.0


class NotThere(Exception):
    """The client has no way to ask for it; the text says why."""


class Refused(Exception):
    """The client ended the request with an error; the text is the client's."""


@dataclass
class Record:
    key: bytes | None = None
    value: bytes | None = None
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)
    at: int = 0  # ms since 1970; 0: whatever the client takes
    partition: int = 0
    offset: int = -1

    def encode(self) -> dict:
        return {"key": encode(self.key), "value": encode(self.value), "at": self.at, "partition": self.partition,
                "headers": [[name, encode(value)] for name, value in self.headers]}


def encode(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def decode(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def record(answer: dict) -> Record:
    return Record(decode(answer["key"]), decode(answer["value"]),
                  [(name, decode(value)) for name, value in answer["headers"]], answer["at"], answer["partition"],
                  answer["offset"])


class Conversation:
    """A running client program."""

    def __init__(self, command: list[str], bootstrap: str, log: Path, env: dict[str, str] | None = None):
        self.command, self.log = command, log
        self.env = {**os.environ, **(env or {}), "BOOTSTRAP": bootstrap}
        self.log.write_bytes(b"")
        self._start()

    def _start(self) -> None:
        with open(self.log, "ab") as errors:
            self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                                            env=self.env)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.unread = b""

    def start_again(self) -> None:
        """What the program was at, it no longer is: after a failure, so that the next check has nothing of the last."""
        self.process.kill()
        self.process.wait()
        self._start()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_) -> None:
        self.process.kill()
        self.process.wait()

    def ask(self, what: str, **more) -> object:
        request = json.dumps({"do": what, **more})
        try:
            self.process.stdin.write(request.encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise AssertionError(f"the client program is gone: {self.last_words()}") from None
        answer = json.loads(self._line(what))
        if "na" in answer:
            raise NotThere(answer["na"])
        if "error" in answer:
            raise Refused(f"{what}: {answer['error']}")
        return answer["is"]

    def _line(self, what: str) -> bytes:
        deadline = time.monotonic() + ANSWER_SECONDS_MAX
        while b"\n" not in self.unread:
            assert self.selector.select(max(0.0, deadline - time.monotonic())), f"{what}: no answer: {self.last_words()}"
            piece = self.process.stdout.read()
            assert piece != b"", f"{what}: the client program ended: {self.last_words()}"
            self.unread += piece or b""
        line, _, self.unread = self.unread.partition(b"\n")
        return line

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-1500:]

"""The client program's side of the conversation (conversation.py, one folder up): requests become calls of methods."""

import base64
import json
import logging
import os
import sys
import threading
import time
import traceback

BOOTSTRAP = os.environ["BOOTSTRAP"]
READ_SECONDS_MAX = 40


class NotThere(Exception):
    """The client has no way to ask for it; the text says why."""


def decode(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def encode(raw: bytes | None) -> str | None:
    return None if raw is None else base64.b64encode(raw).decode()


def record(partition: int, offset: int, at: int, key: bytes | None, value: bytes | None, headers: list) -> dict:
    return {"partition": partition, "offset": offset, "at": at, "key": encode(key), "value": encode(value),
            "headers": [[name, encode(raw)] for name, raw in headers or []]}


class Member:
    """A member of a group on a thread of its own. `run` of the client's adapter joins, reads and commits until `ended`."""

    def __init__(self, run):
        self.lock = threading.Lock()
        self.ended = threading.Event()
        self.failure = ""
        self._partitions: list[int] = []
        self._read: list[str] = []
        self.thread = threading.Thread(target=self._guarded, args=(run,), daemon=True)
        self.thread.start()

    def _guarded(self, run) -> None:
        try:
            run(self)
        except Exception as error:
            traceback.print_exc()
            self.failure = f"the member ended: {error!r}"

    def add(self, values: list[bytes]) -> None:
        with self.lock:
            self._read += [value.decode() for value in values]

    def assigned(self, partitions: list[int]) -> None:
        with self.lock:
            self._partitions = sorted(partitions)

    def look(self) -> dict:
        if self.failure:
            raise RuntimeError(self.failure)
        with self.lock:
            read, self._read = self._read, []
            return {"partitions": self._partitions, "read": read}

    def leave(self) -> None:
        self.ended.set()
        self.thread.join(30)


class Adapter:
    """What is the same for every client in Python. A method that is missing means that the client has no such thing;
    `lacks_methods` says why."""

    lacks: dict[str, str] = {}
    lacks_methods: dict[str, str] = {}

    def __init__(self):
        self.members: dict[str, Member] = {}

    def hello(self) -> dict:
        return {"version": self.version(), "lacks": self.lacks}

    def member(self, member: str) -> dict:
        return self.members[member].look()

    def leave(self, member: str) -> None:
        self.members.pop(member).leave()


def until_read(found: list, count: int, poll) -> list:
    deadline = time.monotonic() + READ_SECONDS_MAX
    while len(found) < count:
        if time.monotonic() > deadline:
            raise RuntimeError(f"read {len(found)} of {count}")
        poll()
    return found


def speak(adapter: Adapter) -> None:
    logging.basicConfig(level=logging.INFO)
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what a client prints is no answer
    for line in sys.stdin:
        request = json.loads(line)
        what = request.pop("do")
        try:
            if what in adapter.lacks_methods:
                raise NotThere(adapter.lacks_methods[what])
            answer = {"is": getattr(adapter, what)(**request)}
        except NotThere as why:
            answer = {"na": str(why)}
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")

"""kcat of Debian, a process for each request. It reads and writes; administration it has not."""

import itertools
import re
import subprocess
import threading
import time

from speak import BOOTSTRAP, Adapter, Member, NotThere, decode, record, speak

# Texts that no record of the tests has, between key and value, and behind a record.
KEY_END, RECORD_END = b"<<key>>", b"<<record>>"
# partition, offset, timestamp, bytes of key and value (-1: null), headers; then key and value as they are.
FORMAT = "%p %o %T %K %S %h\n%k%s"
NO_ADMIN = "kcat has no administration"
ADMIN = ("create_topic describe_configs alter_config create_partitions delete_records list_groups describe_group "
         "delete_offsets delete_group delete_topic").split()


def kcat(*words: str | bytes, stdin: bytes = b"") -> bytes:
    done = subprocess.run(["kcat", "-b", BOOTSTRAP, *words], input=stdin, capture_output=True, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace")[-500:])
    return done.stdout


def parse(raw: bytes) -> list[dict]:
    """What FORMAT made. Headers are printed as a=1,b=2."""
    found, at = [], 0
    while at < len(raw):
        line, at = raw[at:raw.index(b"\n", at)], raw.index(b"\n", at) + 1
        *numbers, headers = line.split(b" ", 5)
        partition, offset, timestamp, *sizes = (int(number) for number in numbers)
        fields = []
        for size in sizes:
            fields.append(None if size < 0 else raw[at:at + size])
            at += max(0, size)
        pairs = [pair.split(b"=", 1) for pair in headers.split(b",")] if headers else []
        found.append(record(partition, offset, timestamp, *fields, [
            (name.decode(), None if text == b"NULL" else text) for name, text in pairs]))
    return found


def header_words(headers: list) -> list:
    """A name alone is a null value."""
    words = []
    for name, value in headers:
        words += ["-H", name.encode() + (b"" if value is None else b"=" + decode(value))]
    return words


class Kcat(Adapter):
    lacks = {"timestamps": "kcat sends the time of sending, no other"}
    lacks_methods = {name: NO_ADMIN for name in ADMIN}

    def version(self) -> str:
        found = re.search(rb"Version (\S+) .*librdkafka (\S+)", kcat("-V"))
        return f"{found[1].decode()} (Debian) with librdkafka {found[2].decode()}"

    def produce(self, topic: str, codec: str, records: list) -> None:
        """A process for records alike: the partition, the headers and whether empty means null are its arguments."""
        def alike(one: dict) -> tuple:
            return one["partition"], one["headers"], None in (one["key"], one["value"])
        for (partition, headers, nulls), some in itertools.groupby(records, alike):
            lines = [(decode(one["key"]) or b"") + KEY_END + (decode(one["value"]) or b"") for one in some]
            kcat("-P", "-t", topic, "-p", str(partition), "-z", codec, "-X", "linger.ms=1000", "-K", KEY_END.decode(),
                 "-D", RECORD_END.decode(), *header_words(headers), *(["-Z"] if nulls else []), stdin=RECORD_END.join(lines))

    def start_producer(self, topic: str, count: int, pause_ms: int) -> None:
        self.sender = subprocess.Popen(["kcat", "-b", BOOTSTRAP, "-P", "-E", "-t", topic, "-p", "0", "-X", "linger.ms=0", "-X",
                                        "enable.idempotence=true"], stdin=subprocess.PIPE)

        def run(_) -> None:
            for number in range(count):
                self.sender.stdin.write(b"%d\n" % number)
                self.sender.stdin.flush()
                time.sleep(pause_ms / 1000)
            self.sender.stdin.close()
        self.feeder = Member(run)

    def end_producer(self) -> None:
        self.feeder.thread.join(60)
        if self.feeder.failure or self.sender.wait(60):
            raise RuntimeError(f"kcat ended with {self.sender.returncode} {self.feeder.failure}")

    def assign(self, topic: str, start: list, count: int) -> list:
        found = []
        for partition, at in start:
            found += parse(kcat("-C", "-q", "-t", topic, "-p", str(partition), "-o", str(at), "-e", "-f", FORMAT))
        if len(found) != count:
            raise RuntimeError(f"read {len(found)} of {count}")
        return found

    def offset_at(self, topic: str, partition: int, at) -> int | None:
        if at == "max":
            raise NotThere("kcat and librdkafka 2.0.2 look up the two ends and by time only")
        asked = {"earliest": -2, "latest": -1}.get(at, at)
        found = re.search(rb"offset (-?\d+)", kcat("-Q", "-t", f"{topic}:{partition}:{asked}"))
        return None if int(found[1]) < 0 else int(found[1])

    def join(self, member: str, group: str, topic: str, protocol: str) -> None:
        if protocol == "consumer":
            raise NotThere("librdkafka 2.0.2 is older than KIP-848")
        settings = ["session.timeout.ms=6000", "heartbeat.interval.ms=300", "auto.commit.interval.ms=100",
                    "auto.offset.reset=earliest", "fetch.wait.max.ms=50", "reconnect.backoff.max.ms=500"]
        words = [word for setting in settings for word in ("-X", setting)]

        def run(self: Member) -> None:
            process = subprocess.Popen(["kcat", "-b", BOOTSTRAP, "-G", group, "-E", "-u", *words, "-f", "%s\n", topic],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            watcher = threading.Thread(target=watch, args=(self, process.stderr), daemon=True)
            watcher.start()
            reader = threading.Thread(target=read, args=(self, process.stdout), daemon=True)
            reader.start()
            self.ended.wait()
            process.terminate()
            process.wait(30)

        def read(self: Member, lines) -> None:
            for line in lines:
                self.add([line.strip()])

        def watch(self: Member, lines) -> None:
            """kcat tells of rebalances: assigned: t [0], t [1] or revoked: t [0], t [1]."""
            for line in lines:
                print(f"{member}: {line.decode().strip()}", flush=True)
                if found := re.search(rb"rebalanced .*: (assigned|revoked): (.*)", line):
                    partitions = [int(number) for number in re.findall(rb"\[(\d+)\]", found[2])]
                    self.assigned(partitions if found[1] == b"assigned" else [])
        self.members[member] = Member(run)


if __name__ == "__main__":
    speak(Kcat())

#!/usr/bin/env python3
"""`stele verify` calls a whole folder whole, changes nothing, and names segment and offset of any damage in a copy; the service
on such a copy refuses to serve the damaged batch and serves all others."""

import re
import shutil
import struct
from pathlib import Path

from harness import STELE, Service, run, run_cases, temp_folder, verify
from history import history, send_with_confluent
from kafka_wire import Wire

CORRUPT = 2


def filled(folder: Path) -> tuple[Path, Path]:
    """A stopped store with a topic of several segments; the folder and the topic's."""
    steled = Service(folder / "whole").start()
    with Wire(steled.kafka_port) as wire:
        assert wire.create("t", segment_bytes=1 << 20) == 0
    send_with_confluent(steled.kafka, "t", history()[:20000], linger_ms=1, batch_num_messages=5)
    assert steled.stop() == 0
    log = max((steled.data / "topics").rglob("*.log"), key=lambda path: path.stem)
    assert int(log.stem) > 0, "one segment only"
    return steled.data, log.parent


def batches(segment: Path) -> list[tuple[int, int, int]]:
    """Position, size and base offset of each."""
    raw, at, found = segment.read_bytes(), 0, []
    while at < len(raw):
        offset, length = struct.unpack_from(">qi", raw, at)
        found.append((at, length + 12, offset))
        at += length + 12
    return found


def flip(path: Path, at: int, bit: int = 0x10) -> None:
    with open(path, "r+b") as file:
        file.seek(at)
        was = file.read(1)[0]
        file.seek(at)
        file.write(bytes([was ^ bit]))


def content(folder: Path) -> dict[Path, bytes]:
    """LOCK apart: it names who looked last."""
    return {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*")
            if path.is_file() and path.name != "LOCK"}


def whole_is_whole() -> str:
    with temp_folder("damage") as folder:
        data, _ = filled(folder)
        before = content(data)
        report = verify(data)
        assert content(data) == before, "verify changed the folder"
        assert "20000 records" in report or re.search(r" 2000\d records", report), report
        assert run(STELE, "verify", folder / "nothing", code=2).stderr.count("\n") == 1
        assert run(STELE, "verify", folder, code=2).stderr.count("\n") == 1
    return report.splitlines()[-2].split(": ", 1)[1]


def damage_is_named() -> str:
    """Rows: what is done to a copy, the words the report must have, whether it is primary data."""
    with temp_folder("damage") as folder:
        data, topic = filled(folder)
        segments = sorted(topic.glob("*.log"))
        middle = segments[1]
        position, size, offset = batches(middle)[len(batches(middle)) // 2]
        here = lambda path: folder / "copy" / path.relative_to(data)  # noqa: E731
        order = max((data / "order").iterdir(), key=lambda path: path.stat().st_size)
        rows = [
            ("a bit of a value", lambda: flip(here(middle), position + size - 3), [middle.name, str(offset)]),
            ("a bit of a checksum", lambda: flip(here(middle), position + 17), [middle.name, str(offset)]),
            ("a bit of an offset", lambda: flip(here(middle), position + 7), [middle.name, str(offset)]),
            ("a bit of a length", lambda: flip(here(middle), position + 10), [middle.name, str(offset)]),
            ("a segment cut short", lambda: here(middle).open("r+b").truncate(position + 5), [middle.name, str(offset)]),
            ("a segment gone", lambda: here(middle).unlink(), [middle.name]),
            ("two batches exchanged", lambda: exchange(here(middle)), [middle.name, str(batches(middle)[0][2])]),
            ("a segment that is another's", lambda: shutil.copy(here(segments[0]), here(middle)), [middle.name]),
            ("a bit of the order log", lambda: flip(here(order), order.stat().st_size // 2), [order.name]),
            ("the identity", lambda: flip(here(data / "STELE"), 20), ["STELE"]),
        ]
        for name, damage, words in rows:
            shutil.copytree(data, folder / "copy")
            damage()
            done = run(STELE, "verify", folder / "copy", code=None)
            told = done.stdout + done.stderr
            assert done.returncode in ((1,) if name != "the identity" else (1, 2)), f"{name}: {done.returncode} {told}"
            assert any(all(word in line for word in words) for line in told.splitlines()), f"{name}: {words} not in {told}"
            shutil.rmtree(folder / "copy")
    return f"{len(rows)} kinds of damage, each named"


def exchange(segment: Path) -> None:
    """The first two batches of equal size change places, or two neighbours do."""
    raw, found = segment.read_bytes(), batches(segment)
    (first, first_size, _), (second, second_size, _) = found[0], found[1]
    swapped = raw[second:second + second_size] + raw[first:first + first_size]
    segment.write_bytes(raw[:first] + swapped + raw[second + second_size:])


def derived_data_is_made_anew() -> str:
    with temp_folder("damage") as folder:
        data, topic = filled(folder)
        indexes = sorted(topic.glob("*.batches"))
        before = content(data)
        indexes[0].unlink()
        flip(indexes[1], indexes[1].stat().st_size // 2)
        report = run(STELE, "verify", data, code=1).stdout
        assert "DAMAGED" not in report and report.count("rebuildable") >= 2, report
        steled = Service(data).start()
        with Wire(steled.kafka_port) as wire:
            for offset in (0, 5000, 19999):
                assert wire.fetch_error("t", 0, offset) == 0, offset
        assert steled.stop() == 0
        verify(data)
        after = content(data)
        assert all(after[path] == raw for path, raw in before.items() if path.suffix == ".log"), "segments changed"
    return f"{len(indexes)} indexes, two lost"


def damaged_batch_is_refused_others_served() -> str:
    with temp_folder("damage") as folder:
        data, topic = filled(folder)
        middle = sorted(topic.glob("*.log"))[1]
        all_batches = batches(middle)
        position, size, offset = all_batches[len(all_batches) // 2]
        flip(middle, position + size - 3)
        damaged = middle.read_bytes()
        steled = Service(data).start()
        with Wire(steled.kafka_port) as wire:
            assert wire.fetch_error("t", 0, offset) == CORRUPT
            served = [wire.fetch_error("t", 0, other) for _, _, other in all_batches if other != offset]
            assert served and not any(served), served
            assert wire.fetch_error("t", 0, 0) == 0 and wire.fetch_error("t", 0, 19999) == 0
        assert steled.running()
        assert steled.stop() == 0
        assert middle.read_bytes() == damaged, "damaged data was changed"
    return f"batch at {offset} refused, {len(served)} others of its segment served"


if __name__ == "__main__":
    run_cases(whole_is_whole, damage_is_named, derived_data_is_made_anew, damaged_batch_is_refused_others_served)

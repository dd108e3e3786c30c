"""Kafka's own DumpLogSegments, an outside witness, reads every segment that steled wrote: all batches valid, as many records
as went in, no byte between or behind them; right after kill -9 and a restart as well."""

import re
import time
from pathlib import Path

from harness import eventually, run, run_cases, service
from history import CODECS, Event, history, send_with_confluent
from java import Session, java

# baseOffset: 0 lastOffset: 9 count: 10 … isvalid: true
BATCH = re.compile(r"^baseOffset: (\d+) lastOffset: (\d+) count: (\d+) .* position: (\d+) .* size: (\d+) .* "
                   r"compresscodec: (\w+) .*isvalid: (\w+)")


def segments_of(data: Path) -> list[Path]:
    return sorted((data / "topics").rglob("*.log"))


def dump(files: list[Path]) -> dict[Path, list[re.Match]]:
    """What the tool says of each file: its batches."""
    done = run(*java("dump-log-segments", "org.apache.kafka.tools.DumpLogSegments", "--deep-iteration", "--files",
                     ",".join(str(path) for path in files)), seconds_max=300)
    batches: dict[Path, list[re.Match]] = {}
    current: list[re.Match] = []
    for line in done.stdout.splitlines():
        if line.startswith("Dumping "):
            current = batches.setdefault(Path(line.removeprefix("Dumping ")), [])
        elif found := BATCH.match(line):
            current.append(found)
        assert "invalid bytes" not in line, line
    return batches


def check_segments(files: list[Path]) -> tuple[int, dict[str, int]]:
    """Batches, and records by codec."""
    dumped = dump(files)
    assert set(dumped) == set(files), f"not dumped: {set(files) - set(dumped)}"
    batch_count, records = 0, {}
    for path, batches in dumped.items():
        offset, position = int(path.stem), 0
        for batch in batches:
            base, last, count, at, size = (int(batch[i]) for i in range(1, 6))
            assert batch[7] == "true", f"{path}: {batch[0]}"
            assert (base, at) == (offset, position) and last - base + 1 == count, f"{path}: {batch[0]}"
            offset, position = last + 1, at + size
            records[batch[6]] = records.get(batch[6], 0) + count
            batch_count += 1
        assert position == path.stat().st_size, f"{path}: batches end at {position}, the file at {path.stat().st_size}"
    return batch_count, records


def every_segment_is_readable() -> str:
    events = history()[:20000]
    with service("dump", "--default-partitions", "3") as steled:
        for codec in CODECS:
            send_with_confluent(steled.kafka, f"t.{codec}", events, compression_type=codec, enable_idempotence=codec != "none")
        # A topic of many segments.
        with Session(steled.kafka) as client:
            client.ask("create", "rolls", 1, "segment.bytes=1048576")
        send_with_confluent(steled.kafka, "rolls", events, compression_type="none")
        assert steled.stop() == 0
        files = segments_of(steled.data)
        batches, records = check_segments(files)
        for codec in CODECS:
            wanted = 2 * len(events) if codec == "none" else len(events)
            # The catalogue is not compressed either.
            extra = records.get(codec, 0) - wanted
            assert extra == 0 or codec == "none" and 0 < extra < 50, f"{codec}: wanted {wanted}, there are {records}"
        assert len(files) > 15 + 3, f"nothing rolled: {len(files)} files"
    return f"{len(files)} segments, {batches} batches, records {records}: all valid"


def after_kill_too() -> str:
    events = history()[:5000]
    with service("dump") as steled:
        for _ in range(5):
            send_with_confluent(steled.kafka, "t", events, compression_type="zstd")
            steled.kill()
            steled.start()
        steled.kill()
        steled.start()
        steled.kill()
        batches, records = check_segments(segments_of(steled.data))
        assert records["zstd"] == 5 * len(events), records
    return f"{batches} batches, records {records} after 7 kills"


def compacted_segments_too() -> str:
    """What compaction wrote: files with a generation in their name, offsets with gaps, batches of every codec."""
    with service("dump-compacted", "--compaction-interval-ms", "100") as steled:
        with Session(steled.kafka) as client:
            client.ask("create", "compacted", 1, "cleanup.policy=compact", "segment.bytes=65536",
                       "min.cleanable.dirty.ratio=0.01")
        for codec in (*CODECS, "none"):  # the last one's stay in the open segment
            events = [Event(1700000000000 + i, f"{codec}-{i % 50}", (), None if i % 50 == 7 else f"v{i}") for i in range(4000)]
            send_with_confluent(steled.kafka, "compacted", events, compression_type=codec)
        eventually(lambda: nothing_left_to_compact(steled), seconds_max=60)
        assert steled.metric("stele_compaction_failures_total") == 0
        steled.kill()
        steled.start()
        assert steled.stop() == 0
        files = compacted_of(steled.data)
        assert files, "nothing was compacted"
        batch_count, codecs = 0, set()
        for path, batches in dump(files).items():
            offset, position = int(path.name.split(".")[0]), 0
            for batch in batches:
                base, last, count, at, size = (int(batch[i]) for i in range(1, 6))
                assert batch[7] == "true" and at == position, f"{path}: {batch[0]}"
                assert offset <= base and 0 <= count <= last - base + 1, f"{path}: {batch[0]}"
                offset, position = last + 1, at + size
                batch_count += 1
                codecs.add(batch[6])
            assert position == path.stat().st_size, f"{path}: batches end at {position}"
        assert len(codecs) == len(CODECS), codecs
    return f"{len(files)} compacted segments, {batch_count} batches of {len(codecs)} codecs: all valid"


def nothing_left_to_compact(steled) -> bool:
    """The ratio is that of the last look, which may have been before the last record: several looks later it counts."""
    before = steled.metric("stele_compactions_total")
    time.sleep(1)
    return before > 0 and before == steled.metric("stele_compactions_total") and \
        steled.metric("stele_compaction_dirty_ratio_max") == 0


def compacted_of(data: Path) -> list[Path]:
    return [path for path in segments_of(data) if path.name.count(".") == 2]


if __name__ == "__main__":
    run_cases(every_segment_is_readable, after_kill_too, compacted_segments_too)

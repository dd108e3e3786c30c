"""A program in each language on one steled, each with a topic of its own, all at a time: every step of STEPS must hold. What they
left is then looked at over HTTP, once more after a kill -9: the same events, whoever wrote them."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from harness import ROOT, Service, run_cases, service, verify_nothing_lost

HERE = Path(__file__).resolve().parent
OUT = ROOT / "build" / "compat"
STEPS = ["health", "reflection", "create_topic", "expected_version", "condition", "malformed", "pipelined", "read_backward",
         "query", "subscription", "limits_and_tombstone"]
# What grpc-js' own packages have no client for.
LEFT_OUT = {"node": ["reflection"]}
SECONDS_MAX = 100


def program(language: str, address: str) -> tuple[list[str], dict[str, str]]:
    if language == "python":
        path = os.pathsep.join((str(OUT / "grpc-python"), str(OUT / "grpc-python-stubs")))
        return [sys.executable, str(HERE / "python" / "client.py"), address, language], {"PYTHONPATH": path}
    if language == "go":
        return [str(OUT / "grpc-go" / "client"), address, language], {}
    return ["node", str(OUT / "grpc-node" / "client.js"), address, language, str(ROOT / "proto")], {}


def run_program(language: str, address: str) -> str:
    """Runs to the end; its version."""
    command, env = program(language, address)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=SECONDS_MAX,
                          env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **env})
    told = done.stdout.splitlines()
    wanted = [f"ok {step}" for step in STEPS if step not in LEFT_OUT.get(language, [])]
    assert done.returncode == 0 and told[1:] == wanted, f"{language}: {done.returncode}\n{done.stdout}{done.stderr[-4000:]}"
    return told[0].removeprefix("version ")


def left_behind(steled: Service, topic: str) -> list[tuple[str, str, str | None]]:
    status, page = steled.get(f"/v1/topics/{topic}/streams/order%2F1")
    assert status == 200, page
    assert steled.get(f"/v1/topics/{topic}/streams/pipe")[0] == 410
    return [(event["version"], event["type"], event.get("tags")) for event in json.loads(page)["events"]]


def every_language() -> str:
    with service("grpc-clients", with_grpc=True) as steled:
        languages = ["python", "go", "node"]
        with ThreadPoolExecutor() as pool:
            versions = list(pool.map(lambda language: run_program(language, steled.grpc), languages))
        before = [left_behind(steled, language) for language in languages]
        for events in before:
            assert [event[:2] for event in events] == [("0", "Placed"), ("1", "Paid"), ("2", "Shipped"), ("3", "Live")], events
            assert events[1][2] == "shop:1,größe", events
        steled.kill()
        steled.start()
        assert before == [left_behind(steled, language) for language in languages]
        assert steled.stop() == 0
        verify_nothing_lost(steled.data)
    return f"{', '.join(versions)}: {len(STEPS)} steps each, the same events over HTTP, also after a kill"


if __name__ == "__main__":
    run_cases(every_language)

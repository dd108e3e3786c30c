#!/usr/bin/env python3
"""/v1/openapi.json: a valid OpenAPI 3.1 document (openapi-spec-validator), and what the service does (schemathesis): made-up
requests, right and wrong, to every operation, are answered as the document says. STELE_SEED replays what was made up."""

import json
import os
import re
import sys
from collections import Counter
from pathlib import Path

from harness import ROOT, Service, count_wanted, run, run_cases, service, temp_folder
from openapi_hooks import ORDERS, STREAM

SEED = os.environ.get("STELE_SEED") or "1"
METHODS = ("get", "put", "post", "delete", "head", "options", "patch", "trace")
# Not asked: whether all that fits the schemas is taken, as no schema can say what a token or base64url is.
LEFT_OUT = "positive_data_acceptance"
# How a request may be refused that breaks the schemas.
REFUSALS = "[checks]\nnegative_data_rejection.expected-statuses = [400, 403, 404, 405, 406, 409, 410, 413, 415, 416, 431]\n"


def document(steled: Service) -> dict:
    status, text = steled.get("/v1/openapi.json")
    assert status == 200
    return json.loads(text)


def operations(described: dict) -> dict[str, str]:
    """Operation to method and path."""
    return {operation["operationId"]: f"{method.upper()} {path}" for path, item in described["paths"].items()
            for method, operation in item.items() if method in METHODS}


def the_document_is_valid() -> str:
    from openapi_spec_validator import OpenAPIV31SpecValidator

    with service("openapi") as steled:
        described = document(steled)
        problems = list(OpenAPIV31SpecValidator(described).iter_errors())
        assert not problems, problems
        known = operations(described)
        assert described["openapi"].startswith("3.1") and len(known) >= 15, known
        # What docs/http.md lists is described, and the other way round.
        listed = (ROOT / "docs" / "http.md").read_text().split("## Routes")[1].split("\n\n")[1]
        paths = {path for path in re.findall(r"(/(?:v1|metrics|-)[^ `?,]*)", listed)}
        assert paths == set(described["paths"]), paths ^ set(described["paths"])
    return f"{len(known)} operations"


def something_is_there(steled: Service) -> None:
    """A stream to read, and topics and streams for those operations that let go of them."""
    lines = [{"type": "Placed", "stream": STREAM, "tags": "shop:1", "data": {"n": n}} for n in range(20)]
    lines += [{"type": "Placed", "stream": f"gone-{n}"} for n in range(100)]
    send_lines(steled, ORDERS, "\n".join(map(json.dumps, lines)))
    for n in range(100):
        send_lines(steled, f"gone-{n}", '{"type":"Placed"}')


def send_lines(steled: Service, topic: str, lines: str) -> None:
    run("curl", "-sSf", "-H", "content-type: application/x-ndjson", "--data-binary", "@-",
        f"{steled.http}/v1/topics/{topic}/events", stdin=lines)


def the_service_does_what_it_says() -> str:
    with service("openapi") as steled, temp_folder("openapi-tally") as folder:
        something_is_there(steled)
        tally = folder / "tally"
        (folder / "schemathesis.toml").write_text(REFUSALS)
        env = {**os.environ, "STELE_TALLY": str(tally), "SCHEMATHESIS_HOOKS": "openapi_hooks",
               "PYTHONPATH": str(Path(__file__).parent), "PYTHONDONTWRITEBYTECODE": "1"}
        done = run(Path(sys.executable).parent / "schemathesis", "run", f"{steled.http}/v1/openapi.json",
                   "--phases", "examples,coverage,fuzzing", "--max-examples", str(count_wanted(6)), "--seed", SEED,
                   "--checks", "all", "--exclude-checks", LEFT_OUT, "--request-timeout", "5", "--continue-on-failure",
                   "--no-shrink", "--warnings", "off", "--no-color", code=None, env=env, cwd=folder, seconds_max=400)
        assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
        asked = Counter(tuple(line.split()) for line in tally.read_text().splitlines())
        asked["openapi", "200"] += 1  # the one that it asks by itself, to begin with
        for operation, where in operations(document(steled)).items():
            answers = {int(status): count for (name, status), count in asked.items() if name == operation}
            assert any(status < 300 for status in answers), f"{where} was never done: {answers}"
        assert steled.stop() == 0
    refused = sum(count for (_, status), count in asked.items() if int(status) >= 400)
    return f"{asked.total()} requests, {refused} of them refused, all as described"


if __name__ == "__main__":
    run_cases(the_document_is_valid, the_service_does_what_it_says)

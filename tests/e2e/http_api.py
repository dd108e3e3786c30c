#!/usr/bin/env python3
"""The HTTP API as curl uses it. What is meant to break it: hostile_http.py."""

import json
import socket
import urllib.error
import urllib.request

from harness import Service, run_cases, service
from history import history_lines

STRUCTURED = "application/cloudevents+json"


def ask(steled: Service, method: str, path: str, body: bytes | str | None = None, **headers: str):
    """Status, headers, body: JSON if it is."""
    data = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = urllib.request.Request(steled.http + path, data=data, method=method, headers=named)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            status, got, text = answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        status, got, text = error.code, error.headers, error.read().decode()
    is_json = text and got.get("Content-Type", "").endswith("json") and "ndjson" not in got["Content-Type"]
    return status, got, json.loads(text) if is_json else text


def append(steled: Service, path: str, kind: str, **headers: str):
    return ask(steled, "POST", path, json.dumps({"n": 1}), Content_Type="application/json", ce_type=kind, **headers)


def streams_and_versions() -> str:
    with service("http") as steled:
        path = "/v1/topics/orders/streams/order%2F17"
        assert ask(steled, "GET", path)[0] == 404
        status, headers, _ = append(steled, path, "Placed", If_None_Match="*")
        assert (status, headers["ETag"]) == (201, '"0"')
        assert append(steled, path, "Placed", If_None_Match="*")[0] == 412
        status, headers, _ = append(steled, path, "Paid", If_Match='"0"')
        assert (status, headers["ETag"]) == (201, '"1"')
        status, headers, refused = append(steled, path, "Paid", If_Match='"0"')
        assert (status, headers["ETag"]) == (412, '"1"'), refused
        assert append(steled, path, "Paid", If_Match='"0"', If_None_Match="*")[0] == 400
        status, headers, page = ask(steled, "GET", path)
        assert status == 200 and headers["ETag"] == '"1"'
        assert [event["type"] for event in page["events"]] == ["Placed", "Paid"], page
        assert page["events"][0]["stream"] == "order/17" and page["events"][1]["version"] == "1"
        assert ask(steled, "GET", path, If_None_Match='"1"')[0] == 304
        assert ask(steled, "HEAD", path)[0] == 200
        assert ask(steled, "GET", path + "?nonsense=1")[0] == 400
        assert ask(steled, "DELETE", path, If_Match='"0"')[0] == 412
        assert ask(steled, "DELETE", path)[0] == 204
        assert ask(steled, "GET", path)[0] == 410 and append(steled, path, "X")[0] == 410
        assert ask(steled, "PUT", path)[0] == 405 and ask(steled, "GET", "/nowhere")[0] == 404
        assert ask(steled, "POST", path, "x", Content_Type="text/plain")[0] == 415
        assert ask(steled, "GET", "/v1/events", Accept="image/png")[0] == 406
        assert steled.stop() == 0
    return "versions, preconditions, tombstone and refusals as promised"


def many_streams_with_conditions() -> str:
    with service("http") as steled:
        assert ask(steled, "POST", "/v1/topics", '{"name":"t","partitions":3}', Content_Type="application/json")[0] == 201
        events = [{"stream": name, "type": "Taken", "tags": ["seat:1"], "data": {}} for name in ("a", "b")]
        condition = {"failIfEventsMatch": {"items": [{"tags": ["seat:1"]}]}}
        body = json.dumps({"topic": "t", "events": events, "conditions": [condition]})
        status, _, answer = ask(steled, "POST", "/v1/events", body, Content_Type="application/json")
        assert status == 201 and len(answer["events"]) == 2, answer
        status, _, refused = ask(steled, "POST", "/v1/events", body, Content_Type="application/json")
        assert status == 409, refused
        query = json.dumps({"query": {"items": [{"tags": ["seat:1"]}]}})
        status, _, page = ask(steled, "POST", "/v1/events/query", query, Content_Type="application/json")
        assert status == 200 and [event["stream"] for event in page["events"]] == ["a", "b"], page
        assert steled.stop() == 0
    return "appended once, refused the second time, found by tag"


def history_in_and_out() -> str:
    lines = history_lines()[:10_000]  # all of it: flights.py
    with service("http", "--default-partitions", "3") as steled:
        body = b"\n".join(line.encode() if isinstance(line, str) else line for line in lines) + b"\n"
        status, _, told = ask(steled, "POST", "/v1/topics/flights/events?stream=subject", body, Content_Type="application/x-ndjson")
        assert status == 201 and told["appended"] == str(len(lines)), told
        status, _, again = ask(steled, "POST", "/v1/topics/flights/events?stream=subject", body, Content_Type="application/x-ndjson")
        assert status == 200 and again["duplicates"] == str(len(lines)), again
        out = ask(steled, "GET", "/v1/topics/flights/events", Accept="application/x-ndjson")[2].splitlines()
        assert [json.loads(line)["id"] for line in out] == [json.loads(line)["id"] for line in lines]
        bad = b"\n".join([b'{"type":"A"}', b'{"type":"B"}', b"nonsense", b'{"type":"C"}'])
        status, _, problem = ask(steled, "POST", "/v1/topics/bad/events", bad, Content_Type="application/x-ndjson")
        assert (status, problem["line"], problem["appended"]) == (400, "3", "2"), problem
        assert steled.stop() == 0
    return f"{len(lines)} events in with one request, recognized when sent again, out in order"


def followed_live() -> str:
    with service("http") as steled:
        append(steled, "/v1/topics/t/streams/s", "A")
        with socket.create_connection(("localhost", steled.http_port), timeout=10) as client:
            client.sendall(b"GET /v1/topics/t/streams/s?follow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            got = read_until(client, b"event: caught-up")
            assert got.count(b"event: message") == 1 and b"text/event-stream" in got
            append(steled, "/v1/topics/t/streams/s", "B")
            live = read_until(client, b'"type":"B"')
            assert b"event: message" in live and b"id: " in live
        steled.stop()
    return "history, the seam, and what came later"


def read_until(client: socket.socket, mark: bytes) -> bytes:
    got = b""
    while mark not in got:
        more = client.recv(65536)
        assert more, got
        got += more
    return got


if __name__ == "__main__":
    run_cases(streams_and_versions, many_streams_with_conditions, history_in_and_out, followed_live)

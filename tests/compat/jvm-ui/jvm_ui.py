"""A web interface for Kafka on steled, over HTTP as a browser would: Quarkus' Kafka UI. Its page comes; topics are listed, made
and deleted; messages are sent and shown; a group is shown with its member and its lag."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import threading
import urllib.request
from pathlib import Path
from typing import Iterator

from confluent_kafka import Consumer, Producer

from harness import Service, eventually, free_port, run_cases
from jvm import WORK, broker, locked

HERE = Path(__file__).resolve().parent
PLACE = "/q/dev/io.quarkus.quarkus-kafka-client"


class Interface:
    def __init__(self, port: int):
        self.url = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def ask(self, action: str, **words: object) -> object:
        """What the page's own script posts."""
        body = json.dumps({"action": action, **words}).encode()
        request = urllib.request.Request(f"{self.url}{PLACE}/kafka-admin", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            text = answer.read().decode()
        return json.loads(text) if text[:1] in "[{" and text else text


@contextlib.contextmanager
def interface(service: Service) -> Iterator[Interface]:
    project, port = WORK / "ui", free_port()
    with locked():
        shutil.copytree(HERE, project, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py", "run.sh"))
    with open(project / "ui.log", "wb") as log:
        process = subprocess.Popen(["mvn", "-B", "-q", "quarkus:dev", "-Ddebug=false", f"-Dquarkus.http.port={port}",
                                    f"-Dkafka.bootstrap.servers=127.0.0.1:{service.kafka_port}"], cwd=project, stdout=log, stderr=log,
                                   stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        served = Interface(port)
        eventually(lambda: process.poll() is not None or served.get("/q/dev/"), 300, 0.5)
        assert process.poll() is None, f"mvn ended with {process.returncode}: {(project / 'ui.log').read_text()[-2000:]}"
        yield served
    finally:
        # Maven and the application that it started.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def topic(ui: Interface, name: str) -> dict:
    return next((one for one in ui.ask("getTopics") if one["name"] == name), {})


def group(ui: Interface, name: str) -> dict:
    return next((one for one in ui.ask("getInfo")["consumerGroups"] if one["name"] == name), {})


def pages() -> str:
    with broker("ui") as service, interface(service) as ui:
        page = ui.get(f"{PLACE}/kafka-dev-ui")
        assert "kafka_ui.js" in page, page[:500]
        cluster = ui.ask("getInfo")["clusterInfo"]
        assert len(cluster["id"]) > 5 and [node["port"] for node in cluster["nodes"]] == [service.kafka_port], cluster

        ui.ask("createTopic", topicName="orders", partitions=3, replications=1)
        eventually(lambda: topic(ui, "orders")["partitionsCount"] == 3, 20)
        assert sorted(ui.ask("getPartitions", topicName="orders")) == [0, 1, 2]

        producer = Producer({"bootstrap.servers": service.kafka})
        for number in range(30):
            producer.produce("orders", f"value {number}", f"key {number}", partition=number % 3)
        assert producer.flush(30) == 0
        ui.ask("createMessage", topic="orders", partition=1, key="by hand", value="from the page")
        eventually(lambda: topic(ui, "orders")["nmsg"] == 31, 20)
        ends = ui.ask("getOffset", topicName="orders", order="NEW_FIRST", requestedPartitions=[0, 1, 2])
        assert ends == {"0": 10, "1": 11, "2": 10}, ends
        shown = ui.ask("topicMessages", topicName="orders", order="OLD_FIRST", pageSize=100, pageNumber=1,
                       partitionOffset={"0": 0, "1": 0, "2": 0})["messages"]
        assert {(one["key"], one["value"]) for one in shown} == \
            {("by hand", "from the page"), *((f"key {number}", f"value {number}") for number in range(30))}, shown

        with member(service, "readers", "orders"):
            eventually(lambda: group(ui, "readers")["state"] == "STABLE", 40)
            eventually(lambda: group(ui, "readers")["lag"] == 0, 20)
            told = group(ui, "readers")
            assert [len(one["partitions"]) for one in told["members"]] == [3], told

        ui.ask("deleteTopic", key="orders")
        eventually(lambda: topic(ui, "orders") == {}, 20)
    return "page, cluster, topics, 31 messages, a group with its member"


@contextlib.contextmanager
def member(service: Service, name: str, of: str) -> Iterator[None]:
    """A group's member that reads and commits all the time."""
    leaving = threading.Event()

    def read() -> None:
        consumer = Consumer({"bootstrap.servers": service.kafka, "group.id": name, "auto.offset.reset": "earliest",
                             "auto.commit.interval.ms": 200})
        consumer.subscribe([of])
        while not leaving.is_set():
            consumer.poll(0.1)
        consumer.close()

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield
    finally:
        leaving.set()
        thread.join()


if __name__ == "__main__":
    run_cases(pages)

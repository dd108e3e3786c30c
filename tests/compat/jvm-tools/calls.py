"""What is asked of Kafka's command-line tools, capability by capability, and what they have to say.

In a call {group} is the group that a VerifiableConsumer keeps alive all the time, with one partition of the topic "live" at
least; {node} the broker's id, {folder} a folder with what FILES says. Each call gets --bootstrap-server."""

from dataclasses import dataclass

TOPIC, PRODUCE, CONSUME = "TopicCommand", "ConsoleProducer", "consumer.ConsoleConsumer"
GROUP, CONFIG, OFFSETS = "consumer.group.ConsumerGroupCommand", "kafka.admin.ConfigCommand", "GetOffsetShell"


@dataclass
class Call:
    tool: str
    words: str
    # Regular expressions, each found in what the tool writes.
    shows: tuple[str, ...] = ()
    code: int = 0
    reads: str = ""
    # An expression that must not be found.
    hides: str = ""


FILES = {
    "delete.json": '{"version": 1, "partitions": [{"topic": "deleted-records", "partition": 0, "offset": 3}]}',
    "beyond.json": '{"version": 1, "partitions": [{"topic": "deleted-records", "partition": 0, "offset": 7}]}',
    "move.json": '{"version": 1, "topics": [{"topic": "live"}]}',
    "stay.json": '{"version": 1, "partitions": [{"topic": "live", "partition": 0, "replicas": [%d]}]}',
    "elect.json": '{"partitions": [{"topic": "live", "partition": 1}]}',
}
LETTERS = "".join(f"{letter}\n" for letter in "abcdef")
HEADERS = "one:1,one:2,empty:,none:NULL\tk\tv\n"
NULLS = "NULL\tv\n\tempty key\nk1\tNULL\nk2\t\n"
KEYS = "--reader-property parse.key=true --reader-property null.marker=NULL"
READ = "--from-beginning --timeout-ms 15000 --max-messages"
PRINT = "--formatter-property print.key=true --formatter-property null.literal=<none> --formatter-property"


def roundtrip(codec: str) -> list[Call]:
    lines = "".join(f"{i:08}" * 30 + "\n" for i in range(200))
    return [Call(TOPIC, f"--create --topic codec.{codec}"),
            Call(PRODUCE, f"--topic codec.{codec} --compression-codec {codec}", reads=lines),
            Call(CONSUME, f"--topic codec.{codec} {READ} 200", (f"^{lines}", "Processed a total of 200"))]


CALLS: dict[str, list[Call]] = {
    **{f"codec-{codec}": roundtrip(codec) for codec in ("none", "gzip", "snappy", "lz4", "zstd")},
    "headers": [
        Call(TOPIC, "--create --topic headers"),
        Call(PRODUCE, f"--topic headers {KEYS} --reader-property parse.headers=true", reads=HEADERS),
        Call(CONSUME, f"--topic headers {READ} 1 {PRINT} print.headers=true", (r"^one:1,one:2,empty:,none:<none>\tk\tv\n",))],
    "null-key": [
        Call(TOPIC, "--create --topic nulls"),
        Call(PRODUCE, f"--topic nulls {KEYS}", reads=NULLS),
        Call(CONSUME, f"--topic nulls {READ} 4 {PRINT} print.offset=true", (r"^Offset:0\t<none>\tv\nOffset:1\t\tempty key\n",))],
    "null-value": [Call(CONSUME, f"--topic nulls {READ} 4 {PRINT} print.value=true", (r"\nk1\t<none>\nk2\t\n",))],
    "assign": [
        Call(TOPIC, "--create --topic assigned --partitions 2"),
        # murmur2 sends "one" to partition 1 of 2, and "zero" to 0.
        Call(PRODUCE, "--topic assigned --reader-property parse.key=true", reads="one\ta\nzero\tz\none\tb\none\tc\none\td\n"),
        Call(CONSUME, "--topic assigned --partition 1 --offset 2 --max-messages 2 --timeout-ms 15000", ("^c\nd\n",))],
    "delete-records": [
        Call(TOPIC, "--create --topic deleted-records"),
        Call(PRODUCE, "--topic deleted-records", reads=LETTERS),
        Call("DeleteRecordsCommand", "--offset-json-file {folder}/delete.json", (r"deleted-records-0\tlow_watermark: 3\n",)),
        Call("DeleteRecordsCommand", "--offset-json-file {folder}/beyond.json", ("OffsetOutOfRangeException",)),
        Call(CONSUME, f"--topic deleted-records {READ} 3", ("^d\ne\nf\n",))],
    "earliest-latest": [
        Call(OFFSETS, "--topic deleted-records --time latest", (r"^deleted-records:0:6\n$",)),
        Call(OFFSETS, "--topic deleted-records --time earliest", (r"^deleted-records:0:3\n$",)),
        Call(OFFSETS, "--topic-partitions deleted-records:0 --time -4", (r"^deleted-records:0:3\n$",))],
    "max-timestamp": [Call(OFFSETS, "--topic deleted-records --time max-timestamp", (r"^deleted-records:0:\d\n$",))],
    "time-lookup": [
        Call(TOPIC, "--create --topic times"),
        Call(PRODUCE, "--topic times", reads=LETTERS),
        Call(OFFSETS, "--topic times --time 0", (r"^times:0:0\n$",)),
        Call(OFFSETS, "--topic times --time {now}", (r"^$",)),
        Call(PRODUCE, "--topic times", reads=LETTERS),
        Call(OFFSETS, "--topic times --time {before}", (r"^times:0:6\n$",))],
    "create-topic": [
        Call(TOPIC, "--create --topic created --partitions 3 --config retention.ms=86400000", ("Created topic created",)),
        Call(TOPIC, "--create --topic created", ("TopicExistsException", "already exists"), code=1),
        Call(TOPIC, "--create --if-not-exists --topic created"),
        Call(TOPIC, "--create --topic wrong --config no.such=1", ("(?i)unknown topic config name: no.such",), code=1),
        Call(TOPIC, "--describe --topic created",
             (r"TopicId: [\w-]{22}\tPartitionCount: 3\tReplicationFactor: 1\tConfigs: .*retention.ms=86400000",
              r"Partition: 2\tLeader: {node}\tReplicas: {node}\tIsr: {node}\t")),
        Call(TOPIC, "--list", (r"(?m)^created$",)),
        Call(TOPIC, "--describe --under-replicated-partitions", ("^$",)),
        Call(TOPIC, "--describe --unavailable-partitions", ("^$",))],
    "describe-configs": [
        Call(CONFIG, "--describe --topic created",
             (r"retention.ms=86400000 sensitive=false synonyms=\{DYNAMIC_TOPIC_CONFIG:retention.ms=86400000, ",)),
        Call(CONFIG, "--describe --topic created --all", ("cleanup.policy=delete .*DEFAULT_CONFIG:",)),
        Call(CONFIG, "--describe --broker {node} --all", ("sensitive=false",))],
    "alter-configs": [
        Call(CONFIG, "--alter --topic created --add-config segment.bytes=10485760,max.message.bytes=2000000", ("Completed updating",)),
        Call(CONFIG, "--alter --topic created --delete-config max.message.bytes", ("Completed updating",)),
        Call(CONFIG, "--describe --topic created", ("  segment.bytes=10485760 ", "  retention.ms=86400000 "), hides="max.message"),
        Call(CONFIG, "--alter --topic created --add-config no.such=1", ("InvalidConfigurationException",), code=1)],
    "create-partitions": [
        Call(TOPIC, "--alter --topic created --partitions 5"),
        Call(TOPIC, "--describe --topic created", ("PartitionCount: 5", "Partition: 4\t")),
        Call(TOPIC, "--alter --topic created --partitions 4", ("would not be an increase",), code=1)],
    "delete-topic": [
        Call(TOPIC, "--delete --topic created"),
        Call(TOPIC, "--list", hides=r"(?m)^created$"),
        Call(TOPIC, "--describe --topic created", ("does not exist",), code=1)],
    "list-groups": [
        Call(GROUP, "--list --state", (r"(?m)^{group} +Stable",)),
        Call(GROUP, "--list --type", (r"(?m)^{group} +Classic",)),
        Call("GroupsCommand", "--list --consumer", (r"(?m)^{group} +Classic +consumer",))],
    "describe-group": [
        Call(GROUP, "--describe --group {group}", (r"{group} +live +1 +\d+ +\d+ +0 +\S+ +/127.0.0.1 ",)),
        Call(GROUP, "--describe --group {group} --members --verbose", (r"{group} +\S+ +/127.0.0.1 +\S+ +\d .*live:",)),
        Call(GROUP, "--describe --group {group} --state", (r"{group} .*\({node}\) +range +Stable +[12]",)),
        Call(GROUP, "--describe --group no-such-group", ("GroupIdNotFoundException",))],
    "alter-offsets": [
        Call(TOPIC, "--create --topic offsets --partitions 2"),
        Call(PRODUCE, "--topic offsets --reader-property parse.key=true", reads="one\t1\none\t2\nzero\t3\nzero\t4\nzero\t5\n"),
        Call(CONSUME, f"--topic offsets --group resting {READ} 5", ("Processed a total of 5",)),
        Call(GROUP, "--group resting --reset-offsets --to-earliest --topic offsets --dry-run", (r"resting +offsets +1 +0",)),
        Call(GROUP, "--group resting --reset-offsets --shift-by -1 --topic offsets --execute",
             (r"resting +offsets +0 +2", r"resting +offsets +1 +1")),
        Call(GROUP, "--group resting --reset-offsets --to-datetime 2020-01-01T00:00:00.000 --topic offsets:0 --execute",
             (r"resting +offsets +0 +0",)),
        Call(GROUP, "--describe --group resting", (r"resting +offsets +0 +0 +3 +3 +-", r"resting +offsets +1 +1 +2 +1 +-")),
        Call(GROUP, "--group resting --reset-offsets --to-latest --all-topics --dry-run --export", ("offsets,0,3", "offsets,1,2")),
        Call(GROUP, "--group {group} --reset-offsets --to-earliest --topic live --execute",
             ("Assignments can only be reset if the group '{group}' is inactive",))],
    "delete-offsets": [
        Call(GROUP, "--group resting --delete-offsets --topic offsets:0", (r"offsets +0 +Successful",)),
        Call(GROUP, "--describe --group resting", (r"resting +offsets +1 +1 +2 +1 +-",), hides=r"offsets +0 +\d"),
        Call(GROUP, "--group {group} --delete-offsets --topic live", (r"live +1 +Error: .*GroupSubscribedToTopic",))],
    "delete-group": [
        Call(GROUP, "--group {group} --delete", ("GroupNotEmptyException",)),
        Call(GROUP, "--group resting --delete", (r"Deletion of requested consumer groups \('resting'\) was successful",)),
        Call(GROUP, "--list", hides=r"(?m)^resting$"),
        Call(GROUP, "--group resting --delete", ("GroupIdNotFoundException",))],
    "describe-log-dirs": [
        Call("LogDirsCommand", "--describe --topic-list live", (r'"broker":{node},"logDirs":\[\{.*"partition":"live-1","size":\d+',))],
    "describe-cluster": [
        Call("ClusterTool", "cluster-id", (r"Cluster ID: \S+",)),
        Call("ClusterTool", "list-endpoints", (r"(?m)^{node} +\S+ +\d+ .*broker",)),
        Call("BrokerApiVersionsCommand", "", (r"\(id: {node} rack", r"Produce\(0\): 0 to 13 \[usable: 13\]", r"JoinGroup\(11\): 0 to 9"),
             hides="(?i)unexpected|exception")],
    "elect-leaders": [
        Call("LeaderElectionCommand", "--election-type preferred --path-to-json-file {folder}/elect.json",
             ("Valid replica already elected for partitions live-1",))],
    "client-quotas": [
        Call(CONFIG, "--alter --client slow --add-config producer_byte_rate=1000000", ("Completed updating",)),
        Call(CONFIG, "--alter --user anna --client slow --add-config request_percentage=50", ("Completed updating",)),
        Call(CONFIG, "--describe --client slow", (r"client-id 'slow' are producer_byte_rate=1000000.0",)),
        Call(CONFIG, "--describe --user anna --client slow", ("request_percentage=50.0",)),
        Call(CONFIG, "--alter --client slow --delete-config producer_byte_rate", ("Completed updating",)),
        Call(CONFIG, "--alter --user anna --client slow --delete-config request_percentage", ("Completed updating",)),
        Call(CONFIG, "--describe --entity-type clients", hides="producer_byte_rate")],
    "reassignments": [
        Call("reassign.ReassignPartitionsCommand", "--list", ("No partition reassignments found",)),
        Call("reassign.ReassignPartitionsCommand", "--generate --topics-to-move-json-file {folder}/move.json --broker-list {node}",
             (r'Proposed partition reassignment configuration\n.*"topic":"live","partition":1,"replicas":\[{node}\]',)),
        Call("reassign.ReassignPartitionsCommand", "--verify --preserve-throttles --reassignment-json-file {folder}/stay.json",
             ("Reassignment of partition live-0 is completed",))],
    "reassign-throttles": [
        Call("reassign.ReassignPartitionsCommand", "--verify --reassignment-json-file {folder}/stay.json",
             ("Clearing broker-level throttles on broker {node}",))],
    "describe-features": [Call("FeatureCommand", "describe", ("Feature: group.version .*FinalizedVersionLevel: 1",))],
    "describe-producers": [
        Call("TransactionsCommand", "describe-producers --topic codec.lz4 --partition 0", (r"\n\d+ *\t0 *\t-1 *\t199 *\t",))],
    "performance-tools": [
        Call(TOPIC, "--create --topic measured"),
        Call("ProducerPerformance", "--topic measured --num-records 20000 --record-size 200 --throughput -1", ("20000 records sent, ",)),
        Call("ConsumerPerformance", "--topic measured --num-records 20000 --group measuring", (r", 20000, \d+",)),
        Call("EndToEndLatency", "--topic measured --num-records 20 --producer-acks all --record-size 100", ("Avg latency: ",))],
    "streams-reset": [
        Call("StreamsResetter", "--application-id application --input-topics times --dry-run", ("Topic: times Partition: 0 Offset: 0",))],
    "compatibility-test": [
        Call("ClientCompatibilityTest", "--topic compatibility --num-cluster-nodes 1 --offsets-for-times-supported true "
             "--cluster-id-supported true --expect-record-too-large-exception false --create-topics-supported true "
             "--describe-acls-supported true --describe-configs-supported true --idempotent-producer-supported true",
             ("SUCCESS",))],
}

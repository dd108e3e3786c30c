"""What openapi.py hangs into schemathesis: names that are there, and a tally of what each operation answered."""

import json
import os

import schemathesis

ORDERS, STREAM = "orders", "order-17"
# Operations that let go of what the others read: they get what nobody misses.
LETTING_GO = {"deleteTopic": {"topic": "gone-{}"}, "tombstoneStream": {"topic": "orders", "stream": "gone-{}"}}

_counts: dict[str, int] = {}


@schemathesis.serializer("application/x-ndjson")
def lines(context, value) -> bytes:
    """Text as it is; anything else as one line."""
    return (value if isinstance(value, str) else json.dumps(value)).encode("utf-8", "surrogatepass")


@schemathesis.hook
def before_call(context, case, kwargs) -> None:
    """Every second request is about what is there; the others about whatever was made up. What never ends is not asked for."""
    if case.query and case.query.get("follow") in (True, "true", ""):
        del case.query["follow"]
    operation = case.operation.definition.raw["operationId"]
    _counts[operation] = number = _counts.get(operation, 0) + 1
    if number % 2 or not case.path_parameters or (case.meta and case.meta.generation.mode.is_negative):
        return
    names = LETTING_GO.get(operation, {"topic": ORDERS, "stream": STREAM})
    for name in case.path_parameters:
        case.path_parameters[name] = names[name].format(number // 2)
    if case.query:
        case.query.pop("encoding", None)


@schemathesis.hook
def after_call(context, case, response) -> None:
    with open(os.environ["STELE_TALLY"], "a", encoding="utf-8") as tally:
        tally.write(f"{case.operation.definition.raw['operationId']} {response.status_code}\n")

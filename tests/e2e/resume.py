#!/usr/bin/env python3
"""Subscriptions over server-sent events, WebSockets and gRPC, on a service that is killed again and again beside appenders.

Each of 14 subscribers (everything, a topic, a stream, a tag, a query; three of them slow) resumes from the newest token that it
was told, after kills, after letting go by itself and when it fell behind, and has to get each event of its choice once, in
order. histories/ is the program. STELE_COUNT events (40,000 unless told), STELE_SEED replays the choices.
"""

from harness import count_wanted, run_cases
from histories import counted, history

KILLS = 5


def each_event_comes_once_and_in_order() -> str:
    told = history("resume", count_wanted(40_000), KILLS)
    assert counted(told, "kills") == KILLS, told
    return told.splitlines()[-1]


if __name__ == "__main__":
    run_cases(each_event_comes_once_and_in_order)

#!/usr/bin/env python3
"""The flights example, folded in this process' store: everything that another program computed from the file alone
(examples/flights/answers-2013-01.json) is reproduced, in memory and in SQLite; with the lines shuffled the answers as of
event times are those of a plain loop over the lines; every departure stands in the weather of the hour; each broken continuity
is raised once."""

import json
from pathlib import Path

from flights_program import EXAMPLE, Flights
from harness import run_cases, seeded, temp_folder
from history import history_lines

WANTED = json.loads((EXAMPLE / "answers-2013-01.json").read_text())
TIMES = list(WANTED["carriers_as_of_event_time"])
COUNTS = list(WANTED["carriers_after_first_n_events"])
STREAMS = list(WANTED["aircraft_as_of_event_time"])
WINDY_MPH = 20


def answers(flights: Flights, out: Path, counts: list[str], *flags: str) -> dict:
    flights.run("answers", out, "--times", ",".join(TIMES), "--counts", ",".join(counts), "--aircraft", ",".join(STREAMS), *flags)
    return json.loads(out.read_text())


def aircraft_by_loop(events: list[dict], stream: str, until: str) -> dict:
    state = {"events": 0, "flights": 0, "miles": 0, "where": None, "airborne": False}
    for event in events:
        if event["subject"] != stream or event["time"] > until:
            continue
        state["events"] += 1
        if event["type"] == "FlightDeparted":
            state.update(flights=state["flights"] + 1, where=event["data"]["origin"], airborne=True)
        elif event["type"] == "FlightLanded":
            state.update(miles=state["miles"] + event["data"]["distance_miles"], where=event["data"]["destination"], airborne=False)
    return state


def the_answers_are_reproduced_in_memory_and_in_sqlite() -> str:
    with temp_folder("answers") as folder:
        for store in ("memory", "sqlite"):
            flights = Flights(folder / store)
            flights.load(history_lines())
            assert answers(flights, folder / f"{store}.json", COUNTS, "--store", store) == WANTED
            # Once more, by a process that finds the states there, and snapshots to begin from.
            assert answers(flights, folder / "again.json", COUNTS, "--store", store) == WANTED
    return f"{len(TIMES)} times, {len(COUNTS)} positions, {len(STREAMS)} aircraft, twice each, in two stores"


def shuffled_lines_give_the_same_as_of_event_times() -> str:
    shuffled = history_lines()
    seeded().shuffle(shuffled)
    events = [json.loads(line) for line in shuffled]
    with temp_folder("shuffled") as folder:
        flights = Flights(folder / "data")
        flights.load(shuffled)
        found = answers(flights, folder / "found.json", [])
    assert found["carriers_as_of_event_time"] == WANTED["carriers_as_of_event_time"]
    for stream, by_time in found["aircraft_as_of_event_time"].items():
        for time, state in by_time.items():
            sums = WANTED["aircraft_as_of_event_time"][stream][time]
            assert all(state[name] == sums[name] for name in ("events", "flights", "miles")), (stream, time, state)
            # Of two events that came in the wrong order the later position counts.
            assert state == aircraft_by_loop(events, stream, time), (stream, time, state)
    return f"{len(TIMES)} times"


def departures_by_loop(events: list[dict]) -> dict:
    weather, airports = {}, {}
    for event in events:
        data = event["data"]
        if event["type"] == "WeatherObserved":
            weather[data["airport"]] = data
        if event["type"] != "FlightDeparted":
            continue
        state = airports.setdefault(data["origin"], dict.fromkeys(
            ("departed", "delay_minutes", "in_rain", "rain_delay_minutes", "in_wind", "wind_delay_minutes", "weather_unknown"), 0))
        state["departed"] += 1
        state["delay_minutes"] += data["delay_minutes"]
        now = weather.get(data["origin"])
        for name, delay, here in (("in_rain", "rain_delay_minutes", now and (now["precipitation_in"] or 0) > 0),
                                  ("in_wind", "wind_delay_minutes", now and (now["wind_mph"] or 0) >= WINDY_MPH)):
            state[name] += 1 if here else 0
            state[delay] += data["delay_minutes"] if here else 0
        state["weather_unknown"] += 0 if now else 1
    return airports


def broken_by_loop(events: list[dict]) -> list[dict]:
    departed, broken = {}, []
    for event in events:
        stream, data = event["subject"], event["data"]
        if event["type"] == "FlightLanded":
            departed.pop(stream, None)
        if event["type"] != "FlightDeparted" or stream.startswith("unassigned-"):
            continue
        if stream in departed:
            broken.append({"aircraft": stream, "flight": data["flight"], "origin": data["origin"], "departed_before": departed[stream]})
        departed[stream] = data["origin"]
    return broken


def departures_join_the_weather_and_broken_continuity_is_raised_once() -> str:
    events = [json.loads(line) for line in history_lines()]
    with temp_folder("joined") as folder:
        flights = Flights(folder / "data")
        flights.load(history_lines())
        first, again = flights.dump(folder / "first"), flights.dump(folder / "again")
    assert first == again
    rows = [line.split(" ", 2) for line in first.splitlines() if line]
    assert {key: json.loads(text) for name, key, text in rows if name == "departures"} == departures_by_loop(events)
    alerts = [json.loads(text) for name, _, text in rows if name == "alert"]
    assert alerts == broken_by_loop(events)
    return f"{len(events)} events, {len(alerts)} alerts"


if __name__ == "__main__":
    run_cases(the_answers_are_reproduced_in_memory_and_in_sqlite, shuffled_lines_give_the_same_as_of_event_times,
              departures_join_the_weather_and_broken_continuity_is_raised_once)

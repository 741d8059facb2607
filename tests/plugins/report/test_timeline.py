"""The picture of simulated time: what a pin did, where, and never too much of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_report.timeline import Timeline, Track, timeline
from lockgate_report.units import count, duration, round_places, seconds, size
from tests.support.report import CONTRACT, simulation


def drawn(*events: dict[str, Any], duration_us: float = 1000, **rest: Any) -> Timeline:
    value: dict[str, Any] = {"duration_us": duration_us, "events": list(events), **rest}
    found = timeline(value, CONTRACT)
    assert found is not None
    return found


def pin(at: float, **fields: Any) -> dict[str, Any]:
    return {"at_us": at, "kind": "pin", "pin": "13", "by": "device", **fields}


def shape(track: Track) -> list[tuple[str, str, float, float]]:
    return [
        (s.level, s.driven, round(s.start, 3), round(s.width, 3))
        for s in track.segments
    ]


def test_a_level_lasts_until_the_next_edge() -> None:
    picture = drawn(pin(0, mode="output"), pin(250, level=1), pin(750, level=0))

    assert shape(picture.tracks[0]) == [
        ("low", "device", 0, 25),
        ("high", "device", 25, 50),
        ("low", "device", 75, 25),
    ]
    assert [s.edge for s in picture.tracks[0].segments] == [False, True, True]


def test_a_pin_is_unknown_before_the_firmware_sets_it() -> None:
    picture = drawn(pin(500, mode="output"))

    assert shape(picture.tracks[0])[0] == ("unknown", "nobody", 0, 50)
    assert not picture.tracks[0].segments[1].edge


def test_a_pulled_up_input_rests_high_and_shows_who_drives_it() -> None:
    picture = drawn(
        pin(0, mode="input_pullup"),
        pin(250, level=0, by="world"),
        pin(500, level=None, by="world"),
    )

    assert shape(picture.tracks[0]) == [
        ("high", "nobody", 0, 25),
        ("low", "world", 25, 25),
        ("high", "nobody", 50, 50),
    ]


def test_a_square_wave_has_its_duty_and_frequency() -> None:
    picture = drawn(
        pin(0, mode="pwm"),
        pin(0, freq_hz=500, duty_percent=75.0),
        pin(900, duty_percent=0),
    )
    wave, low = picture.tracks[0].segments

    assert (wave.level, wave.fill, wave.label) == ("wave", 0.75, "75 % 500 Hz")
    assert low.level == "low"


def test_an_analog_value_is_a_step_at_its_height() -> None:
    event = {"at_us": 0, "kind": "analog", "pin": "A0", "value": 512, "max": 1024}
    (segment,) = drawn(event).tracks[0].segments

    assert (segment.level, segment.fill, segment.label) == ("analog", 0.5, "512")


def test_pins_stand_in_the_order_of_the_contract_with_their_names() -> None:
    picture = timeline(simulation(), CONTRACT)

    assert picture is not None
    assert [(track.name, track.detail) for track in picture.tracks] == [
        ("13", "led_13 · output"),
        ("2", "button_2 · input_pullup"),
        ("3", "motor_3 · pwm"),
        ("A0", "analog"),
        ("serial to device", "rx"),
        ("serial from device", "tx"),
        ("checks", ""),
    ]


def test_the_description_tells_what_the_picture_shows() -> None:
    picture = drawn(pin(0, mode="output"), pin(100, level=1), pin(200, level=0))

    told = "1 pin over 1 ms of virtual time. Pin 13 changes 2 times."
    assert picture.description == told


def test_lines_that_are_close_together_share_a_counted_mark() -> None:
    lines = [{"at_us": 500 + n, "kind": "rx", "line": f"led {n}"} for n in range(8)]
    (track,) = drawn(*lines).tracks
    (mark,) = track.marks

    assert (mark.count, mark.label) == (8, "8×")
    assert mark.title.startswith("500 µs led 0; 501 µs led 1")
    assert mark.title.endswith("… 2 more")


def test_a_failed_check_is_seen_among_passed_ones() -> None:
    verdicts = [
        {"name": "a", "passed": True, "at_us": 500},
        {"name": "b", "passed": False, "at_us": 501},
    ]
    mark = drawn(verdicts=verdicts).tracks[0].marks[0]

    assert (mark.kind, mark.title) == ("fail", "1 of 2 failed: b")


def test_a_check_without_a_verdict_did_not_pass() -> None:
    assert drawn(verdicts=[{"name": "a"}]).tracks[0].marks[0].kind == "fail"


def test_thousands_of_edges_become_blocks_with_a_note() -> None:
    edges = [pin(n, level=n % 2) for n in range(20_000)]
    picture = drawn(*edges, duration_us=20_000)
    (track,) = picture.tracks

    assert len(track.segments) < 600
    assert {s.level for s in track.segments} == {"busy"}
    assert "too close to be drawn" in picture.notes[0]


def test_a_quiet_stretch_stays_visible_among_busy_ones() -> None:
    edges = [pin(n, level=n % 2) for n in [*range(5_000), *range(15_000, 20_000)]]
    levels = [s.level for s in drawn(*edges, duration_us=20_000).tracks[0].segments]

    assert levels == ["busy", "high", "busy"]


def test_two_pictures_can_share_one_axis() -> None:
    value: dict[str, Any] = {"duration_us": 500, "events": [pin(0, mode="output")]}
    picture = timeline(value, CONTRACT, 1000)

    assert picture is not None
    assert picture.ticks[-1].label == "1 ms"
    assert shape(picture.tracks[0]) == [("low", "device", 0, 50)]


def test_a_simulation_without_time_has_no_picture() -> None:
    assert timeline({"events": [], "duration_us": 0}, {}) is None


events = st.fixed_dictionaries(
    {"kind": st.sampled_from(["pin", "analog", "rx", "tx", "mark", "odd"])},
    optional={
        "at_us": st.floats() | st.integers(),
        "pin": st.sampled_from(["1", "2", "A0"]) | st.integers(0, 3),
        "level": st.none() | st.integers(0, 1) | st.text(max_size=2),
        "mode": st.sampled_from(["output", "pwm", "input_pullup", "x"]),
        "duty_percent": st.floats(),
        "freq_hz": st.floats(),
        "value": st.floats(),
        "max": st.floats(),
        "by": st.sampled_from(["world", "device"]),
        "line": st.text(max_size=40),
    },
)


@given(st.lists(events, max_size=40), st.floats() | st.integers())
def test_whatever_the_events_all_shapes_lie_within_the_picture(
    found: list[dict[str, Any]], length: float
) -> None:
    picture = timeline({"duration_us": length, "events": found, "verdicts": found}, {})
    for track in picture.tracks if picture else ():
        for segment in track.segments:
            assert 0 <= segment.start <= segment.start + segment.width <= 100.001
            assert 0 <= segment.fill <= 1
        assert all(0 <= mark.at <= 100 for mark in track.marks)


# -- units ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (20, "20 µs"),
        (12_500, "12.5 ms"),
        (4_899_413, "4.9 s"),
        (120e6, "120 s"),
    ],
)
def test_a_virtual_time_is_shown_in_its_unit(value: float, shown: str) -> None:
    assert duration(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.0002, "<1 ms"), (0.25, "250 ms"), (1.5, "1.5 s"), (125, "2 min 5 s")],
)
def test_a_time_of_the_clock_is_shown_in_its_unit(value: float, shown: str) -> None:
    assert seconds(value) == shown


def test_sizes_and_counts_are_shown_as_a_reader_wants_them() -> None:
    assert [size(512), size(5_325), size(3 << 20)] == ["512 B", "5.2 KiB", "3.0 MiB"]
    assert [count(1, "finding"), count(1200, "check")] == ["1 finding", "1 200 checks"]


@given(st.floats(1e-6, 1e15))
def test_an_axis_has_a_few_round_places(end: float) -> None:
    places = round_places(end)

    assert 2 <= len(places) <= 6
    assert places[0] == 0
    assert places[-1] < end

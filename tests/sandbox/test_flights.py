"""The table of calls under way: what may come, and what is refused, without IO."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_sandbox import MessageLimitError, SandboxError, StreamLimitError
from lockgate_sandbox._line.flights import CREDIT, Flight, Flights
from lockgate_sandbox._wire.frame import Kind
from lockgate_sandbox._wire.scan import FrameError

LIMIT = 1000


@pytest.fixture
def flights() -> Flights:
    table = Flights(LIMIT)
    table.built()
    return table


def _open(flights: Flights) -> Flight:
    return flights.open(1.0, 10.0)


def test_ids_are_many_and_all_different(flights: Flights) -> None:
    ids = {_open(flights).call for _ in range(5000)}
    assert len(ids) == 5000
    assert {len(one) for one in ids} == {8}


def test_an_answer_ends_its_call_and_no_other(flights: Flights) -> None:
    one, two = _open(flights), _open(flights)
    flights.route([int(Kind.REPLY), one.call, 5], 10, one)
    assert (one.done, one.answer) == (True, [7, one.call, 5])
    assert not two.done
    assert list(flights.table) == [two.call]


@pytest.mark.parametrize("kind", [Kind.REPLY, Kind.RAISE, Kind.ASK, Kind.ITEM])
def test_a_second_answer_is_refused(flights: Flights, kind: Kind) -> None:
    one = _open(flights)
    flights.route([int(Kind.REPLY), one.call, 5], 10, one)
    fill = {Kind.REPLY: 1, Kind.RAISE: 4, Kind.ASK: 3, Kind.ITEM: 1}[kind]
    with pytest.raises(FrameError, match="late, repeated or forged"):
        flights.route([int(kind), one.call, *[1] * fill], 10, one)


@pytest.mark.parametrize(
    "kind",
    [Kind.START, Kind.CALL, Kind.ANSWER, Kind.READY, Kind.NOTE, Kind.FAILED, 99, -1],
)
def test_a_kind_that_only_others_send_is_refused(flights: Flights, kind: int) -> None:
    one = _open(flights)
    with pytest.raises(FrameError, match="may not come now"):
        flights.route([int(kind), one.call, 1], 10, one)


@pytest.mark.parametrize("call", [b"", b"x" * 8, "text", None, 5, [b"x"], {}])
def test_an_unknown_id_is_refused(flights: Flights, call: object) -> None:
    with pytest.raises(FrameError, match="another call's id"):
        flights.route([int(Kind.REPLY), call, 1], 10, None)


def test_callbacks_come_in_their_order(flights: Flights) -> None:
    one = _open(flights)
    flights.route([int(Kind.ASK), one.call, 1, "a", {}], 10, one)
    for sequence in (1, 3, 0, True, "2"):
        with pytest.raises(FrameError, match="out of order"):
            flights.route([int(Kind.ASK), one.call, sequence, "a", {}], 10, one)
        one.sequence = 1


def test_an_item_needs_a_stream_and_credit(flights: Flights) -> None:
    one = _open(flights)
    with pytest.raises(FrameError, match="no stream"):
        flights.route([int(Kind.ITEM), one.call, 1], 10, one)
    from collections import deque

    one.items, one.may_receive = deque(), 2
    for n in range(2):
        flights.route([int(Kind.ITEM), one.call, n], 10, one)
    with pytest.raises(StreamLimitError) as caught:
        flights.route([int(Kind.ITEM), one.call, 2], 10, one)
    assert caught.value.code == "stream-limit"


@pytest.mark.parametrize("count", [0, -1, CREDIT + 1, True, "1", 1.0, None])
def test_credit_for_nothing_is_refused(flights: Flights, count: object) -> None:
    one = _open(flights)
    one.streams = True
    with pytest.raises(FrameError, match="CREDIT"):
        flights.route([int(Kind.CREDIT), one.call, count], 10, one)


def test_credit_can_not_be_saved_up(flights: Flights) -> None:
    one = _open(flights)
    one.streams, one.may_send = True, 10
    flights.route([int(Kind.CREDIT), one.call, 6], 10, one)
    with pytest.raises(FrameError, match="CREDIT"):
        flights.route([int(Kind.CREDIT), one.call, 1], 10, one)


def test_answers_that_nobody_takes_are_bounded(flights: Flights) -> None:
    reader = _open(flights)
    for _ in range(4):
        flights.route([int(Kind.REPLY), _open(flights).call, 1], LIMIT, reader)
    late = _open(flights)
    with pytest.raises(MessageLimitError):
        flights.route([int(Kind.REPLY), late.call, 1], LIMIT, reader)


def test_answers_that_were_taken_make_room(flights: Flights) -> None:
    reader = _open(flights)
    for _ in range(50):
        one = _open(flights)
        flights.route([int(Kind.REPLY), one.call, 1], LIMIT, reader)
        flights.taken(one.frame_bytes)


_JUNK = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 20) | st.text(max_size=3) | st.binary(),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(rest=st.lists(_JUNK, max_size=6), real=st.booleans(), kind=st.integers(0, 20))
def test_whatever_comes_is_routed_or_refused(
    rest: list[Any], real: bool, kind: int
) -> None:
    flights = Flights(LIMIT)
    flights.built()
    one = _open(flights)
    frame = [kind, *([one.call] if real else []), *rest]
    try:
        flights.route(frame, 10, one)
    except (FrameError, SandboxError):
        return
    assert one.done or one.asks


def test_a_start_that_failed_ends_all_that_came_behind_it() -> None:
    flights, told = Flights(LIMIT), list[Any]()
    flights.failed = told.append
    start = flights.enter(b"x" * 8, 1.0, 10.0, both=True)
    behind = _open(flights)
    frame: list[Any] = [int(Kind.FAILED), behind.call, "target", {}]
    with pytest.raises(FrameError, match="not about the start"):
        flights.route(frame, 10, None)
    frame = [int(Kind.FAILED), start.call, "target", {}]
    flights.route(frame, 10, behind)
    assert (start.answer, behind.answer, told) == (frame, frame, [frame])
    assert not flights.table


@pytest.mark.parametrize("kind", [Kind.RAISE, Kind.ITEM, Kind.CREDIT, Kind.READY])
def test_a_start_by_itself_raises_and_streams_nothing(kind: Kind) -> None:
    flights = Flights(LIMIT)
    start = flights.enter(b"x" * 8, 1.0, 10.0)
    with pytest.raises(FrameError, match="may not come now"):
        flights.route([int(kind), start.call, 1], 10, start)


def test_after_the_answer_to_both_no_start_can_fail() -> None:
    flights = Flights(LIMIT)
    start = flights.enter(b"x" * 8, 1.0, 10.0, both=True)
    flights.land(start, [int(Kind.REPLY), start.call, 5])
    later = _open(flights)
    with pytest.raises(FrameError, match="may not come now"):
        flights.route([int(Kind.FAILED), later.call, "target", 1], 10, None)

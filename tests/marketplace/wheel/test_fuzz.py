"""Damaged and mutated wheels: refused with a code, or read as everybody reads them."""

from __future__ import annotations

import io
import zipfile
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from lockgate_marketplace.codes import CODES
from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Limits, Wheel, WheelName, judge
from tests.support.wheels import Draft, forge, wheel_filename
from tests.support.zips import End, Entry

NAME = WheelName.parse(wheel_filename("evil"))
# Mutations make headers lie; nothing of it may cost more than this.
LIMITS = Limits(files=100, file_bytes=200_000, total_bytes=500_000)
MARKS = [b"PK\1\2", b"PK\3\4", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"PK\7\x08"]


@cache
def seeds() -> tuple[bytes, ...]:
    files = {
        "evil/__init__.py": "x = 1\n" * 40,
        "evil/ü.txt": "ü",
        "evil/c.bin": b"\0" * 50,
    }
    points = {"console_scripts": {"evil": "evil:main"}}
    zip64 = Draft("evil")
    zip64.add("evil/__init__.py", "x = 1\n")
    return (
        forge("evil", files=files, entry_points=points, scripts={"run": "#!/bin/sh\n"}),
        forge("evil", files=files, deflate=False, manifest="schema = 1\n"),
        zip64.seal().pack(End(zip64=True)),
    )


def judged(raw: bytes) -> Wheel | None:
    try:
        return judge(raw, NAME, limits=LIMITS)
    except WheelError as error:
        check_refusal(error)
        return None


def check_refusal(error: WheelError) -> None:
    assert error.code in CODES
    assert error.where.isprintable()


def check_alike(raw: bytes, wheel: Wheel) -> None:
    """Zipfile must see the same members with the same bytes."""
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        theirs = {name: archive.read(name) for name in names}
    assert len(names) == len(theirs) == len(wheel.members)
    stem = wheel.dist_info.removesuffix(".dist-info")
    for member in wheel.members:
        folders = ("scripts",) if member.area == "bin" else ("purelib", "platlib")
        moved = [f"{stem}.data/{folder}/{member.path}" for folder in folders]
        (name,) = [n for n in (member.path, *moved) if n in theirs]
        if not name.endswith(".dist-info/RECORD"):
            assert wheel.read(member) == theirs[name]


MUTATION = st.one_of(
    st.tuples(st.just("flip"), st.floats(0, 1), st.integers(1, 255)),
    st.tuples(st.just("set"), st.floats(0, 1), st.sampled_from([0, 1, 8, 0x7F, 0xFF])),
    st.tuples(st.just("cut"), st.floats(0, 1), st.integers(1, 60)),
    st.tuples(st.just("copy"), st.floats(0, 1), st.integers(1, 200)),
    st.tuples(st.just("mark"), st.floats(0, 1), st.integers(0, len(MARKS) - 1)),
    st.tuples(st.just("tail"), st.floats(0, 1), st.integers(1, 40)),
)


def mutated(raw: bytes, changes: list[tuple[str, float, int]]) -> bytes:
    data = bytearray(raw)
    for kind, share, number in changes:
        at = int(share * max(0, len(data) - 1))
        if kind == "flip" and data:
            data[at] ^= number
        elif kind == "set" and data:
            data[at : at + 4] = bytes([number]) * len(data[at : at + 4])
        elif kind == "cut":
            del data[at : at + number]
        elif kind == "copy":
            data[at:at] = data[at : at + number]
        elif kind == "mark":
            data[at : at + 4] = MARKS[number]
        elif kind == "tail":
            data += data[-number:]
    return bytes(data)


@settings(max_examples=250)
@given(st.integers(0, 2), st.lists(MUTATION, min_size=1, max_size=4))
def test_a_mutated_wheel_is_refused_or_read_as_zipfile_reads_it(
    seed: int, changes: list[tuple[str, float, int]]
) -> None:
    raw = mutated(seeds()[seed], changes)
    wheel = judged(raw)
    if wheel is not None:
        check_alike(raw, wheel)


def test_the_seeds_are_let_in() -> None:
    for raw in seeds():
        wheel = judged(raw)
        assert wheel is not None
        check_alike(raw, wheel)


@given(st.binary(max_size=300), st.sampled_from([b"", *MARKS]))
def test_no_bytes_break_the_gate(raw: bytes, mark: bytes) -> None:
    assert judged(mark + raw) is None
    assert judged(raw + b"PK\5\6" + bytes(18)) is None


FIELD = st.sampled_from([0, 1, 2, 20, 0xFFFF, 0xFFFFFFFF])
HEADERS = st.fixed_dictionaries(
    {},
    optional={
        "flags": st.sampled_from([0, 1, 2, 8, 0x800]),
        "method": st.sampled_from([0, 8, 12]),
        "size": FIELD,
        "packed_size": FIELD,
        "crc": FIELD,
        "offset": FIELD,
        "deflate": st.booleans(),
        "hidden": st.booleans(),
        "ghost": st.booleans(),
        "times": st.integers(1, 2),
        "extra": st.binary(max_size=24),
        "local_extra": st.binary(max_size=24),
        "after": st.binary(max_size=16),
        "attributes": st.integers(0, 0xFFFFFFFF),
    },
)
ENDS = st.fixed_dictionaries(
    {},
    optional={
        "prefix": st.binary(max_size=5),
        "comment": st.binary(max_size=5),
        "suffix": st.binary(max_size=5),
        "count": st.integers(0, 9),
        "central_size": st.integers(0, 900),
        "central_offset": st.integers(0, 2000),
        "zip64": st.booleans(),
        "sentinels": st.booleans(),
    },
)


@settings(max_examples=250)
@given(
    st.text(alphabet="a/.\\:ü\0 E", max_size=5),
    st.binary(max_size=20),
    HEADERS,
    ENDS,
)
def test_a_wheel_with_any_headers_is_refused_or_read_as_zipfile_reads_it(
    name: str, body: bytes, headers: dict[str, int], end: dict[str, int]
) -> None:
    draft = Draft("evil")
    draft.entries.append(Entry(f"evil/{name}", body, **headers))  # type: ignore[arg-type]
    raw = draft.seal().pack(End(**end))  # type: ignore[arg-type]
    wheel = judged(raw)
    if wheel is not None:
        check_alike(raw, wheel)

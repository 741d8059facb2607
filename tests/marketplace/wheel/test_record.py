"""RECORD: every member once, by a strong hash, in one spelling."""

from __future__ import annotations

import base64
import csv
import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import WheelName, judge
from lockgate_marketplace.wheel._record import read_record, record_text
from tests.support.wheels import Draft, record_line

NAME = WheelName.parse("evil-1.0-py3-none-any.whl")
BODY = b"x = 1\n"
FILE = "evil/__init__.py"


def draft() -> Draft:
    made = Draft("evil")
    made.add(FILE, BODY)
    return made


def code_of(made: Draft) -> str:
    with pytest.raises(WheelError) as refused:
        judge(made.pack(), NAME)
    return refused.value.code


def hashed(algorithm: str, body: bytes = BODY) -> str:
    digest = hashlib.new(algorithm, body).digest()
    return f"{algorithm}={base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def hexadecimal() -> str:
    return f"sha256={hashlib.sha256(BODY).hexdigest()}"


ROWS: dict[str, tuple[list[list[str]], str]] = {
    "hash wrong": ([record_line(FILE, b"other\n")], "wheel-record-hash"),
    "size wrong": ([[FILE, hashed("sha256"), "7"]], "wheel-record-hash"),
    "size missing": ([[FILE, hashed("sha256"), ""]], "wheel-record"),
    "size signed": ([[FILE, hashed("sha256"), "+6"]], "wheel-record"),
    "size of other digits": ([[FILE, hashed("sha256"), "٦"]], "wheel-record"),
    "size enormous": ([[FILE, hashed("sha256"), "9" * 5000]], "wheel-record"),
    "no hash": ([[FILE, "", "6"]], "wheel-record-weak"),
    "md5": ([[FILE, hashed("md5"), "6"]], "wheel-record-weak"),
    "sha1": ([[FILE, hashed("sha1"), "6"]], "wheel-record-weak"),
    "hash by hexadecimal": ([[FILE, hexadecimal(), "6"]], "wheel-record"),
    "hash padded": ([[FILE, hashed("sha256") + "=", "6"]], "wheel-record"),
    "unknown hash": ([[FILE, "crc=x", "6"]], "wheel-record-weak"),
    "twice": ([record_line(FILE, BODY)] * 2, "wheel-record-twice"),
    "twice, other hash": (
        [record_line(FILE, b""), record_line(FILE, BODY)],
        "wheel-record-twice",
    ),
    "two spellings": (
        [record_line(FILE, BODY), record_line(f"./{FILE}", BODY)],
        "wheel-record-absent",
    ),
    "absolute": ([record_line(f"/{FILE}", BODY)], "wheel-record-absent"),
    "backslash": ([record_line("evil\\__init__.py", BODY)], "wheel-record-absent"),
    "case": ([record_line("evil/__INIT__.py", BODY)], "wheel-record-absent"),
    "ghost": (
        [record_line(FILE, BODY), record_line("evil/ghost.py", b"")],
        "wheel-record-absent",
    ),
    "itself hashed": ([record_line("evil-1.0.dist-info/RECORD", b"")], "wheel-record"),
    "itself twice": ([["evil-1.0.dist-info/RECORD", "", ""]], "wheel-record-twice"),
    "two fields": ([[FILE, hashed("sha256")]], "wheel-record"),
    "four fields": ([[FILE, hashed("sha256"), "6", ""]], "wheel-record"),
    "a line end in a name": ([[f"{FILE}\nx", "", ""]], "wheel-record"),
    "not listed": ([], "wheel-record-unlisted"),
}


@pytest.mark.parametrize(("rows", "code"), ROWS.values(), ids=ROWS)
def test_a_record_that_does_not_vouch_for_the_wheel_is_refused(
    rows: list[list[str]], code: str
) -> None:
    made = draft()
    others = [row for row in made.rows() if row[0] != FILE]

    assert code_of(made.seal([*others, *rows])) == code


RAW: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "wheel-record"),
    "not UTF-8": (b"\xff,,\n", "wheel-record"),
    "byte-order mark": (b"\xef\xbb\xbfa,,\n", "wheel-record"),
    "NUL": (b"evil/__init__.py\0,,\n", "wheel-record"),
    "bare CR": (b"evil/__init__.py,,\rx,,\n", "wheel-record"),
    "quote left open": (b'"evil/__init__.py,,\n', "wheel-record"),
    "quote within": (b'ev"il/__init__.py,,\n', "wheel-record-absent"),
    "text behind a quote": (b'"evil"/__init__.py,,\n', "wheel-record"),
    "blank line": (b"\nevil/__init__.py,,\n", "wheel-record"),
    "no row of its own": (b"", "wheel-record"),
    "too large": (b"x" * 17_000_000, "wheel-record"),
    "lines without end": (b"\n" * 5_000_000, "wheel-record"),
    "line too long": (b"x" * 5000 + b",,\n", "wheel-record"),
}


@pytest.mark.parametrize(("raw", "code"), RAW.values(), ids=RAW)
def test_a_record_that_is_no_plain_table_is_refused(raw: bytes, code: str) -> None:
    made = draft().seal()
    made.entry("RECORD").data = raw

    assert code_of(made) == code


def test_a_wheel_without_record_is_refused() -> None:
    assert code_of(draft()) == "wheel-record"


@pytest.mark.parametrize("name", ["RECORD.jws", "RECORD.p7s", "record.JWS"])
def test_a_signature_that_nothing_verifies_is_refused(name: str) -> None:
    made = draft()
    made.add(f"evil-1.0.dist-info/{name}", b"{}")

    assert code_of(made.seal()) == "wheel-record-signature"


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_strong_hashes_are_let_in(algorithm: str) -> None:
    made = draft()
    others = [row for row in made.rows() if row[0] != FILE]
    made.seal([*others, [FILE, hashed(algorithm), "6"]])

    wheel = judge(made.pack(), NAME)

    (member,) = [m for m in wheel.members if m.path == FILE]
    assert member.sha256 == hashlib.sha256(BODY).hexdigest()


def test_lines_may_end_as_windows_ends_them_and_names_be_quoted() -> None:
    made = draft()
    made.add('evil/a,"b".txt', b"")
    made.seal()
    record = made.entry("RECORD")
    record.data = record.data.replace(b"\n", b"\r\n")

    assert judge(made.pack(), NAME)


PATHS = st.text(alphabet='ab/,"\n\r \t;', min_size=1, max_size=6)


@given(st.lists(st.tuples(PATHS, st.text(max_size=5), st.text(max_size=3)), max_size=5))
def test_rows_that_are_let_in_are_read_as_csv_reads_them(
    rows: list[tuple[str, str, str]],
) -> None:
    text = io.StringIO()
    digest = hashed("sha256")
    csv.writer(text, lineterminator="\n").writerows(
        [*((path, digest, "6") for path, _, _ in rows), ("RECORD", "", "")]
    )
    try:
        found = read_record(
            text.getvalue().encode(), "RECORD", [*PATHS_OF(rows), "RECORD"]
        )
    except WheelError:
        return

    theirs = [row[0] for row in csv.reader(io.StringIO(text.getvalue(), newline=""))]
    assert [*found, "RECORD"] == theirs


def PATHS_OF(rows: list[tuple[str, str, str]]) -> list[str]:
    return [path for path, _, _ in rows]


@given(st.lists(PATHS, unique=True, max_size=5))
def test_a_record_written_anew_is_read_as_it_was_meant(paths: list[str]) -> None:
    plain = [path for path in paths if path.isprintable()]
    raw = record_text((path, "sha256=x", "1") for path in plain).decode()

    assert [row[0] for row in csv.reader(io.StringIO(raw, newline=""))] == plain


@given(st.binary(max_size=60))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    try:
        read_record(raw, "RECORD", ["RECORD"])
    except WheelError:
        return
    assert raw.startswith((b"RECORD,,", b'"RECORD",'))

"""`lockgate.lock`: exact when read, the same when written, and enough for PEP 751."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.pylock import Pylock

from lockgate.documents import parse_document
from lockgate_marketplace.errors import LockFileError
from lockgate_marketplace.identity import UNPROVEN, Identity
from lockgate_marketplace.lock import (
    Lock,
    LockedPlugin,
    LockedWheel,
    differences,
    parse_lock,
    read_lock,
    to_pylock,
    to_text,
    write_lock,
)

QUICK = settings(max_examples=40, deadline=None)
NAMES = st.from_regex(r"[a-z0-9]{1,6}(-[a-z0-9]{1,6})?", fullmatch=True)
VERSIONS = st.from_regex(r"[1-9][0-9]{0,2}\.[0-9](\.post[1-9])?", fullmatch=True)
HASHES = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)
RIGHTS = st.one_of(
    st.just("workers"),
    st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"]), min_size=1)
    .filter(lambda text: "\x7f" not in text)
    .map(lambda text: f"read:/{text}"),
)


TIMES = st.sampled_from(["", "2026-11-28T10:00:00Z"])
WORDS = st.from_regex(r"[a-zA-Z0-9/:._-]{0,20}", fullmatch=True)
IDENTITIES = st.just(UNPROVEN) | st.builds(
    Identity,
    st.sampled_from(["attestation", "key"]),
    WORDS,
    st.from_regex(r"[0-9]{1,9}", fullmatch=True),
    WORDS,
    WORDS,
)


def wheel(name: str, version: str = "1.0", sha256: str = "ab" * 32) -> LockedWheel:
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return LockedWheel(name, version, filename, sha256)


def plugin(name: str, version: str = "1.0", *more: LockedWheel) -> LockedPlugin:
    return LockedPlugin(name, version, (name,), (wheel(name, version), *more))


@st.composite
def locks(draw: st.DrawFn) -> Lock:
    entries: list[LockedPlugin] = []
    for name in sorted(draw(st.sets(NAMES, max_size=3))):
        others = sorted(draw(st.sets(NAMES, max_size=3)) - {name})
        wheels = [
            replace(
                wheel(one, draw(VERSIONS), draw(HASHES)),
                index=draw(st.just("") | NAMES),
                identity=draw(IDENTITIES),
            )
            for one in (name, *others)
        ]
        rights = tuple(draw(st.lists(RIGHTS, max_size=3)))
        entry = LockedPlugin(
            name,
            wheels[0].version,
            (name,),
            tuple(wheels),
            rights,
            draw(st.sampled_from(["", ">=1,<2"])),
            draw(st.just("") | HASHES),
            draw(st.just("") | st.from_regex(r"[0-9a-f]{24}", fullmatch=True)),
            draw(TIMES),
            draw(st.just("") | HASHES),
        )
        entries.append(entry)
    return Lock(tuple(entries))


def code_of(raw: bytes) -> str:
    """What it is refused with, if it is."""
    try:
        parse_lock(raw)
    except LockFileError as error:
        return error.code
    return ""


@QUICK
@given(locks())
def test_what_is_written_is_read_again(lock: Lock) -> None:
    text = to_text(lock)

    assert parse_lock(text.encode()) == lock
    assert to_text(parse_lock(text.encode())) == text
    assert differences(lock, lock) == ()


@QUICK
@given(st.one_of(st.binary(max_size=300), st.text(max_size=300).map(str.encode)))
def test_any_other_bytes_are_refused_with_a_code(raw: bytes) -> None:
    with pytest.raises(LockFileError) as caught:
        parse_lock(raw)
    assert caught.value.code == "lock-invalid"


@QUICK
@given(locks(), st.data())
def test_a_changed_byte_never_makes_another_error(lock: Lock, data: Any) -> None:
    raw = bytearray(to_text(lock).encode())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] = data.draw(st.integers(0, 255))
    assert code_of(bytes(raw)) in ("", "lock-invalid")


GOOD = to_text(Lock((plugin("acme", "1.0", wheel("dep", "2.0")),)))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("schema = 2", "schema = 3", "its schema is 3, this lockgate reads 1 and 2"),
        ("schema = 2", "schema = true", "its schema is True"),
        ("schema = 2", "schema = 2\nmore = 1", "the file has not the keys"),
        ('plugins = ["acme"]', 'plugins = ["../x"]', "is no plugin's name"),
        ("acme-1.0-py3", "../acme-1.0-py3", "is no wheel's file name"),
        ("acme-1.0-py3", "other-1.0-py3", "is no file of acme"),
        ("dep-2.0-py3", "dep-2.1-py3", "is no file of dep"),
        ('version = "1.0"\nplugins', 'version = "1.1"\nplugins', "is not its own"),
        ("ab" * 32, "AB" * 32, "is no SHA-256"),
        ('version = "2.0"', 'version = "two"', "is no version"),
        ('name = "dep"', 'name = "Dep"', "is no distribution's name"),
        ("rights = [\n]", "rights = [1]", "1 is no right"),
        ("rights = [\n]", 'scan = "x"\nrights = []', "is no scan"),
        ("rights = [\n]", 'granted-at = "now"\nrights = []', "is no granted-at"),
        ("rights = [\n]", 'rights = ["a\\nb"]', "is no right"),
    ],
)
def test_what_is_not_exact_is_refused(old: str, new: str, reason: str) -> None:
    assert old in GOOD

    with pytest.raises(LockFileError) as caught:
        parse_lock(GOOD.replace(old, new, 1).encode(), where="a.lock")
    assert caught.value.code == "lock-invalid"
    assert reason in caught.value.message
    assert caught.value.where == "a.lock"


def test_a_table_twice_and_too_many_bytes_are_refused() -> None:
    entry = GOOD[GOOD.index("[[plugin]]") :]

    for raw in (GOOD + entry, "a = " + "." * 5_000_000, "a." * 9000 + "b = 1"):
        with pytest.raises(LockFileError) as caught:
            parse_lock(raw.encode())
        assert caught.value.code == "lock-invalid"


def test_a_lock_that_could_not_be_read_again_is_not_written() -> None:
    unordered = Lock((plugin("b"), plugin("a")))

    with pytest.raises(LockFileError, match="out of order"):
        to_text(unordered)


def test_a_file_that_is_not_there_or_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(LockFileError) as missing:
        read_lock(tmp_path / "lockgate.lock")
    with pytest.raises(LockFileError) as unwritable:
        write_lock(tmp_path / "none" / "lockgate.lock", GOOD)

    assert missing.value.code == "lock-missing"
    assert unwritable.value.code == "lock-unwritable"
    write_lock(tmp_path / "lockgate.lock", GOOD)
    assert read_lock(tmp_path / "lockgate.lock") == parse_lock(GOOD.encode())
    assert [path.name for path in tmp_path.iterdir()] == ["lockgate.lock"]


def test_differences_are_told_in_words() -> None:
    here = plugin("acme", "1.0", wheel("dep", "2.0"), wheel("old"))
    other = wheel("acme", "1.1", "cd" * 32)
    more = (wheel("dep", "2.0", "cd" * 32), wheel("new"))
    there = LockedPlugin("acme", "1.1", ("acme",), (other, *more))
    locked = Lock((replace(here, rights=("workers",)), plugin("gone")))
    present = Lock((there, plugin("surplus")))

    assert [one.message for one in differences(locked, present)] == [
        "acme 1.0 is locked, 1.1 is installed",
        "dep 2.0 is another file: cdcdcdcdcdcd…",
        "its environment has new 1.0, which is not locked",
        "its environment lacks old 1.0",
        "workers is locked as granted, and is not",
        "1.0 is locked and not installed",
        "1.0 is installed and not locked",
    ]


def test_the_export_is_a_pylock_that_packaging_takes() -> None:
    text = to_pylock(plugin("acme", "1.0", wheel("dep", "2.0")))
    document = parse_document(text.encode(), "toml", name="pylock.toml")
    assert isinstance(document, dict)

    read = Pylock.from_dict(document)

    assert [(p.name, str(p.version)) for p in read.packages] == [
        ("acme", "1.0"),
        ("dep", "2.0"),
    ]
    wheels = read.packages[0].wheels
    assert wheels is not None
    (file,) = wheels
    assert file.path == "acme-1.0-py3-none-any.whl"
    assert file.hashes == {"sha256": "ab" * 32}


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        ('"me"', "an identity is a table"),
        ('{ kind = "none" }', "proves nothing"),
        ('{ kind = "friend" }', "has a kind"),
        ('{ kind = "key", more = "1" }', "no other keys"),
        ('{ kind = "key", subject = 1 }', "subject is no text"),
        ('{ kind = "key", subject = "a\\nb" }', "printable"),
        ('{ kind = "key", names = { "A B" = "x" } }', "printable"),
    ],
)
def test_an_identity_that_is_none_is_refused(identity: str, reason: str) -> None:
    raw = GOOD.replace(
        f'sha256 = "{"ab" * 32}" }}',
        f'sha256 = "{"ab" * 32}", identity = {identity} }}',
    )
    assert raw != GOOD

    with pytest.raises(LockFileError, match=reason):
        parse_lock(raw.encode())


def test_who_made_a_wheel_and_whence_it_came_are_compared() -> None:
    by = [Identity("key", "ed25519", f"key {n}") for n in range(2)]
    one, two, none = (
        replace(plugin("acme"), wheels=(replace(wheel("acme"), index=i, identity=w),))
        for i, w in (("main", by[0]), ("other", by[1]), ("", UNPROVEN))
    )
    found = [d.message for d in differences(Lock((one,)), Lock((two,)))]

    assert found[0] == "acme is locked from the index main, and came from other"
    assert "key 0" in found[1]
    assert "key 1" in found[1]
    assert differences(Lock((one,)), Lock((none,))) == ()


def test_another_version_is_the_whole_difference() -> None:
    """That its source was judged otherwise goes without saying."""

    def lock(version: str, scan: str) -> Lock:
        file = f"acme-{version}-py3-none-any.whl"
        wheel = LockedWheel("acme", version, file, version[0] * 64)
        entry = LockedPlugin("acme", version, ("acme",), (wheel,), (), scan=scan)
        return Lock((entry,))

    (newer,) = differences(lock("1.0", "a" * 24), lock("2.0", "b" * 24))
    (judged,) = differences(lock("1.0", "a" * 24), lock("1.0", "b" * 24))

    assert newer.message == "acme 1.0 is locked, 2.0 is installed"
    assert judged.message.startswith("its source was judged otherwise")


def test_a_number_that_nobody_can_show_is_refused() -> None:
    with pytest.raises(LockFileError) as caught:
        parse_lock(b"schema = 0x" + b"f" * 6000)
    assert caught.value.code == "lock-invalid"

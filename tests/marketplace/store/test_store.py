"""The store: what goes in comes out, and nothing else does."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lockgate.installed import InstalledError
from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store import Store, StoredFile, StoredWheel
from lockgate_marketplace.store._record import (
    parse_record,
    read_record,
    record_bytes,
)
from tests.marketplace.store.conftest import install, judged
from tests.support.wheels import forge_file

ACME = judged("acme", "1.0", manifest=True, scripts={"tool": "#!/bin/sh\nexit 7\n"})
LIBRARY = judged("library", files={"library/__init__.py": "x = 1\n"})


def codes(store: Store) -> dict[str, str]:
    """Each damage of what is in force: file name and message."""
    return {Path(d.where).name: d.message for d in store.verify() if d.used}


def test_a_wheel_lies_there_whole_and_read_only(store: Store) -> None:
    stored = store.add(ACME)

    assert stored.folder == store.root / "wheels" / ACME.sha256
    assert store.has(ACME.sha256)
    assert store.get(ACME.sha256) == stored
    for file in stored.files:
        status = (stored.folder / file.path).lstat()
        assert stat.S_IMODE(status.st_mode) == (0o555 if file.executable else 0o444)
        assert (status.st_size, status.st_nlink) == (file.size, 1)
    folders = [p for p in stored.folder.rglob("*") if p.is_dir()]
    assert {stat.S_IMODE(p.stat().st_mode) for p in [stored.folder, *folders]} == {
        0o555
    }
    assert subprocess.run([stored.bin / "tool"], check=False).returncode == 7
    assert list((store.root / "staging").iterdir()) == []


def test_what_is_there_is_left_alone(store: Store) -> None:
    first = store.add(ACME)
    inode = (first.site / "acme/__init__.py").stat().st_ino

    assert store.add(ACME) == first
    assert (first.site / "acme/__init__.py").stat().st_ino == inode


@pytest.mark.parametrize("harm", ["short", "gone", "record", "mode", "link"])
def test_what_is_damaged_is_replaced(store: Store, tmp_path: Path, harm: str) -> None:
    stored = store.add(ACME)
    victim = stored.site / "acme/__init__.py"
    for folder in (stored.folder, victim.parent):
        folder.chmod(0o755)
    if harm == "short":
        victim.chmod(0o644)
        victim.write_bytes(b"")
    elif harm == "gone":
        victim.unlink()
    elif harm == "mode":
        victim.chmod(0o666)
    elif harm == "link":
        os.link(victim, tmp_path / "another-name")
    else:
        (stored.folder / "wheel.json").chmod(0o644)
        (stored.folder / "wheel.json").write_bytes(b"{")

    again = store.add(ACME)

    assert again.files == stored.files
    assert victim.read_bytes() != b""
    install(store, ACME)
    assert codes(store) == {}


def test_an_environment_is_a_list_and_costs_no_file(store: Store) -> None:
    install(store, ACME, LIBRARY)

    (entry,) = store.folder.read().entries
    assert [wheel.name for wheel in entry.wheels] == ["acme", "library"]
    assert entry.merged == ""
    assert list((store.root / "merged").iterdir()) == []
    path = entry.folders(str(store.root))
    code = "import library; from importlib.util import find_spec; "
    code += "print(library.x, find_spec('acme').origin)"
    done = subprocess.run(
        [
            sys.executable,
            "-B",
            "-S",
            "-c",
            f"import sys; sys.path[:0] = {path!r}; {code}",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"1 {path[0]}/acme/__init__.py\n", done.stderr


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"shared.py": "1"}, {"shared.py": "1"}),
        ({"pack/a.py": "1"}, {"pack/A.py": "1"}),
        ({"pack/__init__.py": "1"}, {"pack/__init__.py": "2"}),
        ({"thing.py": "1"}, {"thing.py/x.py": "1"}),
        ({"thing.py": "1"}, {"thing/__init__.py": "2"}),
        ({"pack/__init__.py": "1"}, {"pack.abi3.so": "2"}),
        ({"pack/__init__.py": "", "pack/x.py": "1"}, {"pack/x.abi3.so": "2"}),
        ({"thing.py": "1"}, {"thing/part.py": "2"}),
        ({"thing/part.py": "2"}, {"thing.py": "1"}),
    ],
    ids=[
        "the same file",
        "by case alone",
        "two inits",
        "a file and a folder",
        "a module and a package",
        "a package and an extension",
        "a module and an extension",
        "a module and a namespace",
        "a namespace and a module",
    ],
)
def test_a_file_of_two_wheels_is_refused(
    store: Store, one: dict[str, str], other: dict[str, str]
) -> None:
    first = store.add(judged("first", files=one))
    second = store.add(judged("second", files=other))

    with pytest.raises(StoreError) as caught:
        store.environment([first, second], ["first"])

    assert caught.value.code == "store-file-collision"
    assert "first 1.0" in caught.value.message
    assert "second 1.0" in caught.value.message


def test_without_that_one_wheel_would_be_imported_in_anothers_place(
    store: Store,
) -> None:
    evil = store.add(judged("evil", files={"needed.py": "whose = 'evil'"}))
    needed = store.add(judged("needed", files={"needed/__init__.py": "whose = 'own'"}))

    with pytest.raises(StoreError, match="both bring it"):
        store.environment([evil, needed], ["evil"])

    path = [str(evil.site), str(needed.site)]
    code = f"import sys; sys.path[:0] = {path!r}; import needed; print(needed.whose)"
    done = subprocess.run(
        [sys.executable, "-B", "-S", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "evil\n", "the first folder of the path has it"


def test_one_distribution_twice_is_refused(store: Store) -> None:
    wheels = [store.add(judged("acme", version)) for version in ("1.0", "2.0")]

    with pytest.raises(StoreError, match="both bring it"):
        store.environment(wheels, ["acme"])


NAMESPACE = "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"


@pytest.mark.parametrize(
    ("one", "other", "merged"),
    [
        ({"space/a.py": ""}, {"space/b.py": ""}, False),
        (
            {"space/__init__.py": NAMESPACE, "space/a.py": ""},
            {"space/__init__.py": NAMESPACE, "space/b.py": ""},
            False,
        ),
        (
            {"space/__init__.py": "", "space/a.py": ""},
            {"space/__init__.py": "", "space/b.py": ""},
            True,
        ),
        ({"space/__init__.py": "", "space/a.py": ""}, {"space/b.py": ""}, True),
        ({"space/__init__.py": "", "space/a.py": ""}, {"space/sub/b.py": ""}, True),
    ],
    ids=["PEP 420", "pkgutil", "empty inits", "one init", "below one init"],
)
def test_packages_of_several_wheels_can_be_imported(
    store: Store, one: dict[str, str], other: dict[str, str], merged: bool
) -> None:
    install(store, judged("first", files=one), judged("second", files=other))

    (entry,) = store.folder.read().entries
    folders = entry.folders(str(store.root))
    b = "space.sub.b" if "space/sub/b.py" in other else "space.b"
    code = f"import sys; sys.path[:0] = {folders!r}; import space.a, {b}"
    done = subprocess.run([sys.executable, "-B", "-S", "-c", code], check=False)

    assert done.returncode == 0
    assert bool(entry.merged) is merged
    assert codes(store) == {}
    for path in Path(folders[0]).rglob("*.py"):
        assert path.stat().st_nlink == 1


def test_a_merged_folder_that_changed_is_told(store: Store) -> None:
    install(
        store,
        judged("first", files={"p/__init__.py": "", "p/a.py": "1"}),
        judged("second", files={"p/b.py": "2"}),
    )
    (entry,) = store.folder.read().entries
    victim = Path(entry.folders(str(store.root))[0]) / "p" / "b.py"
    victim.chmod(0o644)
    victim.write_text("3")
    victim.chmod(0o444)

    assert list(codes(store)) == ["b.py"]


def test_a_merged_folder_that_looks_changed_is_made_anew(store: Store) -> None:
    first = judged("first", files={"p/__init__.py": "", "p/a.py": "1"})
    second = judged("second", files={"p/b.py": "2"})
    install(store, first, second)
    (entry,) = store.folder.read().entries
    victim = Path(entry.folders(str(store.root))[0]) / "p" / "b.py"
    victim.chmod(0o644)
    victim.write_text("3, and more")
    victim.chmod(0o444)
    assert not store.looks_as_written(entry)

    assert install(store, first, second) == 1, "what is installed is the same"

    assert victim.read_text() == "2"
    assert store.looks_as_written(entry)
    assert codes(store) == {}


def test_verify_tells_each_change(store: Store) -> None:
    install(store, ACME, LIBRARY)
    stored = store.get(ACME.sha256)
    init, manifest = (
        stored.site / "acme/__init__.py",
        stored.site / "acme/lockgate.toml",
    )
    for folder in (stored.folder, stored.site, init.parent):
        folder.chmod(0o755)
    content = bytearray(init.read_bytes())
    content[0] ^= 1
    init.chmod(0o644)
    init.write_bytes(content)
    init.chmod(0o444)
    manifest.unlink()
    (stored.site / "more.py").write_text("")
    shutil.rmtree(store.root / "wheels" / LIBRARY.sha256)

    found = codes(store)

    assert "its SHA-256 is" in found["__init__.py"]
    assert "is not there" in found["lockgate.toml"]
    assert found["more.py"] == "it was not put there"
    assert found["acme"] == "it can be written to"
    assert "library 1.0: the store has no wheel" in found[LIBRARY.sha256]
    assert all(d.hint for d in store.verify())
    assert any("acme==1.0" in d.hint for d in store.verify())


def test_a_rollback_goes_to_what_was_in_force(store: Store) -> None:
    install(store, ACME)
    install(store, judged("acme", "2.0", manifest=True))
    install(store, judged("other", manifest=True))

    assert store.rollback().number == 2
    assert store.rollback().number == 1
    with pytest.raises(StoreError, match="nothing was in force before"):
        store.rollback()
    with pytest.raises(StoreError, match="no generation 9"):
        store.rollback(9)
    assert store.rollback(3).number == 3
    assert install(store, LIBRARY) == 4
    assert store.rollback().number == 3


def test_what_was_collected_is_not_gone_back_to(store: Store) -> None:
    install(store, ACME)
    install(store, judged("acme", "2.0", manifest=True))
    wheel = store.root / "wheels" / ACME.sha256
    wheel.chmod(0o755)
    wheel.rename(store.root / "staging" / "away")

    with pytest.raises(StoreError) as caught:
        store.rollback()

    assert caught.value.code == "store-wheel-missing"
    assert store.folder.current() == 2


def test_garbage_is_what_no_kept_generation_names(store: Store) -> None:
    second = judged("acme", "2.0", manifest=True)
    third = judged("acme", "3.0", manifest=True)
    for wheel in (ACME, second, third):
        install(store, wheel, LIBRARY)
    store.add(judged("nobody"))

    dry = store.collect(2, dry=True)
    assert (dry.kept, dry.generations, dry.wheels) == (
        (3, 2),
        (1,),
        tuple(sorted(["acme 1.0", "nobody 1.0"], key=dry.wheels.index)),
    )
    assert dry.size > 0
    assert store.folder.numbers() == (1, 2, 3)

    assert store.collect(2) == dry
    assert store.folder.numbers() == (2, 3)
    assert not store.has(ACME.sha256)
    assert store.has(LIBRARY.sha256)
    assert codes(store) == {}
    assert store.rollback().number == 2
    assert store.collect(2).wheels == ("acme 3.0",)


def test_what_is_held_is_not_collected(store: Store, tmp_path: Path) -> None:
    install(store, ACME)
    code = (
        "import sys; from lockgate_marketplace.store import Store\n"
        "Store(sys.argv[1]).collect(1)"
    )
    with store.held():
        stored = store.add(LIBRARY)
        running = subprocess.Popen([sys.executable, "-c", code, tmp_path / "data"])
        with pytest.raises(subprocess.TimeoutExpired):
            running.wait(1.5)
        entry = store.environment([stored], ["library"])
        store.commit([entry], reason="install library")

    assert running.wait(60) == 0
    assert store.has(LIBRARY.sha256)
    assert codes(store) == {}


FOUR = """
import sys
from pathlib import Path
from lockgate_marketplace.store import Store
from lockgate_marketplace.wheel import open_wheel

store = Store(sys.argv[1])
for path in sys.argv[2:]:
    wheel = open_wheel(Path(path))
    with store.held():
        entry = store.environment([store.add(wheel)], [wheel.name])
        store.commit([entry], reason=f"install {wheel.name}")
"""


def test_four_processes_at_once(store: Store, tmp_path: Path) -> None:
    """The same wheels in four orders: each is there once, none is lost."""
    names = ["one", "two", "three", "four"]
    files = [str(forge_file(tmp_path / "w", name, manifest=True)) for name in names]
    orders = [files[at:] + files[:at] for at in range(4)]

    running = [
        subprocess.Popen([sys.executable, "-c", FOUR, tmp_path / "data", *order])
        for order in orders
    ]
    assert [one.wait(120) for one in running] == [0] * 4

    now = store.folder.read()
    assert now.number == 4, "one for each that was new; what is there makes none"
    assert sorted(entry.distribution for entry in now.entries) == sorted(names)
    assert len(list((store.root / "wheels").iterdir())) == 4
    assert list((store.root / "staging").iterdir()) == []
    assert codes(store) == {}
    chain = [store.folder.read(number).parent for number in store.folder.numbers()]
    assert chain == list(range(4))


@pytest.mark.parametrize("name", ["", "wheels", "staging", "generations"])
def test_a_store_that_others_may_write_takes_nothing(store: Store, name: str) -> None:
    install(store, ACME)
    (store.root / name).chmod(0o777)

    with pytest.raises(InstalledError, match="others may write"):
        store.add(LIBRARY)
    with pytest.raises(InstalledError, match="others may write"):
        store.rollback()
    with pytest.raises(InstalledError, match="others may write"):
        store.collect()
    assert not store.has(LIBRARY.sha256)


PATHS = st.lists(
    st.from_regex(r"(site|bin)/[a-z]{1,5}(/[a-z]{1,5})?", fullmatch=True), max_size=3
)


@given(PATHS, st.binary(max_size=40), st.integers(0, 400))
def test_a_record_is_read_as_it_was_written_or_refused(
    paths: list[str], noise: bytes, at: int
) -> None:
    folder = Path("/x") / ("a" * 64)
    files = tuple(StoredFile(path, 3, "b" * 64, False) for path in paths)
    wheel = StoredWheel(folder.name, "acme", "1.0", "acme.whl", folder, files, ("x",))
    raw = record_bytes(wheel)
    damaged = raw[:at] + noise + raw[at + len(noise) :]

    assert json.loads(raw)["name"] == "acme"
    for content in (raw, damaged, noise):
        found = parsed(content, folder)
        assert found in (wheel, None) if content != raw else found == wheel


def parsed(raw: bytes, folder: Path) -> StoredWheel | None:
    try:
        return parse_record(raw, folder)
    except (ValueError, TypeError, KeyError):
        return None


@pytest.mark.parametrize(
    "path", ["../x", "site/../x", "/etc/x", "site//x", "other/x", "site", "site/./x"]
)
def test_a_record_never_leads_out_of_its_folder(store: Store, path: str) -> None:
    stored = store.add(LIBRARY)
    evil = StoredWheel(
        stored.sha256,
        "x",
        "1",
        "x",
        stored.folder,
        (StoredFile(path, 1, "b" * 64, False),),
    )
    stored.folder.chmod(0o755)
    (stored.folder / "wheel.json").chmod(0o644)
    (stored.folder / "wheel.json").write_bytes(record_bytes(evil))

    with pytest.raises(StoreError) as caught:
        read_record(stored.folder)

    assert caught.value.code == "store-record"

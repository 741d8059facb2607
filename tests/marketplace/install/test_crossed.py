"""What one index says, or a wheel packs, decides nothing about what is another's."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Generator

import pytest

from tests.support.indexes import LoopbackIndex, loopback_index
from tests.support.market import Home, offered
from tests.support.wheels import forge

pytestmark = pytest.mark.kernel

RIGHTS = '[rights]\nenv = ["LANG"]\n'
USES = 'import os\nos.environ["LANG"]\n'


@pytest.fixture
def good() -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        yield index


@pytest.fixture
def evil(home: Home, good: LoopbackIndex) -> Generator[LoopbackIndex]:
    """Another index that its owner configured, and has a plugin of."""
    with loopback_index() as index:
        home.indexes(default="good", good=good, evil=index)
        yield index


def asking(index: LoopbackIndex, version: str) -> None:
    offered(index, "acme", version, tier="elevated", extra=RIGHTS, code=USES)


@pytest.mark.parametrize(
    ("first", "state"), [("file", "staged"), ("index", "upgraded")]
)
def test_what_came_along_with_a_plugin_of_another_index_steers_no_upgrade(
    home: Home, good: LoopbackIndex, evil: LoopbackIndex, first: str, state: str
) -> None:
    if first == "file":
        path = home.wheel("1.0", tier="elevated", extra=RIGHTS, code=USES)
        assert home.json("install", path, "--grant-all")["installed"]
    else:
        asking(good, "1.0")
        assert home.json("install", "good/acme", "--grant-all")["installed"]
    # Its owner also uses a harmless plugin, whose library has the same name there.
    evil.add("acme", "0.1", files={"acme_lib/__init__.py": ""})
    offered(evil, "other", "1.0", requires=("acme",))
    assert home.json("install", "evil/other")["installed"]
    asking(evil, "6.6")
    asking(good, "1.1")

    named = home.json("install", "evil/acme")
    assert named["error"]["code"] == "consent-needed"
    assert home.answer() == "1.0"

    (row,) = home.json("upgrade", "acme")["plugins"]
    # Of the good index; it is asked for anew if that is not where 1.0 came from.
    assert (row["state"], row["to"]) == (state, "1.1")
    assert home.answer() == ("1.1" if state == "upgraded" else "1.0")


def test_an_index_gives_no_metadata_to_the_files_of_another(
    home: Home, good: LoopbackIndex, evil: LoopbackIndex
) -> None:
    evil.sidecars = good.sidecars = False
    offered(good, version="1.0")
    newest = offered(good, version="1.1")
    # It lists the very file, by the true hash, and lies about what is inside.
    lie = forge("acme", "1.1", manifest=True, plugin="acme", requires_python="<3")
    listed = evil.publish("acme", "1.1", newest.filename, lie)
    listed.row |= {"hashes": {"sha256": newest.sha256}, "size": len(newest.content)}

    refused = home.json("install", "evil/acme", "--dry-run", "--no-cooldown")
    found = home.json("install", "good/acme", "--dry-run", "--no-cooldown")

    assert refused["error"]["code"] == "resolve-no-candidate"
    assert found["version"] == "1.1"


IN_A_PROCESS = """
from lockgate.cli import main
main(['install', 'acme', '--dry-run', '--no-cooldown', '--json'])
told = open('/proc/self/status').read()
print(int(told.split('VmHWM:')[1].split()[0]) // 1024)
"""
"""Its last line is the most memory, in MiB, that it had at once."""


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_metadata_that_unpacks_without_end_takes_no_memory(
    good: LoopbackIndex, evil: LoopbackIndex, method: int
) -> None:
    del evil
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", method) as archive,
        archive.open("acme-1.0.dist-info/METADATA", "w", force_zip64=True) as member,
    ):
        member.write(b"Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n\n")
        for _ in range(16):
            member.write(bytes(1 << 24))
    good.sidecars = False
    good.publish("acme", "1.0", "acme-1.0-py3-none-any.whl", packed.getvalue())

    command = [sys.executable, "-c", IN_A_PROCESS]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    told, peak = done.stdout.rsplit("}", 1)
    assert json.loads(told + "}")["error"]["code"] == "resolve-no-candidate"
    assert int(peak) < 200, "it holds 256 MiB, and zipfile would have read them"


@pytest.mark.parametrize(
    "need",
    [
        'a; "x" ~= "y"',
        'a; extra == "x" and python_full_version ~= "3"',
        'lockgate; python_version ~= "x"',
    ],
)
def test_a_marker_that_means_nothing_is_refused(home: Home, need: str) -> None:
    refused = home.json("install", home.wheel("1.0", requires=(need,)), "--dry-run")

    assert refused["error"]["code"] == "contract-needs"
    assert "marker" in refused["error"]["message"]


def test_a_number_of_thousands_of_digits_speaks_against_its_file_only(
    home: Home, good: LoopbackIndex, evil: LoopbackIndex
) -> None:
    del evil
    offered(good)
    offered(good, version="1.1").row["requires-python"] = f">={'9' * 4400}"

    assert home.json("install", "acme")["version"] == "1.0"

"""What one index said or was given is nothing of another's."""

from __future__ import annotations

import io
import resource
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
def good(home: Home) -> Generator[LoopbackIndex]:
    with loopback_index() as index:
        yield index


@pytest.fixture
def evil(home: Home, good: LoopbackIndex) -> Generator[LoopbackIndex]:
    """Another index that its owner configured, and has a plugin of."""
    with loopback_index() as index:
        home.indexes(default="good", good=good, evil=index)
        yield index


def brings_a_library_called_acme(home: Home, evil: LoopbackIndex) -> None:
    evil.add("acme", "0.1", files={"acme_lib/__init__.py": ""})
    offered(evil, "other", requires=("acme",))
    assert home.json("install", "evil/other")["installed"]
    offered(evil, "acme", "6.6", tier="elevated", extra=RIGHTS, code=USES)


def test_what_came_along_from_an_index_makes_no_upgrade_of_it(
    home: Home, evil: LoopbackIndex, good: LoopbackIndex
) -> None:
    path = home.wheel("1.0", tier="elevated", extra=RIGHTS, code=USES)
    assert home.json("install", path, "--grant-all")["installed"]
    brings_a_library_called_acme(home, evil)
    offered(good, "acme", "1.1", tier="elevated", extra=RIGHTS, code=USES)

    (row,) = home.json("upgrade", "acme")["plugins"]

    assert (row["state"], row["to"]) == ("staged", "1.1")  # another index: it is asked
    assert home.answer() == "1.0"


def test_what_came_along_from_an_index_inherits_no_rights(
    home: Home, evil: LoopbackIndex, good: LoopbackIndex
) -> None:
    offered(good, "acme", "1.0", tier="elevated", extra=RIGHTS, code=USES)
    assert home.json("install", "good/acme", "--grant-all")["installed"]
    brings_a_library_called_acme(home, evil)

    refused = home.json("install", "evil/acme")

    assert refused["error"]["code"] == "consent-needed"
    assert home.answer() == "1.0"


def test_a_lie_about_metadata_is_kept_from_other_indexes(
    home: Home, evil: LoopbackIndex, good: LoopbackIndex
) -> None:
    evil.sidecars = good.sidecars = False
    offered(good, version="1.0")
    true = offered(good, version="1.1")
    lie = forge("acme", "1.1", manifest=True, plugin="acme", requires_python="<3")
    listed = evil.publish("acme", "1.1", true.filename, lie)
    listed.row |= {"hashes": {"sha256": true.sha256}, "size": len(true.content)}

    refused = home.json("install", "evil/acme", "--dry-run")
    found = home.json("install", "good/acme", "--dry-run")

    assert refused["error"]["code"] == "resolve-no-candidate"
    assert found["version"] == "1.1"


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_metadata_that_unpack_without_end_are_not_unpacked(
    home: Home, good: LoopbackIndex, evil: LoopbackIndex, method: int
) -> None:
    good.sidecars = False
    raw, piece = io.BytesIO(), bytes(1 << 24)
    with (
        zipfile.ZipFile(raw, "w", method) as archive,
        archive.open("acme-1.0.dist-info/METADATA", "w") as file,
    ):
        for _ in range(32):
            file.write(piece)
    good.publish("acme", "1.0", "acme-1.0-py3-none-any.whl", raw.getvalue())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    refused = home.json("install", "acme")

    assert refused["error"]["code"] == "resolve-no-candidate"
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 200 * 1024


def test_a_marker_that_means_nothing_refuses_a_file(home: Home) -> None:
    path = home.wheel("1.0", requires=('a; "x" ~= "y"',))

    assert home.json("install", path)["error"]["code"] == "contract-needs"


def test_a_number_of_thousands_of_digits_speaks_against_its_file_only(
    home: Home, good: LoopbackIndex, evil: LoopbackIndex
) -> None:
    del evil
    offered(good)
    offered(good, version="1.1").row["requires-python"] = f">={'9' * 4400}"

    assert home.json("install", "acme")["version"] == "1.0"

"""Byte code that was put beside a plugin whose sources its grants are tied to."""

from __future__ import annotations

import importlib.util
import marshal
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from lockgate._rights.file import GrantsFile
from lockgate._seating import seats
from lockgate._seating.seats import identity_of
from lockgate.discovery import _digest
from lockgate.grants import rights_asked
from lockgate.values import Tree
from tests.support.host_plugins import Site, manifest_of

pytestmark = pytest.mark.kernel

_HARMLESS = """
from lockgate.plugin import Transformation, Tree, hookimpl
from keeping_plugin.helper import what

@hookimpl
def transform(tree, options):
    return Transformation(Tree.of({"said": what(options["file"])}))
"""
_HELPER = "def what(path):\n    return 'harmless'\n"
_EVIL = "def what(path):\n    with open(path) as file: return file.read()\n"


def _unchecked(source: Path) -> bytes:
    """The flag of PEP 552 by which nobody ever looks at the source."""
    return struct.pack("<I8x", 0b01)


def _of_its_time(source: Path) -> bytes:
    """Time and size of the source, as `py_compile` writes them, and anybody can."""
    found = source.stat()
    return struct.pack("<III", 0, int(found.st_mtime), found.st_size)


def _poison(source: Path, head: Callable[[Path], bytes], cached: str) -> None:
    place = Path(cached)
    place.parent.mkdir(exist_ok=True)
    code = marshal.dumps(compile(_EVIL, str(source), "exec"))
    place.write_bytes(importlib.util.MAGIC_NUMBER + head(source) + code)


class Ground:
    """A plugin without RECORD that may read a file, and says that it does not."""

    def __init__(self, root: Path) -> None:
        self.secret = root / "secret"
        self.secret.write_text("secret")
        self.site = Site(root / "all")
        rights = f'[rights]\nread = ["{self.secret}"]\n'
        package = self.site.add(
            "keeping",
            _HARMLESS,
            manifest=manifest_of("keeping", tier="elevated", more=rights),
            files={"helper.py": _HELPER},
        )
        self.helper = package / "helper.py"
        next(self.site.folder.glob("*.dist-info/RECORD")).unlink()
        self.agree()

    def agree(self) -> None:
        """Grant it all that it asks for, as it is now."""
        state = self.site.state("keeping")
        assert state.manifest is not None
        assert not state.recorded
        asked = rights_asked(state.manifest)
        keys = frozenset(right.key for right in asked)
        GrantsFile(Path(self.site.config.grants_file)).grant(
            identity_of(state), asked, keys
        )

    def says(self) -> str:
        with self.site.open() as host:
            options = {"file": str(self.secret)}
            answers = host.call("transform", tree=Tree(), options=options)
        return answers.first.tree["said"].text


@pytest.fixture
def ground(tmp_path: Path) -> Ground:
    return Ground(tmp_path)


@pytest.mark.parametrize("head", [_unchecked, _of_its_time])
def test_byte_code_beside_a_consented_source_is_not_run(
    ground: Ground,
    head: Callable[[Path], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = ground.site.state("keeping").digest
    cached = importlib.util.cache_from_source(str(ground.helper))
    _poison(ground.helper, head, cached)

    assert ground.site.state("keeping").digest == before
    assert ground.says() == "harmless"

    monkeypatch.setattr(seats, "_hashed", lambda _: [])  # pyright: ignore
    assert ground.says() == "secret"


def test_byte_code_that_goes_before_a_source_is_another_plugin(ground: Ground) -> None:
    before = ground.site.state("keeping").digest
    folder = ground.helper.with_suffix("")
    folder.mkdir()  # a package goes before a module
    _poison(ground.helper, _unchecked, str(folder / "__init__.pyc"))

    assert ground.site.state("keeping").digest != before
    with pytest.raises(Exception, match="grant"):
        ground.says()


def test_a_linked_folder_belongs_to_the_plugin(ground: Ground, tmp_path: Path) -> None:
    behind = tmp_path / "behind"
    behind.mkdir()
    (behind / "__init__.py").write_text(_HELPER)
    (behind / "again").symlink_to(behind)
    ground.helper.with_suffix("").symlink_to(behind)
    before = ground.site.state("keeping").digest
    (behind / "__init__.py").write_text(_EVIL)

    assert ground.site.state("keeping").digest != before


def test_a_link_that_leads_elsewhere_is_another_plugin(ground: Ground) -> None:
    """Also where both places belong to the plugin, and the names are the same."""
    for name, code in (("a", _HELPER), ("b", _EVIL)):
        (ground.helper.parent / name).mkdir()
        (ground.helper.parent / name / "__init__.py").write_text(code)
    link = ground.helper.with_suffix("")
    link.symlink_to("a")
    before = ground.site.state("keeping").digest
    link.unlink()
    link.symlink_to("b")

    assert ground.site.state("keeping").digest != before


@pytest.mark.parametrize("name", ["more.py", "more.pyc"])
def test_what_is_imported_from_among_the_byte_code_belongs_to_the_plugin(
    ground: Ground, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def put(code: str) -> None:
        file = ground.helper.parent / "__pycache__" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        head = importlib.util.MAGIC_NUMBER + bytes(12)
        compiled = marshal.dumps(compile(code, name, "exec"))
        file.write_bytes(head + compiled if name.endswith("c") else code.encode())

    ground.helper.write_text("from keeping_plugin.__pycache__.more import what\n")
    put(_HELPER)
    ground.agree()
    assert ground.says() == "harmless"

    put(_EVIL)
    with pytest.raises(Exception, match="grant"):
        ground.says()
    monkeypatch.setattr(_digest, "_BYTE_CODE", re.compile(".*"))
    put(_HELPER)
    ground.agree()
    put(_EVIL)
    assert ground.says() == "secret"

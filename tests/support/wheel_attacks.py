"""Hostile wheels, one for each way in which a wheel's content can attack.

Each is whole and plausible but for the one thing: RECORD is right, metadata fit,
so that what refuses it refuses that thing. They do no harm where they succeed:
a file is written, a marker printed.
"""

from __future__ import annotations

import base64
import stat
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.wheels import Draft, record_line
from tests.support.zips import DEFLATED, End, Entry, extra_field

__all__ = ["ATTACKS", "MARK", "VICTIM", "WheelAttack"]

MARK = "lockgate-attack-ran"
"""What an attack prints, or writes into a file, where it succeeds."""
VICTIM = "victim"
"""A distribution and module that is installed before, where `before` says so."""


@dataclass(frozen=True)
class WheelAttack:
    """A wheel that must be refused with `code`."""

    name: str
    """In the words of the table: what the wheel does."""
    code: str
    make: Callable[[], Draft]
    end: End = field(default_factory=End)
    planted: tuple[str, ...] = ()
    """Files of an environment (``site/…``, ``bin/…``, ``prefix/…``, or ``outside/…``
    for its parent) that exist, or hold `MARK`, where the attack succeeds."""
    effect: str = "installs it"
    """What the tool does where the attack succeeds, in few words."""
    runs: bool = False
    """Whether the next start of Python prints `MARK`, where it succeeds."""
    before: bool = False
    """Whether the distribution `VICTIM` is installed before."""
    slow: bool = False

    def write(self, folder: Path) -> Path:
        """The wheel as a file in `folder`."""
        return self.make().write(folder, self.end)


def _evil() -> Draft:
    draft = Draft("evil")
    draft.add("evil/__init__.py", "x = 1\n")
    return draft


def _with(path: str, data: str = MARK, **how: int) -> Callable[[], Draft]:
    def make() -> Draft:
        draft = _evil()
        draft.add(path, data, **how)
        return draft.seal()

    return make


def _below_a_link() -> Draft:
    draft = _evil()
    draft.add("evil/link", "/tmp", mode=stat.S_IFLNK | 0o777)
    draft.add("evil/link/planted", MARK)
    return draft.seal()


def _wrong_hash() -> Draft:
    draft = _evil().seal()
    draft.entry("evil/__init__.py").data = f"x = {MARK!r}\n".encode()
    return draft


def _unlisted() -> Draft:
    draft = _evil()
    rows = draft.rows()
    draft.add("evil/unlisted.py", f"x = {MARK!r}\n")
    return draft.seal(rows)


def _record_names_a_victim() -> Draft:
    draft = _evil()
    return draft.seal([*draft.rows(), record_line("../../victim", b"")])


def _second_dist_info() -> Draft:
    draft = _evil()
    other = Draft("victim", "9.0")
    for entry in other.seal().entries:
        draft.entries.append(entry)
    return draft.seal()


def _points(group: str, name: str, value: str) -> Callable[[], Draft]:
    def make() -> Draft:
        return _evil().points({group: {name: value}}).seal()

    return make


def _duplicate() -> Draft:
    draft = _evil().seal()
    draft.add("evil/__init__.py", f"x = {MARK!r}\n")
    return draft


def _hidden() -> Draft:
    draft = _evil().seal()
    draft.add("evil/hidden.py", f"x = {MARK!r}\n", hidden=True)
    return draft


def _renamed() -> Draft:
    draft = _evil()
    entry = draft.add("evil/shown.py", f"x = {MARK!r}\n")
    crc = zlib.crc32(entry.raw_name()).to_bytes(4, "little")
    entry.extra = extra_field(0x7075, b"\1" + crc + b"evil/other.py")
    return draft.seal()


def _overwrites() -> Draft:
    draft = _evil()
    draft.add("victim.py", f"x = {MARK!r}\n")
    return draft.seal()


def _metadata(old: str, new: str) -> Callable[[], Draft]:
    def make() -> Draft:
        draft = _evil()
        entry = draft.entry("METADATA")
        entry.data = entry.data.replace(old.encode(), new.encode())
        return draft.seal()

    return make


def _case() -> Draft:
    draft = _evil()
    draft.add("evil/A.py", "x = 1\n")
    draft.add("evil/a.py", "x = 2\n")
    return draft.seal()


def _bomb() -> Draft:
    draft = _evil()
    rows = draft.rows()
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    packed = block * 1024 + packer.flush()
    entry = draft.add("evil/bomb", packed=packed, method=DEFLATED)
    entry.size, entry.crc = 2**30, 0x5B64C2B0
    digest = base64.urlsafe_b64encode(bytes.fromhex(_GIBIBYTE)).rstrip(b"=").decode()
    rows.append(["evil/bomb", f"sha256={digest}", str(2**30)])
    return draft.seal(rows)


_GIBIBYTE = "49bc20df15e412a64472421e13fe86ff1c5165e18b2afccf160d4dc19fe68a14"
"""The SHA-256 of 1 GiB of zeros."""


def _many() -> Draft:
    draft = _evil()
    for number in range(100_000):
        draft.entries.append(Entry(f"evil/d{number // 1000}/f{number}"))
    return draft.seal()


_CODE = f"print({MARK!r})\n"
_SCRIPT = f"#!/bin/sh\necho {MARK}\n"

ATTACKS: tuple[WheelAttack, ...] = (
    WheelAttack(
        "`../` in a path (zip slip)",
        "wheel-path-escapes",
        _with("../../../../planted"),
        planted=("outside/planted",),
        effect="writes it outside",
    ),
    WheelAttack(
        "an absolute path",
        "wheel-path-escapes",
        _with("/tmp/lockgate-attack-planted"),
        planted=("/tmp/lockgate-attack-planted",),
        effect="writes it there",
    ),
    WheelAttack(
        "a symbolic link",
        "wheel-file-type",
        _with("evil/link", "/etc/passwd", mode=stat.S_IFLNK | 0o777),
        planted=("site/evil/link",),
    ),
    WheelAttack(
        "a file below a symbolic link",
        "wheel-file-type",
        _below_a_link,
        planted=("/tmp/planted",),
    ),
    WheelAttack(
        "a file that is not what RECORD says",
        "wheel-record-hash",
        _wrong_hash,
        planted=("site/evil/__init__.py",),
    ),
    WheelAttack(
        "a file that RECORD does not list",
        "wheel-record-unlisted",
        _unlisted,
        planted=("site/evil/unlisted.py",),
    ),
    WheelAttack(
        "RECORD lists `../../victim`",
        "wheel-record-absent",
        _record_names_a_victim,
        planted=("site/evil/__init__.py",),
    ),
    WheelAttack(
        "a `.pth` file with an import line",
        "wheel-startup-file",
        _with("evil.pth", f"import sys; print({MARK!r})\n"),
        runs=True,
        effect="runs it at every start",
    ),
    WheelAttack(
        "a `.start` file (PEP 829)",
        "wheel-startup-file",
        _with("evil.start", "evil:main\n"),
        planted=("site/evil.start",),
    ),
    WheelAttack(
        "a top-level `sitecustomize.py`",
        "wheel-startup-file",
        _with("sitecustomize.py", _CODE),
        runs=True,
        effect="runs it at every start",
    ),
    WheelAttack(
        "`.data/data` with `../..`",
        "wheel-path-escapes",
        _with("evil-1.0.data/data/../../../planted"),
        planted=("outside/planted",),
        effect="writes it outside",
    ),
    WheelAttack(
        "`.data/data/etc/cron.d`",
        "wheel-data-area",
        _with("evil-1.0.data/data/etc/cron.d/evil"),
        planted=("prefix/etc/cron.d/evil",),
        effect="installs it below the prefix",
    ),
    WheelAttack(
        "`.data/scripts/python` replaces the interpreter",
        "wheel-interpreter",
        _with("evil-1.0.data/scripts/python", _SCRIPT),
        planted=("bin/python",),
        effect="replaces the interpreter",
    ),
    WheelAttack(
        "`.data/data/bin/python3` replaces the interpreter",
        "wheel-data-area",
        _with("evil-1.0.data/data/bin/python3", _SCRIPT, mode=0o100755),
        planted=("bin/python3",),
        effect="replaces the interpreter",
    ),
    WheelAttack(
        "a console script named `../../x`",
        "wheel-script-name",
        _points("console_scripts", "../../x", "evil:main"),
        planted=("outside/x",),
        effect="writes it outside",
    ),
    WheelAttack(
        "a console script named `python3`",
        "wheel-interpreter",
        _points("console_scripts", "python3", "evil:main"),
        planted=("bin/python3",),
        effect="replaces the interpreter",
    ),
    WheelAttack(
        "another distribution's module",
        "wheel-shadows-other",
        _overwrites,
        planted=("site/victim.py",),
        before=True,
        effect="overwrites it",
    ),
    WheelAttack(
        "a module of the standard library",
        "wheel-shadows-stdlib",
        _with("json/__init__.py", _CODE),
        planted=("site/json/__init__.py",),
    ),
    WheelAttack(
        "the name of another distribution's plugin",
        "wheel-entry-point-owned",
        _points("lockgate.analyzer", VICTIM, "evil:main"),
        planted=("site/evil-1.0.dist-info/entry_points.txt",),
        before=True,
    ),
    WheelAttack(
        "a second `.dist-info`",
        "wheel-dist-info",
        _second_dist_info,
        planted=("site/victim-9.0.dist-info/METADATA",),
    ),
    WheelAttack(
        "two members of one name",
        "wheel-zip-duplicate",
        _duplicate,
        planted=("site/evil/__init__.py",),
        effect="installs one of them",
    ),
    WheelAttack(
        "a shell script before the archive (polyglot)",
        "wheel-zip-prefix",
        lambda: _evil().seal(),
        end=End(prefix=_SCRIPT.encode()),
        planted=("site/evil/__init__.py",),
    ),
    WheelAttack(
        "a member that only readers from the front see",
        "wheel-zip-gap",
        _hidden,
        planted=("site/evil/__init__.py",),
    ),
    WheelAttack(
        "an extra field that renames a member",
        "wheel-zip-extra",
        _renamed,
        planted=("site/evil/__init__.py",),
    ),
    WheelAttack(
        "METADATA names another distribution",
        "wheel-metadata-name",
        _metadata("Name: evil", "Name: victim"),
        planted=("site/evil/__init__.py",),
    ),
    WheelAttack(
        "METADATA names another version",
        "wheel-metadata-version",
        _metadata("Version: 1.0\nSummary", "Version: 9.0\nSummary"),
        planted=("site/evil/__init__.py",),
    ),
    WheelAttack(
        "`A.py` and `a.py`",
        "wheel-path-collision",
        _case,
        planted=("site/evil/A.py",),
        effect="installs both",
    ),
    WheelAttack(
        "a control character in a path",
        "wheel-path-characters",
        _with("evil/a\x1b[2Jb.txt"),
        planted=("site/evil/a\x1b[2Jb.txt",),
    ),
    WheelAttack(
        "bytecode in the place of source",
        "wheel-bytecode",
        _with("evil/__pycache__/m.cpython-311.pyc"),
        planted=("site/evil/__pycache__/m.cpython-311.pyc",),
    ),
    WheelAttack(
        "a bomb: 1.1 MB that unpack to 1 GiB",
        "wheel-ratio",
        _bomb,
        planted=("site/evil/bomb",),
        slow=True,
        effect="writes 1 GiB",
    ),
    WheelAttack(
        "100,000 empty files",
        "wheel-file-count",
        _many,
        end=End(zip64=True),
        planted=("site/evil/d99/f99999",),
        slow=True,
        effect="writes them all",
    ),
)

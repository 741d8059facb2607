"""Where members go, and whose names they take."""

from __future__ import annotations

from pathlib import Path

import pytest

from lockgate_marketplace.errors import WheelError
from lockgate_marketplace.wheel import Surroundings, Wheel, WheelName, judge, unpack
from lockgate_marketplace.wheel._modules import modules_of
from tests.support.wheels import Draft, forge

NAME = WheelName.parse("evil-1.0-py3-none-any.whl")
DATA = "evil-1.0.data"


def judged(*paths: str, around: Surroundings | None = None, **how: int) -> Wheel:
    draft = Draft("evil")
    for path in paths:
        draft.add(path, "x", **how)
    return judge(draft.seal().pack(), NAME, around=around)


def code_of(*paths: str, around: Surroundings | None = None) -> str:
    with pytest.raises(WheelError) as refused:
        judged(*paths, around=around)
    return refused.value.code


REFUSED = {
    f"{DATA}/data/share/x": "wheel-data-area",
    f"{DATA}/headers/x.h": "wheel-data-area",
    f"{DATA}/platinclude/x.h": "wheel-data-area",
    f"{DATA}/x": "wheel-data-area",
    f"{DATA}/Scripts/x": "wheel-data-area",
    DATA: "wheel-data-area",
    "victim-1.0.data/purelib/x.py": "wheel-data-area",
    "EVIL-1.0.DATA/purelib/x.py": "wheel-data-area",
    "x.data/y": "wheel-data-area",
    f"{DATA}/scripts/a/b": "wheel-script-name",
    f"{DATA}/scripts/.bashrc": "wheel-script-name",
    f"{DATA}/scripts/python3": "wheel-interpreter",
    f"{DATA}/scripts/PYTHON.exe": "wheel-interpreter",
    f"{DATA}/scripts/pypy3": "wheel-interpreter",
    f"{DATA}/scripts/activate": "wheel-interpreter",
    f"{DATA}/scripts/activate.fish": "wheel-interpreter",
    "evil.pth": "wheel-startup-file",
    "EVIL.PTH": "wheel-startup-file",
    f"{DATA}/purelib/evil.pth": "wheel-startup-file",
    f"{DATA}/platlib/evil.start": "wheel-startup-file",
    "sitecustomize.py": "wheel-startup-file",
    "sitecustomize/__init__.py": "wheel-startup-file",
    "SiteCustomize.py": "wheel-startup-file",
    "usercustomize.cpython-311-x86_64-linux-gnu.so": "wheel-startup-file",
    f"{DATA}/purelib/usercustomize.py": "wheel-startup-file",
    "evil/__pycache__/x.cpython-311.pyc": "wheel-bytecode",
    "evil/__PyCache__/x": "wheel-bytecode",
    "evil/x.pyc": "wheel-bytecode",
    "evil.PYO": "wheel-bytecode",
    "json.py": "wheel-shadows-stdlib",
    "ssl.cpython-311-x86_64-linux-gnu.so": "wheel-shadows-stdlib",
    "email/evil.py": "wheel-shadows-stdlib",
    f"{DATA}/platlib/_ctypes.so": "wheel-shadows-stdlib",
    "lockgate/__init__.py": "wheel-shadows-host",
    "lockgate/evil.py": "wheel-shadows-host",
    "lockgate_sandbox.py": "wheel-shadows-host",
    "lockgate_marketplace.so": "wheel-shadows-host",
}


@pytest.mark.parametrize(("path", "code"), REFUSED.items(), ids=REFUSED)
def test_a_file_that_would_do_harm_by_its_place_is_refused(
    path: str, code: str
) -> None:
    assert code_of(path) == code


@pytest.mark.parametrize(
    "path",
    [
        "evil/weights.pth",
        "evil/sitecustomize.py",
        "evil/json.py",
        "email/readme.txt",
        "lockgate_evil/__init__.py",
        f"{DATA}/scripts/pythonic",
        f"{DATA}/scripts/ruff",
    ],
)
def test_a_file_that_only_looks_like_it_is_let_in(path: str) -> None:
    assert judged(path)


def test_two_files_that_would_go_to_one_place_are_refused() -> None:
    assert code_of("a.py", f"{DATA}/purelib/a.py") == "wheel-path-collision"
    assert code_of("a.py", f"{DATA}/platlib/A.py") == "wheel-path-collision"
    assert code_of(f"{DATA}/purelib/a", f"{DATA}/platlib/a") == "wheel-path-collision"
    assert code_of("a/b", f"{DATA}/purelib/a") == "wheel-path-below-file"


def test_module_folders_are_joined_and_scripts_kept_apart(tmp_path: Path) -> None:
    wheel = judged("evil/a.py", f"{DATA}/purelib/evil/b.py", f"{DATA}/scripts/run")
    unpack(wheel, tmp_path / "out")

    assert sorted(p.name for p in (tmp_path / "out/site/evil").iterdir()) == [
        "a.py",
        "b.py",
    ]
    assert (tmp_path / "out/bin/run").stat().st_mode & 0o777 == 0o555
    record = (tmp_path / "out/site/evil-1.0.dist-info/RECORD").read_text()
    listed = {line.partition(",")[0] for line in record.splitlines()}
    assert {"evil/a.py", "evil/b.py", "../bin/run"} <= listed
    assert all((tmp_path / "out/site" / path).is_file() for path in listed)
    assert wheel.read(next(m for m in wheel.members if m.path.endswith("RECORD"))) == (
        record.encode()
    )


MODULES: dict[str, tuple[list[str], set[str]]] = {
    "module": (["a.py"], {"a"}),
    "extension": (["a.cpython-311-x86_64-linux-gnu.so", "b.abi3.so"], {"a", "b"}),
    "package": (["a/__init__.py", "a/b.py", "a/c/d.py"], {"a"}),
    "compiled package": (["a/__init__.cpython-311.so", "a/b.py"], {"a"}),
    "namespace": (["a/b/__init__.py", "a/c.py"], {"a.b", "a.c"}),
    "two levels": (["a/b/c/__init__.py"], {"a.b.c"}),
    "data": (["a/b.txt", "share/x"], set()),
    "no identifier": (["a-b/x.py", "1.py"], set()),
}


@pytest.mark.parametrize(("paths", "modules"), MODULES.values(), ids=MODULES)
def test_modules_are_told_from_paths(paths: list[str], modules: set[str]) -> None:
    assert modules_of(paths) == modules


def test_a_module_belongs_to_one_distribution() -> None:
    around = Surroundings(modules={"six": "six", "google.auth": "google-auth"})

    assert code_of("six.py", around=around) == "wheel-shadows-other"
    assert code_of("six/x.py", around=around) == "wheel-shadows-other"
    assert code_of("google/__init__.py", around=around) == "wheel-shadows-other"
    assert code_of("google/auth/evil.py", around=around) == "wheel-shadows-other"
    shared = judged("google/other/__init__.py", around=around)
    assert shared.modules == {"google.other"}
    mine = Surroundings(modules={"six": "evil"})
    assert judged("six.py", around=mine).modules == {"six"}


def test_the_trusted_base_is_let_in_only_where_it_is_served() -> None:
    raw = forge("lockgate", files={"lockgate/__init__.py": ""})
    name = WheelName.parse("lockgate-1.0-py3-none-any.whl")
    served = Surroundings(host=True)

    assert judge(raw, name, around=served).modules == {"lockgate"}
    with pytest.raises(WheelError):
        judge(raw, name)
    assert code_of("lockgate/x.py", around=served) == "wheel-shadows-host"

"""Code that would run before the seal: start-up files, shadows, imports, a hook.

Each does the same: it reads a file that no worker may read, and keeps what it got. In a
worker such code does not run, or only under the seal. The same files get it where
Python is started as usual, or a library is loaded before an ordinary fork.
"""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
from collections.abc import Generator, Mapping
from pathlib import Path

from tests.sandbox.attacks.families.field import Attack, Field
from tests.support.sandbox import Lab, open_folder

__all__ = ["ATTACKS", "TOGETHER"]

TOGETHER = 1  # environment and current folder are those of the whole host

_SECRET = "what no worker may read"

_READ = """
import sys
try:
    with open({secret!r}) as file:
        sys.hooked = file.read()
except OSError as error:
    sys.hooked = type(error).__name__
"""

_RUN = "exec(HOOK)\n"
"""What a file is made of: in the place of ``HOOK`` comes the text of `_READ`."""

_TELL = "import sys; print(getattr(sys, 'hooked', None))"

_TARGET = """
import contextlib, json, random, socket, sys
with contextlib.suppress(ImportError):
    import lockgate_sandbox, msgspec
def build(session):
    return lambda method, arguments: str(getattr(sys, "hooked", None))
"""

_AT_FORK = "import os\nos.register_at_fork(after_in_child=lambda: exec(HOOK))\n"

_FORKS = """
import os, sys, library
reader, writer = os.pipe()
if not os.fork():
    # Here a seal would be put on.
    os.write(writer, getattr(sys, "hooked", "").encode())
    os._exit(0)
os.wait()
print(os.read(reader, 100).decode())
"""

_HERE = "FOLDER"
_IN_PATH = {"PYTHONPATH": _HERE}

_STARTS: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "sitecustomize.py": (("-c", _TELL), _IN_PATH),
    "startup.py": (("-i",), {"PYTHONSTARTUP": f"{_HERE}/startup.py"}),
    "random.py": (("-c", f"import random\n{_TELL}"), {}),
}
"""Files that wait for a host, and the ordinary start that comes upon each."""

_WAITING = {**dict.fromkeys(_STARTS, _RUN), "startup.py": _RUN + _TELL}


def _attack(
    files: Mapping[str, str],
    *arguments: str,
    environment: Mapping[str, str] = _IN_PATH,
    preload: tuple[str, ...] = (),
    lazy: bool = False,
) -> Attack:
    """The `files` lie in the plugin's folder; `arguments` start Python as usual."""

    @functools.cache  # it knows no rung
    def ordinary() -> str:
        with _planted(files) as folder:
            return _ordinarily(folder, arguments, environment)

    def attack(field: Field) -> bool:
        if not field.held:
            return ordinary() == _SECRET
        with _planted(files) as folder:
            found = _in_a_worker(field, field.lab(), folder, preload, lazy)
        return found == _SECRET

    return attack


def _waits_for_the_host(field: Field) -> bool:
    """Files that a host's environment names, or that lie where it was started."""
    if not field.held:
        return _each_is_found()
    named = [environment for _, environment in _STARTS.values()]
    with _planted(_WAITING) as folder, open_folder() as empty:
        (empty / "target.py").write_text(_TARGET)
        with _started_in(folder, *named), field.own_lab() as lab:
            return _in_a_worker(field, lab, empty) == _SECRET


@functools.cache
def _each_is_found() -> bool:
    with _planted(_WAITING) as folder:
        found = [_ordinarily(folder, *how) for how in _STARTS.values()]
    return found == [_SECRET] * len(_STARTS)


def _in_a_worker(
    field: Field,
    lab: Lab,
    folder: Path,
    preload: tuple[str, ...] = (),
    lazy: bool = False,
) -> str:
    with lab.sandbox.worker(
        field.policy(),
        target="target:build",
        path=[str(folder)],
        preload=preload,
        lazy=lazy,
    ) as worker:
        found = str(worker.call("what did it read?").value)
    assert found in (_SECRET, "PermissionError", "None"), found
    return found


def _ordinarily(
    folder: Path, arguments: tuple[str, ...], environment: Mapping[str, str]
) -> str:
    place = str(folder)
    given = {name: text.replace(_HERE, place) for name, text in environment.items()}
    plain = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-B", *(text.replace(_HERE, place) for text in arguments)],
        env={**plain, **given, "HOME": place},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    return done.stdout.strip()


@contextlib.contextmanager
def _planted(files: Mapping[str, str]) -> Generator[Path]:
    with open_folder() as folder, open_folder() as outside:
        secret = outside / "secret"
        secret.write_text(_SECRET)
        hook = repr(_READ.format(secret=str(secret)))
        for name, text in {"target.py": _TARGET, **files}.items():
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text.replace("HOOK", hook))
        yield folder


@contextlib.contextmanager
def _started_in(folder: Path, *environments: Mapping[str, str]) -> Generator[None]:
    """The host has been started there, and with all that in its environment."""
    before, home = dict(os.environ), Path.cwd()
    for environment in environments:
        for name, text in environment.items():
            os.environ[name] = text.replace(_HERE, str(folder))
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(home)
        os.environ.clear()
        os.environ.update(before)


_SHADOWED = ("json.py", "random.py", "socket.py", "_socket.py", "types.py")
_OURS = ("lockgate_sandbox/__init__.py", "msgspec/__init__.py")

ATTACKS: dict[str, Attack] = {
    "sitecustomize": _attack({"sitecustomize.py": _RUN}, "-c", _TELL),
    "usercustomize": _attack({"usercustomize.py": _RUN}, "-c", _TELL),
    "a path file": _attack(
        {"evil.pth": f"import sys; {_RUN}"},
        *("-c", f"import site; site.addsitedir('{_HERE}'); {_TELL}"),
    ),
    "modules of the standard library's names": _attack(
        {**dict.fromkeys(_SHADOWED, _RUN), "main.py": f"import json\n{_TELL}"},
        f"{_HERE}/main.py",
    ),
    "packages of our names": _attack(
        dict.fromkeys(_OURS, _RUN), "-c", f"import msgspec, lockgate_sandbox\n{_TELL}"
    ),
    "its own import": _attack(
        {"target.py": _RUN + _TARGET}, "-c", f"import target\n{_TELL}"
    ),
    "its own import, later": _attack(
        {"target.py": _RUN + _TARGET}, "-c", f"import target\n{_TELL}", lazy=True
    ),
    "a library that is loaded before": _attack(
        {"library.py": _RUN}, "-c", f"import library\n{_TELL}", preload=("library",)
    ),
    "a library's hook of the fork": _attack(
        {"library.py": _AT_FORK}, "-c", _FORKS, preload=("library",)
    ),
    "what waits for the host": _waits_for_the_host,
}

"""Wheels that go together: whose files stand in each other's way, and who needs whom.

In one folder the last writer wins and nobody notices; in a list of folders the first
one wins. Neither is what the authors meant, so a path that two wheels bring is refused,
with one exception: the ``__init__.py`` of an old-style namespace package, which is the
same in all of them. So is a module that two of them bring by different files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from lockgate.installed import Installed
from lockgate.installed import Wheel as Named
from lockgate_marketplace.errors import StoreError
from lockgate_marketplace.store._native import leaves_its_folder
from lockgate_marketplace.store._record import StoredFile, StoredWheel
from lockgate_marketplace.store._wheels import described
from lockgate_marketplace.wheel import Wheel as Judged

__all__ = [
    "check_judged",
    "check_together",
    "entry_of",
    "merged_key",
    "merged_reason",
    "merged_reason_of",
]

_NAMESPACE_WORDS = (b"extend_path", b"declare_namespace")
_INIT = "__init__.py"
_MODULES = (".py", ".so", ".pyd")


def entry_of(
    wheels: Sequence[StoredWheel], plugins: Iterable[str], *, merged: bool
) -> Installed:
    """The entry of the distribution whose wheel comes first."""
    first = wheels[0]
    return Installed(
        first.name,
        first.version,
        tuple(sorted(plugins)),
        tuple(Named(wheel.sha256, wheel.name, wheel.version) for wheel in wheels),
        merged_key(wheels) if merged else "",
    )


def merged_key(wheels: Sequence[StoredWheel]) -> str:
    """What the merged folder of these wheels, in this order, is called."""
    text = "\n".join(["lockgate merged 1", *(wheel.sha256 for wheel in wheels)])
    return hashlib.sha256(text.encode()).hexdigest()


def check_judged(wheels: Iterable[Judged]) -> None:
    """`check_together` of wheels that are in no store yet.

    Raises:
        StoreError: ``store-file-collision``, naming both wheels and the path.
    """
    check_together([described(wheel, Path()) for wheel in wheels])


def check_together(wheels: Sequence[StoredWheel]) -> None:
    """See that no wheel's file stands in the way of another's.

    Raises:
        StoreError: ``store-file-collision``, naming both wheels and the path.
    """
    names: dict[str, StoredWheel] = {}
    files: dict[str, tuple[StoredWheel, StoredFile]] = {}
    folders: dict[str, StoredWheel] = {}
    for wheel in wheels:
        if wheel.name in names:
            raise _collision(names[wheel.name], wheel, wheel.name)
        names[wheel.name] = wheel
        for file in wheel.files:
            first, other = files.setdefault(file.path.casefold(), (wheel, file))
            if first is not wheel and not _shared(file, other):
                raise _collision(first, wheel, file.path)
            for parent in PurePosixPath(file.path.casefold()).parents:
                folders.setdefault(str(parent), wheel)
    for path, (wheel, file) in files.items():
        if path in folders:
            raise _collision(wheel, folders[path], file.path)
    _check_modules(wheels, folders)


def _check_modules(
    wheels: Sequence[StoredWheel], folders: Mapping[str, StoredWheel]
) -> None:
    """See that no two wheels bring one module by different files.

    ``x.py`` of one and ``x/__init__.py`` of another are both the module ``x``, and
    whichever comes first on the path is it.
    """
    modules: dict[str, tuple[StoredWheel, str]] = {}
    for wheel in wheels:
        for file in wheel.files:
            path = file.path.casefold()
            if not path.startswith("site/") or not path.endswith(_MODULES):
                continue
            folder, _, name = path.rpartition("/")
            stem = name.partition(".")[0]
            key = folder if stem == "__init__" else f"{folder}/{stem}"
            first, other = modules.setdefault(key, (wheel, path))
            if first is not wheel and other != path:
                raise _collision(first, wheel, file.path)
            if stem != "__init__" and folders.get(key, wheel) is not wheel:
                raise _collision(folders[key], wheel, file.path)


def _shared(one: StoredFile, other: StoredFile) -> bool:
    """Whether two wheels may both bring it: it is the same, and says nothing new."""
    same = (one.path, one.sha256) == (other.path, other.sha256)
    return same and one.path.endswith(f"/{_INIT}")


def _collision(one: StoredWheel, other: StoredWheel, path: str) -> StoreError:
    words = [f"{wheel.name} {wheel.version}" for wheel in (one, other)]
    message = f"{words[0]} and {words[1]} both bring it"
    return StoreError(
        "store-file-collision", message, where=path, wheels=[one.name, other.name]
    )


def merged_reason(wheels: Sequence[StoredWheel]) -> str:
    """Why these wheels must lie in one folder; ``""`` if a list of folders will do."""
    for wheel in wheels:
        for file in wheel.files:
            if leaves_its_folder(wheel.folder, file.path):
                return f"{file.path} of {wheel.name} looks for libraries beside it"
    return next(_split_packages(wheels), "")


def merged_reason_of(wheels: Sequence[Judged], folders: Sequence[Path]) -> str:
    """`merged_reason` of wheels that are in no store yet, unpacked into `folders`."""
    return merged_reason(
        [described(one, folder) for one, folder in zip(wheels, folders, strict=True)]
    )


def _split_packages(wheels: Sequence[StoredWheel]) -> Iterator[str]:
    """Packages that one wheel makes whole and another adds to.

    An import takes such a package from the one folder that has its ``__init__.py``.
    """
    whole: dict[str, list[StoredWheel]] = {}
    inside: dict[str, set[str]] = {}
    for wheel in wheels:
        for file in wheel.files:
            folder, _, name = file.path.rpartition("/")
            if name == _INIT and folder.startswith("site/"):
                whole.setdefault(folder, []).append(wheel)
            inside.setdefault(folder, set()).add(wheel.name)
    for folder, owners in whole.items():
        names = {wheel.name for wheel in owners}
        others = sorted(
            name
            for below, having in inside.items()
            if below == folder or below.startswith(f"{folder}/")
            for name in having - names
        )
        package = folder.removeprefix("site/").replace("/", ".")
        if others:
            yield f"{others[0]} adds to the package {package} of {owners[0].name}"
        elif len(owners) > 1 and not _is_namespace(owners[0], folder):
            yield f"{owners[1].name} adds to the package {package} of {owners[0].name}"


def _is_namespace(wheel: StoredWheel, folder: str) -> bool:
    content = (wheel.folder / folder / _INIT).read_bytes()
    return any(word in content for word in _NAMESPACE_WORDS)

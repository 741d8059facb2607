"""What the check of a plugin came to, remembered as long as its files stay as they are.

One small file per plugin in the user's cache: a warm start costs a few ``stat``
calls, and neither the parser nor a hook spec is loaded. As with the discovery
index, a verdict that can't be believed is made anew.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any, cast

from lockgate._hook.api import HOOK_API_VERSION
from lockgate._text.files import Stamp, UnreadableError, read_bounded, stamp
from lockgate.contract._problems import Problem
from lockgate.discovery._index import save

if TYPE_CHECKING:
    from lockgate.kinds import AddedKind
    from lockgate.manifest import Manifest

__all__ = ["verdict"]

_FORMAT = 1
_LIMIT_BYTES = 1024 * 1024
_FOREIGN_WRITE = stat.S_IWGRP | stat.S_IWOTH


def verdict(
    manifest: Manifest,
    *,
    distribution: str,
    roots: Sequence[str],
    cache_dir: str,
    added: Collection[AddedKind] = (),
) -> tuple[Problem, ...]:
    """What is wrong with a plugin's impls; asked again, it is remembered.

    Without `cache_dir` nothing is kept. `added` are the added kinds that it answers.
    """
    key = _key(manifest, distribution, roots, added)
    path = f"{cache_dir}/verdict-{key[:32]}.json" if cache_dir else ""
    known = _read(path, key) if path else None
    if known is not None:
        return known
    from lockgate.contract import examine

    problems, looked = examine(manifest, distribution, roots, added)
    if path:
        save(path, _encoded(key, problems, looked))
    return problems


def _key(
    manifest: Manifest,
    distribution: str,
    roots: Sequence[str],
    added: Collection[AddedKind],
) -> str:
    """What a verdict is about: this code's rules, this plugin, what it names."""
    from sys import implementation

    hooks = [(i.hook, i.target, i.wrapper) for i in manifest.hooks]
    about = [_FORMAT, HOOK_API_VERSION, implementation.cache_tag]
    kinds = [asdict(kind) for kind in added]
    text = json.dumps([*about, distribution, list(roots), hooks, kinds])
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _encoded(
    key: str, problems: Sequence[Problem], looked: Mapping[str, Stamp]
) -> bytes:
    data = {
        "key": key,
        "looked": looked,
        "problems": [problem.to_dict() for problem in problems],
    }
    return json.dumps(data).encode("utf-8", "surrogatepass")


def _read(path: str, key: str) -> tuple[Problem, ...] | None:
    """The verdict in a file, if it is ours, about this, and still holds."""
    try:
        status = os.lstat(path)
        mine = status.st_uid == os.geteuid() and not status.st_mode & _FOREIGN_WRITE
        if not mine or not stat.S_ISREG(status.st_mode):
            return None
        data: dict[str, Any] = json.loads(read_bounded(path, _LIMIT_BYTES))
        if data["key"] != key:
            return None
        looked = cast("dict[str, list[int]]", data["looked"])
        if any(stamp(file) != tuple(mark) for file, mark in looked.items()):
            return None
        return tuple(Problem(**problem) for problem in data["problems"])
    except (OSError, UnreadableError, ValueError, KeyError, TypeError, RecursionError):
        return None

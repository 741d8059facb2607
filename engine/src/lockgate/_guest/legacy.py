"""What runs in the worker of a plugin without a manifest.

stevedore is imported here, under the seal, and loads the plugin's entry point
here: the host never does either.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, cast

from lockgate import plugin as plugin_api
from lockgate._guest.context import Session, WorkerContext
from lockgate._guest.impls import ImplError, Impls, checked_impl
from lockgate._guest.serve import Handler
from lockgate._specs.spec import specs
from lockgate.plugin import IMPL_ATTRIBUTE, ForeignEntry
from lockgate.values import Data

__all__ = ["serve"]

FILE = "file"
"""The group of an entry that is a path."""

HOOKS = "hooks"
"""The method that lists the hooks; no hook is called so."""


def serve(
    session: Session,
    *,
    plugin: str,
    distribution: str,
    entries: list[list[str]],
    config: Mapping[str, Data],
    restricted: list[str],
    driver: str = "",
) -> Handler:
    """Answer the hooks of one plugin; ``hooks`` lists which these are.

    `restricted` is empty, or says where the restricted profile's two parts lie.
    `driver` is what makes impls of a foreign plugin's entries.
    """
    context = WorkerContext(session, plugin=plugin, config=config, tools=[])
    impls = Impls(context)
    found: dict[str, Callable[..., object]] = {}
    loaded = False

    def handle(method: str, arguments: Mapping[str, Data]) -> Any:
        nonlocal loaded
        if not loaded:
            if driver:
                found.update(_impls(_drive(driver, distribution, entries), driver))
            for group, value in [] if driver else entries:
                made = _load(group, value, distribution, restricted)
                found.update(_impls(made, value))
            loaded = True
        if method == HOOKS:
            return list(found)
        spec, impl = specs().get(method), found.get(method)
        if spec is None or impl is None:
            raise ImplError(f"no impl of {method!r}", code="impl-missing")
        return impls.answer(spec, impl, arguments)

    return handle


def _load(group: str, value: str, distribution: str, restricted: list[str]) -> object:
    """What an entry names, loaded; whatever it does is an `ImplError`."""
    try:
        if group == FILE and restricted:
            return _load_restricted(value, *restricted)
        if group == FILE:
            return _load_file(value)
        return _load_entry_point(group, value, distribution)
    except ImplError:
        raise
    except BaseException as error:
        message = f"loading {value!r} failed: {type(error).__name__}: {error}"
        raise ImplError(message, code="import-failed", file=value) from error


def _drive(driver: str, distribution: str, entries: list[list[str]]) -> object:
    """What the adapter's driver makes of foreign entry points."""
    module, _, name = driver.partition(":")
    points = tuple(
        ForeignEntry(group, *_halves(value), distribution) for group, value in entries
    )
    try:
        made: object = getattr(importlib.import_module(module), name)(points)
    except BaseException as error:
        message = f"driving it failed: {type(error).__name__}: {error}"
        raise ImplError(message, code="import-failed", file=driver) from error
    return made


def _halves(value: str) -> tuple[str, str]:
    name, _, target = value.partition("=")
    return name, target


def _load_file(path: str) -> ModuleType:
    name = "lockgate_plugin_file"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImplError("it is no Python file", code="import-failed", file=path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _load_restricted(path: str, guest: str, folder: str) -> SimpleNamespace:
    """The file's public names, compiled by RestrictedPython."""
    spec = importlib.util.spec_from_file_location("lockgate_restricted", guest)
    if spec is None or spec.loader is None:
        raise ImplError("the profile's part is missing", code="import-failed")
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: dict[str, Any] = module.namespace(
        Path(path).read_bytes(),
        path,
        folder,
        name="lockgate_plugin_file",
        modules={"lockgate.plugin": plugin_api.__all__},
    )
    public = {name: value for name, value in made.items() if name[0] != "_"}
    return SimpleNamespace(**public)


def _load_entry_point(group: str, value: str, distribution: str) -> object:
    from stevedore import ExtensionManager

    class OnlyOurs(ExtensionManager[object]):
        """Loads the one entry point this worker is for, none of its neighbours."""

        def list_entry_points(self) -> list[Any]:
            """The entry points of the group that are ours."""
            return [
                point
                for point in cast(list[Any], super().list_entry_points())
                if point.value == value
            ]

    def failed(_manager: object, _entry_point: object, error: BaseException) -> None:
        raise error

    extensions = list(OnlyOurs(group, on_load_failure_callback=failed))
    if not extensions:
        message = f"{distribution} has no entry point {value!r} in {group!r}"
        raise ImplError(message, code="impl-missing", file=value)
    return cast(object, extensions[0].plugin)


def _impls(loaded: object, file: str) -> dict[str, Callable[..., object]]:
    """The marked functions of what was loaded, by hook."""
    owner = loaded() if inspect.isclass(loaded) else loaded
    single = getattr(owner, IMPL_ATTRIBUTE, None)
    members = {getattr(owner, "__name__", ""): owner} if single else _members(owner)
    found: dict[str, Callable[..., object]] = {}
    for name, member in members.items():
        options: object = getattr(member, IMPL_ATTRIBUTE, None)
        if not isinstance(options, Mapping):
            continue
        hook = cast(Mapping[str, object], options).get("specname") or name
        spec = specs().get(str(hook))
        if spec is not None:
            found[spec.name] = checked_impl(spec, member, file, name)
    return found


def _members(owner: object) -> dict[str, object]:
    return {
        name: getattr(owner, name, None)
        for name in dir(owner)
        if not name.startswith("__")
    }

"""`PluginUnderTest`: a project's plugin, in this process or in a sealed worker."""

from __future__ import annotations

import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar, cast

import pytest

from lockgate._call.call import Call
from lockgate._guest.awaiting import awaited_here, is_awaited, items_here
from lockgate._guest.context import WorkerContext
from lockgate._guest.impls import Impls, WorkerFault
from lockgate._record.audit import LogLine, Observer, Progress
from lockgate._rights.services import variable_of
from lockgate._specs.spec import HookSpec
from lockgate.config import Config
from lockgate.contract import check_impls
from lockgate.errors import (
    BrokenPluginError,
    HookError,
    InputRefusedError,
    NoAnswerError,
    UnknownHookError,
)
from lockgate.grants import Identity, rights_asked
from lockgate.host import Host
from lockgate.kinds._specs import specs_with
from lockgate.manifest import Manifest, read_manifest
from lockgate.plugin import RefusedError
from lockgate.project._around import environments_of, kinds_of, services_around
from lockgate.project._folder import Project
from lockgate.project._stage import stage
from lockgate.testing._devices import FakeSerial
from lockgate.testing._session import LocalSession
from lockgate.testing._shown import with_its_words
from lockgate.values import Data
from lockgate_sandbox import Sandbox

__all__ = ["InProcessPlugin", "PluginUnderTest", "WorkerPlugin"]

T = TypeVar("T")


class PluginUnderTest(ABC):
    """The plugin of the project that the test belongs to.

    It has no right but those that the test grants. `progress`, `logs` and `denials`
    hold what it said, and was refused, since the test began.
    """

    where: str

    def __init__(
        self, project: Project, folder: Path, tier: str, patch: pytest.MonkeyPatch
    ) -> None:
        self.project = project
        self.tier = tier
        self.config: dict[str, Data] = {}
        self.progress: list[Progress] = []
        self.logs: list[LogLine] = []
        self.denials: list[Mapping[str, Data]] = []
        self._folder = folder
        self._patch = patch
        self._granted: set[str] = set()
        self.manifest: Manifest = read_manifest(
            str(project.manifest), distribution=project.distribution
        )
        self._services = services_around(project)
        kinds = kinds_of(self.manifest, self._services)
        self._specs: Mapping[str, HookSpec] = specs_with(kinds)
        problems = check_impls(
            self.manifest,
            distribution=project.distribution,
            roots=[str(project.root)],
            added=kinds,
        )
        if problems:
            raise BrokenPluginError(
                project.plugin, reason="; ".join(map(str, problems))
            )

    # -- what the owner does ---------------------------------------------------------

    def configure(self, **settings: Data) -> None:
        """Set the plugin's configuration, all of it."""
        self.config = dict(settings)
        self._changed()

    def grant(self, *rights: str) -> None:
        """Grant rights, as ``lockgate grants grant`` names them; none: all it asks.

        Raises:
            ValueError: If the manifest does not ask for one of them.
        """
        asked = {right.key for right in rights_asked(self.manifest)}
        unknown = sorted(set(rights) - asked)
        if unknown:
            message = f"the manifest asks for no {', '.join(unknown)}; it asks for "
            raise ValueError(message + (", ".join(sorted(asked)) or "nothing"))
        self._granted |= set(rights) or asked
        self._changed()

    def give_secret(self, name: str, value: str) -> None:
        """Give a secret its value. Granting it is another matter."""
        self._patch.setenv(variable_of(name), value)

    def fake_serial(self, path: str) -> FakeSerial:
        """Plug in a serial port at `path`, and grant it. In this process only."""
        raise NotImplementedError(self._only("fake_serial"))

    def use_transport(self, transport: object) -> None:
        """Answer HTTP by an httpx transport of the test. In this process only."""
        raise NotImplementedError(self._only("use_transport"))

    def set_clock(self, moment: str) -> None:
        """Let ``time.time()`` say `moment` (ISO 8601). In this process only."""
        raise NotImplementedError(self._only("set_clock"))

    def _only(self, method: str) -> str:
        return f'{method} needs @pytest.mark.lockgate(where=["in-process"])'

    # -- calls -----------------------------------------------------------------------

    def call(self, hook: str, kind: type[T], /, **arguments: object) -> T:
        """Call a hook; its answer, which must be of type `kind`.

        Of a hook that gives a stream it is a tuple of the items.

        Raises:
            RefusedError: If the plugin refuses its input.
            NoAnswerError: If it has no answer.
            Exception: In this process what the plugin raised, from a worker the
                host's `lockgate.errors.HookError`.
        """
        __tracebackhide__ = True
        value = self.answer(hook, **arguments)
        if value is None:
            raise NoAnswerError(hook, asked=[self.project.plugin])
        if not isinstance(value, kind):
            message = f"{hook} answered {type(value).__name__}, no {kind.__name__}"
            raise AssertionError(message)
        return value

    def answer(self, hook: str, /, **arguments: object) -> object:
        """The same, for an answer that may be None.

        Raises:
            UnknownHookError: If there is no such hook.
            LockgateError: As a host's call does.
        """
        __tracebackhide__ = True  # a failure is shown at the test's own line
        if hook not in self._specs:
            raise UnknownHookError(hook, known=self._specs)
        return self._answer(hook, arguments)

    @abstractmethod
    def _answer(self, hook: str, arguments: Mapping[str, object]) -> object: ...

    @abstractmethod
    def _changed(self) -> None: ...

    @abstractmethod
    def close(self) -> None:
        """Let go of everything."""

    @contextmanager
    def denied(self, right: str) -> Generator[None]:
        """Assert that what is called inside is refused the right, and no other.

        A right to a host is the same whatever path of it is asked for.
        """
        before = len(self.denials)
        yield
        found = [str(denial["right"]) for denial in self.denials[before:]]
        if {_place(one) for one in found} != {_place(right)}:
            told = f"{', '.join(found) or 'nothing'} was denied, not {right}"
            raise AssertionError(told)

    def _observer(self) -> Observer:
        return Observer.of(self.progress.append, self.logs.append, None)


def _place(right: str) -> str:
    """A right, of a host only the part that a connection can be refused for."""
    kind, _, value = right.partition(":")
    if kind != "net":
        return right
    from lockgate_sandbox.errors import PolicyError
    from lockgate_sandbox.grant_text import parse_host_grant

    try:
        grant = parse_host_grant(value)
    except PolicyError:
        return right
    return f"net:{grant.host}:{','.join(map(str, grant.ports))}"


class InProcessPlugin(PluginUnderTest):
    """In the test's own process: quick, debuggable, unsealed."""

    where = "in-process"

    def __init__(
        self, project: Project, folder: Path, tier: str, patch: pytest.MonkeyPatch
    ) -> None:
        super().__init__(project, folder, tier, patch)
        if str(project.root) not in sys.path:
            patch.setattr(sys, "path", [str(project.root), *sys.path])
        self._serial: dict[str, FakeSerial] = {}
        self._transport: object = None
        self._sandbox: Sandbox | None = None
        self._session: LocalSession | None = None
        self._impls: Impls | None = None

    def fake_serial(self, path: str) -> FakeSerial:
        """Plug in a serial port at `path`, and grant it."""
        fake = self._serial[path] = FakeSerial(path)
        self.grant(f"device:{path}")
        return fake

    def use_transport(self, transport: object) -> None:
        """Answer HTTP by an httpx transport of the test."""
        self._transport = transport
        self._changed()

    def set_clock(self, moment: str) -> None:
        """Let ``time.time()`` say `moment`."""
        seconds = datetime.fromisoformat(moment).timestamp()
        self._patch.setattr(time, "time", lambda: seconds)

    def _changed(self) -> None:
        session, self._session, self._impls = self._session, None, None
        if session is not None:
            session.close()

    def _ready(self) -> tuple[LocalSession, Impls]:
        if self._session is None or self._impls is None:
            from dataclasses import replace

            project, tier = self.project, self.tier or self.manifest.tier
            manifest = replace(self.manifest, tier=cast(Any, tier))
            self._session = LocalSession(
                manifest,
                Identity(project.plugin, project.distribution, project.version, ""),
                frozenset({*self._granted, f"tier:{tier}"}),
                root=str(project.root),
                devices=self._serial,
                transport=self._transport,
                sandbox=self._opened,
                observer=self._observer(),
            )
            context = WorkerContext(
                self._session,
                plugin=project.plugin,
                config=self._checked_config(self._session.secret),
                tools=self._session.tools,
            )
            self._impls = Impls(context)
        return self._session, self._impls

    def _checked_config(self, secret: Callable[[str], str]) -> dict[str, Data]:
        from lockgate._plugin_settings.whole import checked_config

        config = Config("", "", "", "", plugins={self.project.plugin: self.config})
        schema = self.manifest.config_schema
        return checked_config(self.project.plugin, config, schema, secret)

    def _opened(self) -> Sandbox:
        if self._sandbox is None:
            self._sandbox = Sandbox.open()
        return self._sandbox

    def _answer(self, hook: str, arguments: Mapping[str, object]) -> object:
        __tracebackhide__ = True
        session, impls = self._ready()
        spec, impl = self._specs[hook], self.manifest.hook(hook)
        if impl is None:
            raise NoAnswerError(hook, hint="The plugin's manifest names no impl of it.")
        call = Call.of(spec, arguments)
        session.begin(hook)
        try:
            function = impls.find(spec, impl.target)
            answer: Any = impls.answer(spec, function, call.data)
            if spec.stream:
                items = items_here(answer, call.seconds_left)
                return tuple(spec.answer.decode(item) for item in items)
            if is_awaited(answer):
                answer = awaited_here(answer, call.seconds_left())
        except WorkerFault as fault:
            if isinstance(fault.__cause__, RefusedError):
                raise fault.__cause__ from None
            raise
        finally:
            self.denials.extend(session.denials)
        return None if answer is None else spec.answer.decode(answer)

    def close(self) -> None:
        """Let go of everything."""
        self._changed()
        for fake in self._serial.values():
            fake.close()
        if self._sandbox is not None:
            self._sandbox.close()


class WorkerPlugin(PluginUnderTest):
    """Through a real host, in a sealed worker, from the project's own folder."""

    where = "worker"

    def __init__(
        self, project: Project, folder: Path, tier: str, patch: pytest.MonkeyPatch
    ) -> None:
        super().__init__(project, folder, tier, patch)
        self._site = stage(project, folder, tier=tier)
        self._host: Host | None = None

    @property
    def host(self) -> Host:
        """The host; it sees this plugin, and those that add kinds."""
        if self._host is None:
            home = self._folder / "home"
            config = Config(
                grants_file=str(home / "grants" / "grants.toml"),
                cache_dir=str(home / "cache"),
                data_dir=str(home / "data"),
                state_dir=str(home / "state"),
                plugins={self.project.plugin: self.config},
                environments=environments_of(self._services),
            )
            self._host = Host.open(
                config,
                search_path=[self._site],
                on_progress=self.progress.append,
                on_log=self.logs.append,
            )
            self._write_grants(self._host, config)
        return self._host

    def _write_grants(self, host: Host, config: Config) -> None:
        from lockgate._rights.file import GrantsFile
        from lockgate._seating.seats import identity_of

        (state,) = (s for s in host.plugins() if s.name == self.project.plugin)
        manifest = state.manifest or self.manifest
        asked = rights_asked(manifest)
        keys = {right.key for right in asked}
        # The tier is what the test is about; rights are what it grants.
        given = (self._granted | {f"tier:{manifest.tier}"}) & keys
        if given:
            GrantsFile(Path(config.grants_file)).grant(
                identity_of(state), asked, frozenset(given), any_version=True
            )

    def _changed(self) -> None:
        host, self._host = self._host, None
        if host is not None:
            host.close()

    def _answer(self, hook: str, arguments: Mapping[str, object]) -> object:
        __tracebackhide__ = True
        ask: Callable[..., Any] = self.host.call
        stream: Callable[..., Any] = self.host.stream
        try:
            if self._specs[hook].stream:
                with stream(hook, plugin=self.project.plugin, **arguments) as items:
                    return tuple(item.value for item in items)
            answers = ask(hook, plugin=self.project.plugin, **arguments)
        except InputRefusedError as error:
            raise RefusedError(error.reasons) from error
        except HookError as error:
            # How the host came to know of it helps nobody; what the worker said does.
            raise with_its_words(error).with_traceback(None) from None
        for answer in answers:
            self.denials.extend(answer.denials)
            return cast(object, answer.value)
        return None

    def close(self) -> None:
        """End the worker and the host."""
        self._changed()

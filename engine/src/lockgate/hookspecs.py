"""The contract: every hook of lockgate, one section per plugin kind.

A spec is a method of its kind's Protocol. Its docstring says when it is called
and what to answer; its annotations are what the host validates, in both
directions. `context` is never passed by a caller: whoever runs the impl gives
its own (`lockgate.plugin.Context`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, Protocol

from lockgate._hook.api import HOOK_API_VERSION as HOOK_API_VERSION
from lockgate._hook.options import SPEC_ATTRIBUTE as SPEC_ATTRIBUTE
from lockgate._hook.options import Failure as Failure
from lockgate._hook.options import HookOptions as HookOptions
from lockgate._hook.options import hookspec as hookspec
from lockgate.plugin import (
    AnalysisReport,
    Completion,
    Context,
    Device,
    DeviceHandle,
    Document,
    Generation,
    ModelInfo,
    Simulation,
    Task,
    Transformation,
    Tree,
)

Kind = Literal["generator", "analyzer", "transformer", "hardware", "ai", "service"]


class Generator(Protocol):
    """A document becomes a tree of files."""

    @hookspec("generator", timeout_seconds=120)
    def generate(
        self, spec: Document, targets: tuple[str, ...], context: Context
    ) -> Generation | None:
        """Make files from `spec`.

        Called for each generator unless the caller names one. `targets` names the
        wanted outputs; empty means all that suit the spec.

        Returns:
            The files, or None if this generator does not know such a spec.

        Raises:
            RefusedError: If the spec is of this generator's kind but wrong.
        """
        ...

    @hookspec("generator", failure="skip")
    def generator_targets(self, context: Context) -> tuple[str, ...]:
        """Name the targets that `generate` understands."""
        ...


class Analyzer(Protocol):
    """A tree becomes findings."""

    @hookspec("analyzer", timeout_seconds=120)
    def analyze(
        self, tree: Tree, contract: Document, context: Context
    ) -> AnalysisReport | None:
        """Look at `tree` and report findings.

        `contract` is the generation's contract, or empty. A finding of severity
        ``error`` makes a pipeline's analysis step fail.
        """
        ...


class Transformer(Protocol):
    """A tree becomes a tree."""

    @hookspec("transformer", timeout_seconds=120)
    def transform(
        self, tree: Tree, options: Document, context: Context
    ) -> Transformation | None:
        """Return `tree` with files changed, added or left out.

        Files that the transformer does not know are handed back as they came.
        """
        ...


class Hardware(Protocol):
    """Devices, real and virtual."""

    @hookspec("hardware", failure="skip")
    def discover_devices(self, context: Context) -> tuple[Device, ...]:
        """List what can be opened or simulated on now; empty if nothing is there."""
        ...

    @hookspec("hardware", firstresult=True)
    def open_device(
        self, device: str, options: Document, context: Context
    ) -> DeviceHandle | None:
        """Open `device` (an id from `discover_devices`), or None if it is not ours."""
        ...

    @hookspec("hardware", firstresult=True)
    def read_device(
        self, handle: DeviceHandle, size: int, timeout: float, context: Context
    ) -> bytes | None:
        """Read up to `size` bytes, waiting at most `timeout` seconds."""
        ...

    @hookspec("hardware", failure="skip", timeout_seconds=3600, since="1.1")
    def watch_device(
        self, device: str, options: Document, context: Context
    ) -> Iterator[bytes]:
        """Give what `device` says, piece by piece, until its reader has enough.

        Nothing is given for a device that is not ours. `options` are those of
        `open_device`; `idle_seconds` among them ends the stream when the device has
        been silent for so long.
        """
        ...

    @hookspec("hardware", firstresult=True)
    def write_device(
        self, handle: DeviceHandle, data: bytes, context: Context
    ) -> int | None:
        """Write `data`; return the number of bytes taken."""
        ...

    @hookspec("hardware", firstresult=True)
    def close_device(self, handle: DeviceHandle, context: Context) -> bool | None:
        """Close an open device; True if it was ours."""
        ...

    @hookspec("hardware", timeout_seconds=300)
    def simulate(
        self, tree: Tree, contract: Document, board: str, context: Context
    ) -> Simulation | None:
        """Run the firmware in `tree` on a virtual `board` and hold it to `contract`.

        Returns None if the board is unknown to this plugin, or if the tree holds
        nothing that runs on it.
        """
        ...


class AI(Protocol):
    """Models and agents."""

    @hookspec("ai", failure="skip")
    def list_models(self, context: Context) -> tuple[ModelInfo, ...]:
        """List the models on offer."""
        ...

    @hookspec("ai", failure="skip")
    def can_handle(self, task: Task, context: Context) -> float:
        """Say how well `task` suits, from 0 (not at all) to 1."""
        ...

    @hookspec("ai", firstresult=True, timeout_seconds=300)
    def complete(self, task: Task, model: str, context: Context) -> Completion | None:
        """Do `task`; `model` may be empty. None hands it to the next agent."""
        ...

    @hookspec("ai", firstresult=True, timeout_seconds=300, since="1.1")
    def complete_stream(
        self, task: Task, model: str, context: Context
    ) -> Iterator[str] | None:
        """Do `task` and give the text piece by piece, as it is made.

        The pieces together are the text that `complete` would give. None, or no
        piece at all, hands it to the next agent.
        """
        ...

    @hookspec("ai", firstresult=True, timeout_seconds=300)
    def embed(
        self, texts: tuple[str, ...], model: str, context: Context
    ) -> tuple[tuple[float, ...], ...] | None:
        """Return one vector per text, all of one length."""
        ...


class Service(Protocol):
    """What extends the host itself."""

    @hookspec("service", firstresult=True, timeout_seconds=3600)
    def run_pipeline(
        self, pipeline: Document, inputs: Document, files: Tree, context: Context
    ) -> Document | None:
        """Run a pipeline of hook calls and return its run document.

        `files` holds what the pipeline names by a path relative to its own file
        (sub-pipelines, bundled specs). The document's form is
        ``docs/reference/pipelines.md``.
        """
        ...

    @hookspec("service", firstresult=True)
    def check_pipeline(
        self, pipeline: Document, context: Context
    ) -> tuple[str, ...] | None:
        """List what is wrong with a pipeline; empty if it would run."""
        ...

    @hookspec("service", failure="collect", historic=True, since="1.1")
    def announce(self, topic: str, message: Document, context: Context) -> bool | None:
        """Hear of something that happened: `topic` names it, `message` has the facts.

        Any plugin may listen, of whatever kind. One that becomes active later, or
        whose worker is replaced, hears of what was announced before, in order.

        Returns:
            True if it is of interest here; nothing else is done with it.
        """
        ...

    @hookspec("service", failure="skip")
    def diagnose(self, context: Context) -> tuple[Document, ...]:
        """Contribute checks to ``lockgate doctor``.

        Each is an object with ``name``, ``state`` (``ok``, ``warning``,
        ``problem``), ``message`` and ``hint``.
        """
        ...

"""The hooks of the plugin: adapts `Context` to the runner, and nothing else."""

from __future__ import annotations

from typing import Protocol, cast

from lockgate.plugin import Context, Document, RefusedError, Tree, hookimpl
from lockgate_workflows.check import Checked, check
from lockgate_workflows.host import Host
from lockgate_workflows.inputs import InputError
from lockgate_workflows.inputs import bind as bind_inputs
from lockgate_workflows.parse import parse
from lockgate_workflows.problems import Problems
from lockgate_workflows.run import Run
from lockgate_workflows.shared import Progress, Shared
from lockgate_workflows.sources import Source, SourceError, read

__all__ = ["check_pipeline", "run_pipeline"]


class _HostContext(Protocol):
    """The context of a plugin that runs in the host."""

    @property
    def host(self) -> Host:
        """The host that the plugin runs in."""
        ...


@hookimpl
def run_pipeline(
    pipeline: Document, inputs: Document, files: Tree, context: Context
) -> Document:
    """Check the pipeline as a whole, then run it.

    Raises:
        RefusedError: If it could not run, with every problem; or if the inputs
            are not what it asks for.
    """
    host = cast("_HostContext", context).host
    checked = _checked(pipeline, files, host)
    try:
        bind_inputs(checked.pipeline, inputs, files)
    except InputError as error:
        raise RefusedError(error.reasons) from error
    run = Run(
        checked.pipeline,
        inputs,
        Shared(host, checked, files, Progress(context.progress)),
    )
    run.execute()
    return run.document()


@hookimpl
def check_pipeline(pipeline: Document) -> tuple[str, ...]:
    """List what is wrong with the pipeline; its sub-pipelines are not looked at."""
    problems = Problems()
    check(parse(Source(pipeline), problems), problems)
    return tuple(str(problem) for problem in problems)


def _checked(pipeline: Document, files: Tree, host: Host) -> Checked:
    plugins = [plugin.name for plugin in host.plugins()]
    for source in (Source(pipeline), None):
        problems = Problems()
        # The lines are looked up only for a reader who needs them.
        found = _with_lines(pipeline, files) if source is None else source
        checked = check(parse(found, problems), problems, files=files, plugins=plugins)
        if not problems:
            return checked
    raise RefusedError(problems.reasons())


def _with_lines(pipeline: Document, files: Tree) -> Source:
    """The same pipeline as one of `files`, whose lines are known; else as it is."""
    for file in files:
        if file.path.endswith((".yaml", ".yml")):
            try:
                source = read(file.content, file.path)
            except SourceError:
                continue
            if source.document == pipeline:
                return source
    return Source(pipeline)

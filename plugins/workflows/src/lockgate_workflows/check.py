"""The meaning of a pipeline, before anything runs: graph, references, hooks, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from lockgate.expression import Expression, Reference
from lockgate.values import Data, Tree
from lockgate_workflows.fields import templates
from lockgate_workflows.hooks import known_hooks
from lockgate_workflows.model import Call, Pipeline, Step
from lockgate_workflows.parse import parse
from lockgate_workflows.problems import Place, Problems, nearest
from lockgate_workflows.sources import SourceError, beside, load

__all__ = ["DEPTH_LIMIT", "Checked", "check"]

DEPTH_LIMIT = 4
"""Pipelines inside pipelines, the outermost counted."""

STEP_KEYS = ("error", "id", "runs", "seconds", "state", "value", "values")
"""What an expression may read of a step."""


@dataclass(frozen=True, slots=True)
class Checked:
    """A pipeline with all that it runs, by path, ready to run."""

    pipeline: Pipeline
    subs: Mapping[str, Pipeline] = field(default_factory=dict[str, Pipeline])


def check(
    pipeline: Pipeline,
    problems: Problems,
    *,
    files: Tree | None = None,
    plugins: Iterable[str] | None = None,
) -> Checked:
    """Note everything in `pipeline` that could not run.

    `files` None: what the pipeline names by path is not looked at. `plugins`
    None: neither are plugin names.
    """
    checking = _Checking(problems, files, None if plugins is None else set(plugins))
    checking.pipeline(pipeline, ())
    checking.nesting(pipeline)
    return Checked(pipeline, checking.subs)


class _Checking:
    def __init__(
        self, problems: Problems, files: Tree | None, plugins: set[str] | None
    ) -> None:
        self.subs: dict[str, Pipeline] = {}
        self._problems = problems
        self._files = files
        self._plugins = plugins

    def pipeline(self, pipeline: Pipeline, above: tuple[str, ...]) -> None:
        steps = _by_id(pipeline, self._problems)
        upstream = _upstream(pipeline, steps, self._problems)
        files = None if self._files is None else beside(self._files, pipeline.file)
        for step in pipeline.steps:
            done = upstream.get(step.id, frozenset())
            scope = _Scope(pipeline, steps, done, files)
            self._step(step, scope)
            if step.pipeline is not None:
                self._sub(step, step.pipeline, (*above, pipeline.file))
        everything = _Scope(pipeline, steps, frozenset(steps), files)
        self._templates(pipeline.outputs, pipeline.place.below("outputs"), everything)

    def _step(self, step: Step, scope: _Scope) -> None:
        if step.call:
            self._call(step.call, scope, optional=step.optional)
        self._condition(step.when, step.place.below("when"), scope)
        self._condition(
            step.fail_when, step.place.below("fail_when"), scope.plus("answer")
        )
        self._templates(step.foreach, step.place.below("foreach"), scope)
        inner = scope.plus(step.item, "index") if step.foreach is not None else scope
        self._templates(step.given, step.place.below("with"), inner)
        if step.compensate:
            self._call(step.compensate, scope.with_step(step.id), optional=False)

    def _call(self, call: Call, scope: _Scope, *, optional: bool) -> None:
        hooks = known_hooks()
        if call.hook not in hooks:
            message = f"there is no hook {call.hook!r:.80}"
            place = call.place.below("hook")
            self._problems.add(
                "unknown-hook", place, message, nearest(call.hook, hooks)
            )
        else:
            for name in call.arguments:
                if name not in hooks[call.hook].arguments:
                    message = f"hook {call.hook!r} takes no argument {name!r:.80}"
                    place = call.place.below("with").below(name)
                    hint = nearest(name, hooks[call.hook].arguments)
                    self._problems.add("unknown-argument", place, message, hint)
        if call.plugin and self._plugins is not None and not optional:
            self._plugin(call.plugin, call.place.below("plugin"), self._plugins)
        self._templates(call.arguments, call.place.below("with"), scope)

    def _plugin(self, plugin: str, place: Place, known: set[str]) -> None:
        if plugin not in known:
            message = f"there is no plugin {plugin!r:.80}"
            self._problems.add("unknown-plugin", place, message, nearest(plugin, known))

    def _templates(self, value: Data, place: Place, scope: _Scope) -> None:
        for spot, reference in templates(value, place, self._problems):
            scope.check(reference, spot, self._problems)

    def _condition(
        self, condition: Expression | None, place: Place, scope: _Scope
    ) -> None:
        for reference in condition.references if condition else ():
            scope.check(reference, place, self._problems)

    def _sub(self, step: Step, path: str, above: tuple[str, ...]) -> None:
        place = step.place.below("pipeline")
        if self._files is None:
            return
        resolved = resolve(step.place.file, path)
        if resolved in above or len(above) >= DEPTH_LIMIT:
            chain = " → ".join([*(name or "this pipeline" for name in above), resolved])
            message = f"pipelines nest at most {DEPTH_LIMIT} deep and never in a ring"
            self._problems.add("pipeline-nesting", place, f"{message}: {chain}")
            return
        sub = self.subs.get(resolved)
        if sub is None:
            sub = self._load(resolved, place)
            if sub is None:
                return
            self.subs[resolved] = sub
            self.pipeline(sub, above)
        self._given(step, sub)

    def nesting(self, pipeline: Pipeline) -> None:
        """Note a chain of pipelines that is too long whichever way it is reached."""
        if any(problem.code == "pipeline-nesting" for problem in self._problems):
            return
        if _height(pipeline, self.subs, {}) > DEPTH_LIMIT:
            message = f"pipelines nest at most {DEPTH_LIMIT} deep"
            self._problems.add("pipeline-nesting", pipeline.place, message)

    def _load(self, path: str, place: Place) -> Pipeline | None:
        try:
            source = load(self._files or Tree(), path)
        except SourceError as error:
            if error.line:
                place = Place(path, (), "", {(): error.line})
            self._problems.add("pipeline-unreadable", place, str(error), error.hint)
            return None
        return parse(source, self._problems)

    def _given(self, step: Step, sub: Pipeline) -> None:
        """Hold what the step gives against what the sub-pipeline asks for."""
        place = step.place.below("with")
        for name in step.given:
            if name not in sub.inputs:
                message = f"pipeline {sub.name!r} has no input {name!r:.80}"
                hint = nearest(name, sub.inputs)
                self._problems.add("unknown-input", place.below(name), message, hint)
        for name, asked in sub.inputs.items():
            if asked.required and name not in step.given:
                message = f"pipeline {sub.name!r} asks for the input {name!r}"
                self._problems.add("input-missing", place, message)


def _height(
    pipeline: Pipeline, subs: Mapping[str, Pipeline], known: dict[str, int]
) -> int:
    """How many pipelines stand on top of each other; there is no ring in `subs`."""
    height = 1
    for step in pipeline.steps:
        path = resolve(pipeline.file, step.pipeline or "")
        if path in subs and path not in known:
            known[path] = _height(subs[path], subs, known)
        height = max(height, 1 + known.get(path, 0))
    return height


def resolve(file: str, path: str) -> str:
    """The path of what the pipeline in `file` names `path`."""
    folder, slash, _ = file.rpartition("/")
    return f"{folder}{slash}{path}"


@dataclass(frozen=True, slots=True)
class _Scope:
    """The names that an expression at one place may use."""

    pipeline: Pipeline
    steps: Mapping[str, Step]
    upstream: frozenset[str]
    files: Mapping[str, Data] | None = None
    extra: tuple[str, ...] = ()

    def plus(self, *names: str) -> _Scope:
        return replace(self, extra=(*self.extra, *names))

    def with_step(self, name: str) -> _Scope:
        return replace(self, upstream=self.upstream | {name})

    def check(self, reference: Reference, place: Place, problems: Problems) -> None:
        root, *rest = reference.path
        roots = ("files", "inputs", "steps", "run", *self.extra)
        if root not in roots:
            message = f"there is no name {root!r:.80} here"
            problems.add("unknown-reference", place, message, nearest(str(root), roots))
        elif root in self.extra or root == "run" or not rest:
            return
        elif root == "inputs":
            self._input(str(rest[0]), place, problems)
        elif root == "files":
            self._file(str(rest[0]), place, problems)
        else:
            self._step(rest, place, problems)

    def _input(self, name: str, place: Place, problems: Problems) -> None:
        if name not in self.pipeline.inputs:
            hint = nearest(name, self.pipeline.inputs)
            message = f"there is no input {name!r:.80}"
            problems.add("unknown-reference", place, message, hint)

    def _file(self, name: str, place: Place, problems: Problems) -> None:
        if self.files is not None and name not in self.files:
            message = f"there is no file {name!r:.80} beside the pipeline"
            hint = nearest(name, self.files)
            problems.add("unknown-reference", place, message, hint)

    def _step(self, path: list[str | int], place: Place, problems: Problems) -> None:
        name = str(path[0])
        if name not in self.steps:
            message = f"there is no step {name!r:.80}"
            problems.add("unknown-reference", place, message, nearest(name, self.steps))
        elif name not in self.upstream:
            message = f"step {name!r} is not sure to have ended before this one"
            hint = f"add {name!r} to 'needs'"
            problems.add("unordered-reference", place, message, hint)
        elif len(path) > 1 and path[1] not in STEP_KEYS:
            message = f"a step has no {path[1]!r:.80}"
            hint = nearest(str(path[1]), STEP_KEYS)
            problems.add("unknown-reference", place, message, hint)


def _by_id(pipeline: Pipeline, problems: Problems) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for step in pipeline.steps:
        if step.id and step.id in steps:
            place = step.place.below("id")
            problems.add("step-twice", place, f"there are two steps {step.id!r}")
        elif step.id:
            steps[step.id] = step
    return steps


def _upstream(
    pipeline: Pipeline, steps: Mapping[str, Step], problems: Problems
) -> dict[str, frozenset[str]]:
    """What has surely ended before each step; unknown needs and rings are noted."""
    for step in steps.values():
        for name in step.needs:
            if name not in steps:
                place = step.place.below("needs")
                hint = nearest(name, steps)
                problems.add(
                    "unknown-step", place, f"there is no step {name!r:.80}", hint
                )
    found: dict[str, frozenset[str]] = {}
    pending = dict(steps)
    while pending:
        ready = [
            step
            for step in pending.values()
            if not any(name in pending for name in step.needs)
        ]
        if not ready:
            ring = _ring(pending)
            place = pipeline.place.below("steps")
            message = f"steps wait for each other: {' → '.join(ring)}"
            problems.add("step-ring", place, message, "take one out of 'needs'")
            return {**found, **{name: frozenset(steps) for name in pending}}
        for step in ready:
            direct = [name for name in step.needs if name in found]
            found[step.id] = frozenset(direct).union(*(found[n] for n in direct))
        for step in ready:
            del pending[step.id]
    return found


def _ring(pending: Mapping[str, Step]) -> list[str]:
    """One ring of steps, its first step again at the end."""
    path: list[str] = []
    current = next(iter(pending))
    while current not in path:
        path.append(current)
        current = next(name for name in pending[current].needs if name in pending)
    return [*path[path.index(current) :], current]

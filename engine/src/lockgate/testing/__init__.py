"""A pytest plugin for those who write plugins: the same test here and in a worker.

::

    # pyproject.toml: [tool.pytest.ini_options] addopts = ["-p", "lockgate.testing"]

    def test_it(plugin: PluginUnderTest) -> None:
        answer = plugin.call("transform", Transformation, tree=Tree.of({"a": "b"}))
        assert answer.tree["a"].text == "B"

Each test that takes the fixture `plugin` runs twice: in the test's own process, and
in a sealed worker that a real host starts from the project's folder. It need not be
installed. ``@pytest.mark.lockgate(where=["worker"], tiers=["read-only", "basic"])``
chooses; with tiers, the manifest's own is replaced.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lockgate.errors import LockgateError, ProjectError
from lockgate.project import Project, find_project
from lockgate.testing._devices import FakeSerial
from lockgate.testing._plugin import InProcessPlugin, PluginUnderTest, WorkerPlugin
from lockgate.testing._shown import in_words

__all__ = [
    "FakeSerial",
    "PluginUnderTest",
    "lockgate_project",
    "plugin",
    "pytest_configure",
    "pytest_generate_tests",
]

_PLACES: dict[str, type[InProcessPlugin] | type[WorkerPlugin]] = {
    InProcessPlugin.where: InProcessPlugin,
    WorkerPlugin.where: WorkerPlugin,
}
_CELL = "_lockgate_cell"


def pytest_configure(config: pytest.Config) -> None:
    """Describe the marker."""
    config.addinivalue_line(
        "markers",
        "lockgate(where=[...], tiers=[...]): where a test of a plugin runs "
        "(in-process, worker), and at which tiers",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each place and tier that it asks for.

    Raises:
        pytest.UsageError: If the marker holds anything else.
    """
    if _CELL not in metafunc.fixturenames:
        return
    marker = metafunc.definition.get_closest_marker("lockgate")
    words = dict(marker.kwargs) if marker is not None else {}
    places, tiers = words.pop("where", [*_PLACES]), words.pop("tiers", [""])
    wrong = [*words, *(place for place in places if place not in _PLACES)]
    if wrong or (marker is not None and marker.args):
        message = "@pytest.mark.lockgate takes where=[...] of " + ", ".join(_PLACES)
        raise pytest.UsageError(f"{message}, and tiers=[...]; not {wrong}")
    cells = [(place, tier) for place in places for tier in tiers]
    ids = [f"{place}-{tier}" if tier else place for place, tier in cells]
    metafunc.parametrize(_CELL, cells, indirect=True, ids=ids)


@pytest.fixture
def _lockgate_cell(request: pytest.FixtureRequest) -> tuple[str, str]:
    cell: tuple[str, str] = request.param
    return cell


@pytest.fixture
def lockgate_project(request: pytest.FixtureRequest) -> Project:
    """The plugin's project that the test's file belongs to.

    Raises:
        ProjectError: If there is none.
    """
    folders = request.path.parents
    for folder in folders:
        if (folder / "pyproject.toml").is_file():
            return find_project(folder)
    message = f"no folder above {request.path} holds a pyproject.toml"
    raise ProjectError(message, file=str(request.path))


@pytest.fixture
def plugin(
    _lockgate_cell: tuple[str, str],
    lockgate_project: Project,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[PluginUnderTest]:
    """The plugin of the project, in the place and at the tier of this test."""
    place, tier = _lockgate_cell
    kind, folder = _PLACES[place], tmp_path / "lockgate"
    try:
        made = kind(lockgate_project, folder, tier, monkeypatch)
    except LockgateError as error:
        pytest.fail(in_words(error), pytrace=False)
    try:
        yield made
    finally:
        made.close()

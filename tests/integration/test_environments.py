"""Plugins with environments of their own: contradictory versions in one call.

The first pydantic is the one that the second ships inside itself (1.10, whole),
put where an installation of it would be.
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from lockgate import discovery
from lockgate.config import Config
from lockgate.discovery import PluginState, _environments, discover
from lockgate.errors import HookError, PluginUnavailableError
from lockgate.host import Host
from lockgate.values import Tree
from tests.support.host_plugins import Site

ONE = """
from lockgate.plugin import Transformation, Tree, hookimpl
import pydantic

class Model(pydantic.BaseModel):
    size: int

    @pydantic.validator("size")
    def grows(cls, value):
        return value + 1

@hookimpl
def transform(tree):
    made = Model.parse_obj({"size": "1"})
    text = f"{pydantic.VERSION.split('.')[0]} {made.dict()}"
    return Transformation(Tree.of({"a.txt": text}))
"""

TWO = (
    ONE.replace("Model.parse_obj", "Model.model_validate")
    .replace("made.dict()", "made.model_dump()")
    .replace("pydantic.validator", "pydantic.field_validator")
)


def place_of(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def first_pydantic(folder: Path) -> Path:
    """Pydantic 1.10 as its own distribution would lie in `folder`."""
    shutil.copytree(
        place_of("pydantic") / "v1",
        folder / "pydantic",
        ignore=shutil.ignore_patterns("__pycache__"),
    )
    for path in (folder / "pydantic").rglob("*.py"):
        text = path.read_text("utf-8")
        path.write_text(text.replace("pydantic.v1", "pydantic"), "utf-8")
    shutil.copy(place_of("pydantic").parent / "typing_extensions.py", folder)
    return folder


def second_pydantic(folder: Path) -> Path:
    """The pydantic of this environment and what it needs, and nothing else."""
    folder.mkdir()
    for name in ("pydantic", "pydantic_core", "annotated_types", "typing_inspection"):
        shutil.copytree(place_of(name), folder / name)
    shutil.copy(place_of("pydantic").parent / "typing_extensions.py", folder)
    return folder


def config_with(site: Site, environments: Mapping[str, tuple[str, ...]]) -> Config:
    return replace(site.config, environments=environments)


def in_own(root: Path, name: str, source: str) -> str:
    """Install a plugin into a folder that no search path names."""
    own = Site(root / name)
    own.add(name, source)
    return str(own.folder)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "shared")


def open_host(site: Site, environments: Mapping[str, tuple[str, ...]]) -> Host:
    return Host.open(config_with(site, environments), search_path=[site.folder])


@pytest.mark.slow
def test_pydantic_1_and_pydantic_2_answer_in_one_call(
    tmp_path: Path, site: Site
) -> None:
    first = first_pydantic(tmp_path / "store-1")
    second = second_pydantic(tmp_path / "store-2")
    environments = {
        "test-old": (in_own(tmp_path, "old", ONE), str(first)),
        "test-new": (in_own(tmp_path, "new", TWO), str(second)),
    }

    with open_host(site, environments) as host:
        answers = host.call("transform", tree=Tree.of({}))
        alone = host.call("transform", plugin="old", tree=Tree.of({})).first

    told = {one.plugin: one.value.tree["a.txt"].text for one in answers}
    assert told == {"old": "1 {'size': 2}", "new": "2 {'size': 2}"}
    assert alone.tree["a.txt"].text == told["old"]


def test_nothing_of_the_hosts_environment_is_seen(tmp_path: Path, site: Site) -> None:
    source = """
import sys
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree):
    found = []
    for name in ("pydantic", "msgspec", "yaml", "pytest", "lockgate_sandbox"):
        try:
            __import__(name)
            found.append(name)
        except ImportError:
            pass
    import lockgate
    beside = lockgate.__path__[0].rpartition("/")[0]
    try:
        import os
        found.append(str(os.listdir(beside)))
    except OSError:
        pass
    return Transformation(Tree.of({"a.txt": ",".join(found)}))
"""
    environments = {"test-lone": (in_own(tmp_path, "lone", source),)}

    with open_host(site, environments) as host:
        apart = host.call("transform", tree=Tree.of({})).first.tree["a.txt"].text
    site.add("lone", source)
    with open_host(site, {}) as host:
        shared = host.call("transform", tree=Tree.of({})).first.tree["a.txt"].text

    assert apart == ""
    assert "pydantic" in shared


def test_a_dependency_that_is_missing_is_not_found_in_the_hosts(
    tmp_path: Path, site: Site
) -> None:
    environments = {"test-poor": (in_own(tmp_path, "poor", ONE),)}

    with (
        open_host(site, environments) as host,
        pytest.raises(HookError, match="No module named 'pydantic'"),
    ):
        host.call("transform", tree=Tree.of({}))


def test_the_environments_plugin_comes_before_the_shared_one(
    tmp_path: Path, site: Site
) -> None:
    site.add("acme", ONE, version="1.0")
    own = Site(tmp_path / "own")
    own.add("acme", ONE, version="2.0")

    found = discover([str(site.folder)], environments={"test-acme": (str(own.folder),)})

    states = [(one.version, one.state) for one in found.plugins]
    assert sorted(states) == [("1.0", "shadowed"), ("2.0", "ok")]


def test_only_the_named_distribution_counts(tmp_path: Path, site: Site) -> None:
    """Another plugin in the same environment is what the first depends on."""
    own = Site(tmp_path / "own")
    own.add("acme", ONE)
    own.add("helper", ONE)

    found = discover([str(site.folder)], environments={"test-acme": (str(own.folder),)})

    assert found.names == ("acme",)


def venv(folder: Path, version: str, site: Path) -> Path:
    """A virtual environment as `venv` makes it, with an editable install in it."""
    packages = folder / "lib" / f"python{version}" / "site-packages"
    packages.mkdir(parents=True)
    (folder / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {version}.1\n")
    for info in site.glob("*.dist-info"):
        shutil.copytree(info, packages / info.name)
        record = packages / info.name / "RECORD"
        record.write_text(f"_acme.pth,,\n{info.name}/RECORD,,\n")
    (packages / "_acme.pth").write_text(f"import nothing_at_all\n{site}\n")
    return folder


def test_a_virtual_environment_with_an_editable_plugin(
    tmp_path: Path, site: Site
) -> None:
    source = "from lockgate.plugin import Transformation, hookimpl\n@hookimpl\n"
    source += "def transform(tree): return Transformation(tree)\n"
    code = Path(in_own(tmp_path, "acme", source))
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = venv(tmp_path / "venv", this, code)
    for info in code.glob("*.dist-info"):
        shutil.rmtree(info)  # its metadata lies in the environment alone

    with open_host(site, {"test-acme": (str(folder), str(code))}) as host:
        answers = host.call("transform", tree=Tree.of({"a": "b"}))

    assert [one.plugin for one in answers] == ["acme"]


READS = """
from lockgate.plugin import Transformation, Tree, hookimpl

@hookimpl
def transform(tree):
    try:
        found = open({path!r}).read()
    except OSError as error:
        found = type(error).__name__
    return Transformation(Tree.of({{"a.txt": found}}))
"""


def spying(home: Path) -> Path:
    """A virtual environment below `home`, whose plugin reads a file in `home`."""
    home.mkdir()
    (home / "key").write_text("the key")
    code = Path(in_own(home.parent, "acme", READS.format(path=str(home / "key"))))
    folder = home / "venv"
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / f"python{this}" / "site-packages"
    shutil.copytree(code, packages)
    (folder / "pyvenv.cfg").write_text("home = /usr/bin\n")
    (packages / "spy.pth").write_text(f"{home}\n")
    return folder


@pytest.mark.parametrize("mended", [True, False])
def test_a_pth_file_gives_a_worker_nothing_to_read(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch, mended: bool
) -> None:
    home = tmp_path / "user"
    environments = {"test-acme": (str(spying(home)),)}
    if not mended:  # the folders that the file names count
        before = _environments.import_path

        def with_home(given: Sequence[str]) -> list[str]:
            return [*before(given), str(home)]

        monkeypatch.setattr(discovery, "import_path", with_home)

    with open_host(site, environments) as host:
        told = host.call("transform", tree=Tree.of({})).first.tree["a.txt"].text

    assert told == ("PermissionError" if mended else "the key")


@pytest.mark.parametrize("mended", [True, False])
def test_a_manifest_beside_the_environment_gives_nothing_either(
    tmp_path: Path, site: Site, monkeypatch: pytest.MonkeyPatch, mended: bool
) -> None:
    """The environment's own folder as the package: a wheel's data lies in it."""
    home = tmp_path / "user"
    folder = spying(home)
    (info,) = folder.rglob("*.dist-info")
    shutil.move(info.parent / "acme_plugin" / "lockgate.toml", folder)
    points = info / "entry_points.txt"
    points.write_text(points.read_text().replace("acme_plugin:", "venv:"))
    (info / "RECORD").write_text("spy.pth,,\n")
    if not mended:  # the plugin's word counts

        def trusting(state: PluginState, environment: tuple[str, ...]) -> PluginState:
            path = (*state.path, *environment)
            return replace(state, environment=environment, path=path)

        monkeypatch.setattr(_environments, "_within", trusting)

    with open_host(site, {"test-acme": (str(folder),)}) as host:
        if mended:
            with pytest.raises(PluginUnavailableError, match="did not name"):
                host.call("transform", plugin="acme", tree=Tree.of({}))
            (state,) = host.plugins()
            assert state.state == "broken"
            assert f"add {home} to `environments.test-acme`" in state.hint
        else:
            told = host.call("transform", tree=Tree.of({})).first.tree["a.txt"].text
            assert told == "the key"


def test_what_is_not_there_is_a_state_with_a_way_out(
    tmp_path: Path, site: Site
) -> None:
    other = venv(tmp_path / "venv", "3.1", Path(in_own(tmp_path, "acme", ONE)))
    environments = {
        "test-acme": (str(other),),
        "test-gone": (str(tmp_path / "nowhere"),),
    }

    with open_host(site, environments) as host:
        states = {one.name: one for one in host.plugins()}
        with pytest.raises(PluginUnavailableError):
            host.call("transform", plugin="test-gone", tree=Tree.of({}))

    assert states["test-acme"].state == "incompatible"
    assert "Python 3.1" in states["test-acme"].reason
    assert states["test-gone"].state == "broken"
    assert "environments.test-gone" in states["test-gone"].hint

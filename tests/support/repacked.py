"""Wheels of what is installed here: real distributions, to be installed from an index.

`repacked` packs the files of a distribution again, under the tag that its own WHEEL
file says. `first_pydantic` is the pydantic 1 that pydantic 2 ships inside itself.
"""

from __future__ import annotations

from importlib.metadata import distribution, version

from tests.support.wheels import Draft

__all__ = ["first_pydantic", "repacked"]

_INSTALLERS = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json"}


def repacked(name: str) -> Draft:
    """The wheel that an installed distribution came from, as far as files tell."""
    found = distribution(name)
    wheel = found.read_text("WHEEL") or ""
    tag = next(
        line.removeprefix("Tag: ")
        for line in wheel.splitlines()
        if line.startswith("Tag: ")
    )
    draft = Draft(found.name.replace("-", "_"), found.version, tag)
    draft.entries.clear()
    for path in found.files or ():
        inside = ".." not in path.parts and path.suffix != ".pyc"
        if inside and not (path.parent.name == draft.info and path.name in _INSTALLERS):
            draft.add(str(path), path.read_binary(), deflate=True)
    return draft.seal()


def first_pydantic() -> Draft:
    """Pydantic 1, whole, as a distribution of its own."""
    draft = Draft("pydantic", "1.10.24", requires=("typing-extensions>=4",))
    for path in distribution("pydantic").files or ():
        if path.parts[:2] == ("pydantic", "v1") and path.suffix == ".py":
            text = path.read_text("utf-8").replace("pydantic.v1", "pydantic")
            draft.add("/".join(("pydantic", *path.parts[2:])), text, deflate=True)
    assert version("pydantic").startswith("2."), "the second one brings the first"
    return draft.seal()

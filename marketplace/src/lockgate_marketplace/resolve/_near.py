"""Names that are like another's: what a typo installs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from packaging.utils import canonicalize_name

from lockgate_marketplace.errors import ResolutionError
from lockgate_marketplace.resolve._policy import Policy

__all__ = ["WELL_KNOWN", "check_name", "near_name"]

_NAMES = """
lockgate lockgate-assistant lockgate-devices lockgate-firmware lockgate-format
lockgate-lint lockgate-marketplace lockgate-report lockgate-sandbox lockgate-
workflows aiohttp anyio attrs beautifulsoup4 black boto3 botocore celery certifi
charset-normalizer click colorama cryptography django fastapi flask gunicorn h11
httpcore httpx hypothesis idna importlib-metadata jinja2 jsonschema keyring lxml
markupsafe matplotlib mypy networkx numpy openai opencv-python packaging pandas
pillow pip platformdirs pluggy protobuf psutil pyarrow pydantic pygments pyjwt
pyserial pytest python-dateutil python-dotenv pyyaml redis requests rich ruff
scikit-learn scipy selenium setuptools six sqlalchemy starlette stevedore
tensorflow torch tqdm transformers typing-extensions urllib3 uvicorn virtualenv
websockets werkzeug wheel
"""

WELL_KNOWN = frozenset(_NAMES.split())
"""The first-party plugins, and what is installed most from the public index."""

_ALIKE = str.maketrans({"0": "o", "1": "l", "5": "s", "-": ""})
_SHORT, _LONG = 4, 10


def near_name(name: str, others: Iterable[str]) -> str:
    """The one of `others` that `name` may be a slip of, or ``""``.

    Names that look alike, or differ by one insertion, deletion, replacement or swap
    (by two, if they are long). Names of less than four letters are left alone.
    """
    name = canonicalize_name(name)
    known = _known(frozenset(others))
    if name in known or len(name) < _SHORT:
        return ""
    plain, letters = name.translate(_ALIKE), frozenset(name)
    for other, (other_plain, other_letters) in known.items():
        if len(other) < _SHORT:
            continue
        if plain == other_plain:
            return other
        most = 2 if min(len(name), len(other)) >= _LONG else 1
        # Each edit changes the set of letters by two at most: most names end here.
        if (
            abs(len(name) - len(other)) <= most
            and len(letters ^ other_letters) <= 2 * most
            and _distance(name, other) <= most
        ):
            return other
    return ""


def check_name(name: str, policy: Policy) -> None:
    """Whether a name that is wanted may be what was meant.

    Raises:
        ResolutionError: ``resolve-near-name``.
    """
    name = canonicalize_name(name)
    if name in policy.right_names or name in policy.known:
        return
    if near := near_name(name, WELL_KNOWN | policy.known):
        message = (
            f"{name} was never installed here, and its name is close to {near}: names "
            "like another's are how a slip of the keyboard is turned into an attack"
        )
        hint = f"Did you mean {near}? If {name} is right, add --name-is-right."
        raise ResolutionError("resolve-near-name", message, near=near, hint=hint)


@lru_cache(maxsize=8)
def _known(others: frozenset[str]) -> dict[str, tuple[str, frozenset[str]]]:
    """By name: how it looks, and its letters."""
    names = sorted(map(canonicalize_name, others))
    return {name: (name.translate(_ALIKE), frozenset(name)) for name in names}


def _distance(one: str, two: str) -> int:
    """Optimal string alignment: Levenshtein's, with swaps of neighbours."""
    before: list[int] = []
    last = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, other in enumerate(two, 1):
            cost = min(last[j] + 1, row[-1] + 1, last[j - 1] + (letter != other))
            swapped = i > 1 and j > 1 and letter == two[j - 2] and one[i - 2] == other
            row.append(min(cost, before[j - 2] + 1) if swapped else cost)
        before, last = last, row
    return last[-1]

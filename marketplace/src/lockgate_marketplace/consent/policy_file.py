"""The file of a consent policy: its owner's alone, out of plugins' reach, and strict.

::

    schema = 1

    [[allow]]
    project = "acme-tools"
    index = "main"
    tier = "elevated"
    rights = ["net:api.example.org", { right = "tool:git", detail = "reads /srv" }]
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from packaging.utils import canonicalize_name
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from lockgate.documents import parse_document
from lockgate.errors import DocumentError
from lockgate.owned import NotOwnedError, foreign_writer, read_owned
from lockgate_marketplace.consent._policy import ConsentPolicy, Publisher, Rule
from lockgate_marketplace.errors import ConsentError

__all__ = ["parse_policy", "read_policy"]

_LIMIT_BYTES = 1 << 18
_KINDS = ("read", "write", "env", "net", "device", "secret", "program", "tool", "wrap")

_Text = Annotated[str, StringConstraints(min_length=1, max_length=500)]
_Sha256 = Annotated[str, StringConstraints(pattern=r"\A[0-9a-f]{64}\z")]
_Key = Annotated[str, StringConstraints(pattern=r"\Aed25519:[A-Za-z0-9+/]{43}=\z")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Right(_Form):
    right: _Text
    detail: _Text


class _Attested(_Form):
    issuer: _Text
    subject: _Text
    owner: Annotated[str, StringConstraints(max_length=500)] = ""
    pipeline: Annotated[str, StringConstraints(max_length=500)] = ""


class _Rule(_Form):
    project: _Text | None = None
    plugin: _Text | None = None
    index: _Text | None = None
    publisher: _Key | _Attested | None = None
    wheels: list[_Sha256] | None = None
    tier: Literal["elevated", "admin"] | None = None
    rights: list[_Text | _Right] = []


class _File(_Form):
    schema_: Annotated[int, Field(alias="schema", ge=1, le=1)]
    allow: list[_Rule] = []


def read_policy(
    file: Path, *, kept: Sequence[str], writers: Sequence[str]
) -> ConsentPolicy:
    """The policy in `file`.

    `kept` are folders that plugins have files in, `writers` the plugins whose grants
    let them write there.

    Raises:
        ConsentError: ``consent-policy`` if it is not its owner's alone, can be reached
            by plugins, or is unsound: nothing is given by it then.
    """
    path = os.path.abspath(file)  # noqa: PTH100
    try:
        if os.path.realpath(path) != path:
            hint = f"Name the file itself: {os.path.realpath(path)}"
            raise NotOwnedError("its path leads through a symbolic link", hint)
        if other := foreign_writer(os.path.dirname(path)):  # noqa: PTH120
            raise other
        if any(Path(path).is_relative_to(os.path.realpath(one)) for one in kept):
            raise NotOwnedError("it lies where lockgate keeps plugins' own files")
        if writers:
            hint = "Keep it elsewhere, or revoke that right."
            raise NotOwnedError(f"{', '.join(writers)} may write there", hint)
        raw = read_owned(Path(path), _LIMIT_BYTES)
    except NotOwnedError as error:
        raise _refused(path, str(error), error.hint) from None
    except OSError as error:
        raise _refused(path, f"it cannot be read: {error.strerror}") from None
    return parse_policy(raw, path)


def parse_policy(raw: bytes, path: str) -> ConsentPolicy:
    """The policy that `raw` is, which came from `path`.

    Raises:
        ConsentError: ``consent-policy`` if it is unsound.
    """
    try:
        document = parse_document(raw, "toml", name=path)
    except DocumentError as error:
        raise _refused(path, f"line {error.line}: {error.message}") from None
    try:
        form = _File.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise _refused(path, f"{place}: {first['msg']}") from None
    rules = [_rule(one, path, number) for number, one in enumerate(form.allow, 1)]
    return ConsentPolicy(path, tuple(rules))


def _rule(form: _Rule, path: str, number: int) -> Rule:
    whence = form.publisher or form.wheels or (form.index and form.project)
    if not whence:
        why = (
            f"rule {number} does not say whose releases it means: a name alone can be "
            "anybody's"
        )
        hint = "Give it a publisher, or wheels, or project and index."
        raise _refused(path, why, hint)
    if not form.rights and form.tier is None:
        raise _refused(path, f"rule {number} gives nothing: neither rights nor tier")
    rights: dict[str, str | None] = {}
    for one in form.rights:
        key, detail = (one, None) if isinstance(one, str) else (one.right, one.detail)
        kind, _, value = key.partition(":")
        if key != "workers" and not (kind in _KINDS and value):
            hint = 'The tier has a key of its own: tier = "elevated".'
            hint = hint if kind == "tier" else ""
            raise _refused(path, f"rule {number}: {key!r:.60} is no right", hint)
        rights[key] = detail
    return Rule(
        project=canonicalize_name(form.project or ""),
        plugin=form.plugin or "",
        index=form.index or "",
        publisher=_publisher(form.publisher),
        wheels=frozenset(form.wheels or ()),
        tier=form.tier or "",
        rights=rights,
    )


def _publisher(form: str | _Attested | None) -> Publisher | None:
    if form is None:
        return None
    if isinstance(form, str):
        return Publisher("key", "ed25519", form.removeprefix("ed25519:"))
    words = (form.issuer, form.subject, form.owner, form.pipeline)
    return Publisher("attestation", *words)


def _refused(path: str, why: str, hint: str = "") -> ConsentError:
    return ConsentError("consent-policy", why, where=path, hint=hint)

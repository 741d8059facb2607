"""A folder of wheels with every feature that a site shows."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.wheels import forge_file

__all__ = ["HEAD", "plugin_wheel", "provenance_for", "stock"]

README = """\
# Acme exporter

Writes **specs** as text, as `snake_case` and as _slanted_ words.
It is [documented](https://docs.example.org/acme), see <https://example.org>.

![a picture](https://tracker.example.org/pixel.png)

## Use

```console
lockgate acme export spec.yaml --out DIR
```

1. Write a spec
2. Run the command
   - read the result
   - be glad

> Quoted, for once.

| option | does |
|---|---|
| `--fast` | hurries |

<script>window.pwned = 1</script>
"""

HEAD = """\
schema = 1
name = "{name}"
summary = "{summary}"
kinds = [{kinds}]
hook-api = ">=1,<2"
tier = "{tier}"

[hooks]
{hooks}
[capabilities]
tags = [{tags}]
{more}
"""

IMPL = {"generator": "generate", "transformer": "transform", "analyzer": "analyze"}


def manifest(
    name: str,
    *,
    summary: str = "A plugin of a test.",
    kinds: tuple[str, ...] = ("transformer",),
    tier: str = "read-only",
    tags: tuple[str, ...] = (),
    more: str = "",
) -> str:
    package = f"lockgate_{name.replace('-', '_')}"
    hooks = "".join(f'{IMPL[kind]} = "{package}:answer"\n' for kind in kinds)
    return HEAD.format(
        name=name,
        summary=summary,
        kinds=", ".join(json.dumps(kind) for kind in kinds),
        tier=tier,
        hooks=hooks,
        tags=", ".join(json.dumps(tag) for tag in tags),
        more=more,
    )


def plugin_wheel(
    folder: Path,
    name: str,
    version: str = "1.0",
    *,
    readme: str = "",
    headers: tuple[str, ...] = (),
    requires: tuple[str, ...] = (),
    requires_python: str = ">=3.11",
    project: str = "",
    files: Mapping[str, str] | None = None,
    **about: Any,
) -> Path:
    """The wheel of a plugin as a file; `about` is what `manifest` takes."""
    extra = headers
    if readme:
        # METADATA ends with the description, as build backends write it.
        extra = (*headers, "Description-Content-Type: text/markdown", "", readme)
    return forge_file(
        folder,
        project or f"lockgate-{name}",
        version,
        manifest=manifest(name, **about),
        plugin=name,
        requires=requires,
        requires_python=requires_python,
        headers=extra,
        files=files,
    )


def provenance_for(wheel: Path, *, filename: str = "") -> bytes:
    """A provenance object of PEP 740's form; its signature is nobody's."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": filename or wheel.name, "digest": {"sha256": digest}}],
        "predicateType": "https://docs.pypi.org/attestations/publish/v1",
        "predicate": None,
    }
    attestation: dict[str, Any] = {
        "version": 1,
        "verification_material": {"certificate": "AAAA", "transparency_entries": []},
        "envelope": {
            "statement": base64.b64encode(json.dumps(statement).encode()).decode(),
            "signature": "AAAA",
        },
    }
    publisher = {
        "kind": "GitHub",
        "repository": "acme/exporter",
        "workflow": "release.yml",
        "environment": None,
    }
    bundle: dict[str, Any] = {"publisher": publisher, "attestations": [attestation]}
    return json.dumps({"version": 1, "attestation_bundles": [bundle]}).encode()


def stock(folder: Path) -> Path:
    """Plugins of every kind and tier, a library, and the owner's word on some."""
    links = (
        "Author: Ada Example",
        "License-Expression: Apache-2.0",
        "Project-URL: Source, https://code.example.org/acme",
        "Project-URL: Changelog, https://code.example.org/acme/changes",
    )
    acme: dict[str, Any] = {
        "summary": "Export hardware specs as text, tables and pin plans.",
        "kinds": ("generator", "transformer"),
        "tags": ("export", "tables"),
        "headers": links,
        "readme": README,
        "requires": ("six>=1.16",),
    }
    plugin_wheel(folder, "acme", "0.9", **acme)
    plugin_wheel(folder, "acme", "1.0", tier="elevated", more=_RIGHTS_OF_1, **acme)
    latest = plugin_wheel(
        folder, "acme", "1.1", tier="elevated", more=_RIGHTS_OF_2, **acme
    )
    latest.with_name(f"{latest.name}.provenance").write_bytes(provenance_for(latest))
    latest.with_name(f"{latest.name}.verdicts").write_text(json.dumps(_VERDICTS))
    plugin_wheel(folder, "plain", summary="Count the words of a tree.", tags=("text",))
    plugin_wheel(
        folder,
        "flasher",
        "2.3.1",
        summary="Write firmware to boards over their serial ports.",
        kinds=("analyzer",),
        tier="admin",
        tags=("serial", "boards"),
        more='[rights]\nread = ["/sys/class/tty"]\ndevices = ["/dev/ttyUSB0", '
        '"/dev/ttyACM0"]\n[[rights.tools]]\nname = "avrdude"\n'
        'reason = "writes the firmware"\n',
    )
    plugin_wheel(
        folder,
        "relay",
        "0.4",
        summary="Send results to a chat room.",
        tier="elevated",
        kinds=("transformer",),
        tags=("chat",),
        more='[rights]\nnet = ["chat.example.org"]\nsecrets = ["chat-token"]\n',
    )
    plugin_wheel(folder, "old", "3.0", summary="What came before plain.")
    forge_file(folder, "six", "1.17", files={"six.py": "x = 1\n"})
    (folder / "status.toml").write_text(_STATUS)
    return folder


_RIGHTS_OF_1 = '[rights]\nnet = ["parts.example.org"]\nenv = ["LANG"]\n'
_RIGHTS_OF_2 = '[rights]\nnet = ["parts.example.org"]\nread = ["/srv/parts"]\n'
_VERDICTS = [
    {"check": "scan", "outcome": "passed", "at": "2026-11-02T10:00:00Z"},
    {
        "check": "hooks",
        "outcome": "noted",
        "at": "2026-11-03T10:00:00Z",
        "detail": "answers generate for hook API 1.1 only",
    },
]
_STATUS = """\
[projects.lockgate-old]
status = "deprecated"
reason = "use lockgate-plain"

[projects.lockgate-acme.yanked]
"0.9" = "writes empty tables"
"""

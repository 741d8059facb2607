"""Sockets, and the libraries that use them."""

from __future__ import annotations

import pytest

from tests.support.source import only, rules_in


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import _socket",
        "import socket as s",
        "from socket import create_connection",
        "import urllib.request",
        "from urllib import request",
        "import http.client",
        "import httpx, os",
        "import requests.adapters",
        "__import__('socket')",
        "m = __import__\nm('soc' + 'ket')",
        "import importlib\nimportlib.import_module('http.client')",
        "import sys\nimport asyncio\nasyncio.open_connection('h', 1)",
        "await loop.create_connection(P, 'example.com', 80)",
        "def f():\n    if x:\n        import ftplib",
    ],
)
def test_network_code_is_found(source: str) -> None:
    assert "network" in rules_in(source)


@pytest.mark.parametrize(
    "source",
    [
        "import urllib.parse",
        "from urllib.parse import urlsplit",
        "from http import HTTPStatus",
        "from . import socket",
        "from .requests import get",
        "import json",
        "text = 'import socket'",
        "import socketry",
    ],
)
def test_what_has_a_similar_name_is_not(source: str) -> None:
    assert "network" not in rules_in(source)


def test_asyncio_alone_is_a_note() -> None:
    assert rules_in("import asyncio") == {"local-socket"}


def test_a_finding_names_the_host_where_a_literal_says_it() -> None:
    assert only("import urllib.request", "network").subject == ""
    source = "URL = 'https://user@api.example.com:8443/x'"
    assert only(source, "web-address").subject == "api.example.com:8443"
    called = only("await loop.create_connection(P, 'a.example', 80)", "network")
    assert called.subject == "a.example"


def test_prose_with_an_address_in_it_is_no_address() -> None:
    assert rules_in("'see https://example.com/ for more'") == set()

"""Sockets, and the libraries that use them."""

from __future__ import annotations

import ast

from lockgate_sandbox.source._site import Family, Site, TextLook, argument
from lockgate_sandbox.source.findings import Level, Right, Rule

__all__ = ["FAMILY"]

NETWORK = Rule(
    "network",
    Level.WARNING,
    "Talks to other machines, or listens for them.",
    Right.NET,
)
SOCKETS = Rule(
    "local-socket",
    Level.NOTE,
    "Can open sockets, though the module is mostly used for other things.",
    Right.NET,
)
ADDRESS = Rule(
    "web-address",
    Level.NOTE,
    "Holds the address of a host; with network code, the host that it talks to.",
)

_CLIENTS = (
    "socket", "_socket", "ssl", "_ssl", "socketserver", "http.client", "http.server",
    "urllib.request", "ftplib", "poplib", "imaplib", "nntplib", "smtplib", "smtpd",
    "telnetlib", "xmlrpc", "webbrowser", "wsgiref", "antigravity", "asyncore",
    "asynchat", "httpx", "requests", "urllib3", "aiohttp", "httplib2", "pycurl",
    "websocket", "websockets", "paramiko", "fabric", "grpc", "zmq", "redis",
    "pymongo", "psycopg", "psycopg2", "pymysql", "MySQLdb", "boto3", "botocore",
    "dns", "scapy", "tornado", "twisted", "trio", "anyio", "flask", "django",
    "fastapi", "uvicorn", "starlette", "bottle", "cherrypy", "pika", "kafka",
    "paho", "kubernetes", "docker", "ldap3", "selenium", "playwright", "h2", "httpcore",
    "multiprocessing.connection", "multiprocessing.managers",
    "asyncio.streams", "concurrent.interpreters",
)  # fmt: skip
_FUNCTIONS = (
    "asyncio.open_connection", "asyncio.start_server", "asyncio.open_unix_connection",
    "asyncio.start_unix_server", "logging.config.listen",
    "logging.handlers.SocketHandler", "logging.handlers.DatagramHandler",
    "logging.handlers.SysLogHandler", "logging.handlers.SMTPHandler",
    "logging.handlers.HTTPHandler", "os.sendfile",
)  # fmt: skip
_METHODS = (
    "create_connection", "create_datagram_endpoint", "create_server",
    "create_unix_connection", "create_unix_server", "sock_connect",
)  # fmt: skip


def _host(site: Site, node: ast.Constant, text: str) -> None:
    """A URL in a literal says which host."""
    if not text.startswith(("http://", "https://")):
        return
    host = text.partition("://")[2].partition("/")[0].rpartition("@")[2]
    if host and all(c.isalnum() or c in ".-:[]" for c in host):
        site.report(ADDRESS, node, f"the address of {host}", host)


def _connection(site: Site, node: ast.Call, name: str) -> None:
    host = site.text(argument(node, 1, "host")) or ""
    site.report(NETWORK, node, f"a connection by {name}", host)


FAMILY = Family(
    rules=(NETWORK, SOCKETS, ADDRESS),
    modules={
        **dict.fromkeys(_CLIENTS, NETWORK),
        "asyncio": SOCKETS,
        "logging.handlers": SOCKETS,
    },
    names=dict.fromkeys(_FUNCTIONS, NETWORK),
    methods=dict.fromkeys(_METHODS, _connection),
    texts=(TextLook(_host, ("://",), least=10),),
)

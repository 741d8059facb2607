"""The broker from handlers that are coroutines: several calls of one worker at once."""

from __future__ import annotations

import threading

import pytest

from lockgate_sandbox import Policy
from lockgate_sandbox.broker import Broker
from tests.sandbox.broker.conftest import PACKAGES
from tests.support.sandbox import Lab
from tests.support.servers import Request, http_server, reply

pytestmark = pytest.mark.kernel

TARGET = """
import asyncio

def build(session):
    async def http(url):
        import httpx
        async with httpx.AsyncClient(transport=session.http_transport()) as client:
            answers = await asyncio.gather(*(client.get(url) for _ in range(4)))
            return [answer.text for answer in answers]

    async def sockets(url):
        import aiohttp
        async with aiohttp.ClientSession() as client:
            async def one():
                async with client.get(url) as answer:
                    return await answer.text()
            return list(await asyncio.gather(*(one() for _ in range(4))))

    async def handler(method, arguments):
        return await {"http": http, "sockets": sockets}[method](arguments["url"])

    return handler
"""


@pytest.mark.parametrize("way", ["http", "sockets"])
def test_a_coroutine_reaches_hosts_and_calls_go_side_by_side(
    lab: Lab, way: str
) -> None:
    together = [threading.Barrier(4, timeout=30)]

    def answer(_: Request) -> bytes:
        together[-1].wait()
        return reply()

    lab.write("async_target", TARGET)
    with http_server(answer) as server:
        url = f"http://127.0.0.1:{server.port}/"
        scheme = "http://" if way == "http" else ""
        policy = Policy.for_tier(
            "elevated", hosts=[f"{scheme}127.0.0.1:{server.port} private"]
        )
        found: list[object] = []
        with Broker(policy) as broker:
            worker = lab.sandbox.worker(
                policy,
                target="async_target:build",
                path=[str(lab.folder), PACKAGES],
                broker=broker,
            )

            def call() -> None:
                found.append(worker.call(way, {"url": url}, timeout=30).value)

            call()  # imports
            together.append(threading.Barrier(12, timeout=30))
            threads = [threading.Thread(target=call) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            worker.close()
    assert found == [["ok"] * 4] * 4

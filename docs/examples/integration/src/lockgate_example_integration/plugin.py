"""A webhook: events as JSON, posted through the broker to the one granted host."""

from __future__ import annotations

import json
from hashlib import sha256

import httpx

from lockgate.plugin import Context, Document, hookimpl
from lockgate_example_integration.specs import Delivery


@hookimpl
def deliver_event(event: str, payload: Document, context: Context) -> Delivery:
    """Post an event; again while the server fails, with the same key each time."""
    url = str(context.config.get("url", "http://127.0.0.1:8099/hook"))
    tries = int(str(context.config.get("attempts", 3)))
    body = json.dumps({"event": event, "payload": payload}, sort_keys=True).encode()
    headers = {
        "content-type": "application/json",
        "idempotency-key": sha256(body).hexdigest(),
    }
    status = 0
    with httpx.Client(transport=context.http_transport()) as client:
        for attempt in range(1, tries + 1):
            status = client.post(url, content=body, headers=headers).status_code
            context.log("info", "posted", status=status, attempt=attempt)
            if status < 500:
                return Delivery(status, attempt, status < 300)
    return Delivery(status, tries, delivered=False)

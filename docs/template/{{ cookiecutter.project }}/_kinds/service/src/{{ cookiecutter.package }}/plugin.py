"""The service: `lockgate doctor` reminds of dates."""

from __future__ import annotations

import time
from datetime import UTC, date, datetime

from lockgate.plugin import Context, Document, hookimpl

__all__ = ["check", "diagnose"]

DAYS = 30


@hookimpl
def diagnose(context: Context) -> tuple[Document, ...]:
    """Report each date of the configuration."""
    dates = context.config.get("deadlines")
    chosen = context.config.get("days", DAYS)
    days = chosen if isinstance(chosen, int) else DAYS
    today = datetime.fromtimestamp(time.time(), UTC).date()
    listed = dates.items() if isinstance(dates, dict) else ()
    return tuple(check(str(name), str(day), today, days) for name, day in listed)


def check(name: str, day: str, today: date, days: int) -> Document:
    """One result: how many days are left until `day`."""
    try:
        left = (date.fromisoformat(day) - today).days
    except ValueError:
        hint = "Write it as 2030-12-31."
        return _result(name, "problem", f"{day!r} is no date", hint)
    if left < 0:
        return _result(name, "problem", f"{day} is past", "Renew it.")
    state = "warning" if left <= days else "ok"
    hint = "Renew it in time." if state == "warning" else ""
    return _result(name, state, f"{left} days are left until {day}", hint)


def _result(name: str, state: str, message: str, hint: str) -> Document:
    return {"name": name, "state": state, "message": message, "hint": hint}

"""Waiting on conditions, with a bound."""

from __future__ import annotations

import time


def until(condition, what, seconds: float = 15.0):
    """Returns the first true value of `condition`, which is asked again and again. `what`: a text, or what gives it."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what() if callable(what) else what}")
        time.sleep(0.01)

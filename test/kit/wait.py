"""Waiting for a fact, never for time."""

import os
import threading
import time

# Sanitizers slow everything down; a fact has to come true, not to come true fast.
PATIENCE = 4 if any(kind in os.environ.get("ISOCHRONE_BUILD", "") for kind in ("asan", "tsan", "cov")) else 1
INTERVAL_S = 0.01

_never = threading.Event()


def wait_for(fact, timeout=10, what=None):
    """Calls fact() until it returns something true, and returns that; AssertionError after timeout seconds."""
    end = time.monotonic() + timeout * PATIENCE
    while True:
        value = fact()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout * PATIENCE} s: {what or getattr(fact, '__doc__', None) or fact}")
        _never.wait(INTERVAL_S)


def until(deadline_s):
    """Yields until deadline_s from now has passed: for load that has to go on for a while."""
    end = time.monotonic() + deadline_s
    while time.monotonic() < end:
        yield

"""Waiting for a condition, with a deadline; never for a time."""

import os
import time

# One factor for slow machines and sanitizer builds.
PATIENCE = float(os.environ.get("BELFRY_TEST_PATIENCE", "1"))


class Timeout(AssertionError):
    pass


def wait_until(condition, what, timeout=15.0, pause=0.02):
    """The first true value of condition(); Timeout, naming WHAT, if there is none.

    WHAT may be a function: then it says at the end what was there instead."""
    deadline = time.monotonic() + timeout * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            text = what() if callable(what) else what
            raise Timeout(f"not within {timeout * PATIENCE:g} s: {text}")
        time.sleep(pause)

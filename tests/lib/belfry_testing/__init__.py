"""
What the integration tests, `make run` and `make demo` share: private servers as children
on loopback ports of their own, Belfry's two programs beside them, and clients.

    with Site("prosody") as site:
        site.rest.put_feed("deploys", access="open")
        alice = site.client("alice")
"""

from .site import Site
from .waiting import Timeout, wait_until

__all__ = ["Site", "Timeout", "wait_until"]

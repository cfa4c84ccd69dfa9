"""Fixtures of the integration tests. Servers live as long as the session, one set a kind."""

import itertools
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))

from belfry_testing.child import exit_on_signals  # noqa: E402
from belfry_testing.site import SERVERS, Site  # noqa: E402
from serve_only import ServeOnly  # noqa: E402

exit_on_signals()
_numbers = itertools.count(1)
_sites = {}


@pytest.fixture(scope="session", params=list(SERVERS))
def whole_site(request):
    # Events larger than the server takes: they are what test_a_poisoned_event is about.
    # And the same few people subscribe in all of the tests.
    site = Site(request.param, settings={"http": {"max_body_bytes": 131072},
                                         "limits": {"subscribe_per_jid": 0}},
                stanza_limit=65536)
    _sites[request.param] = site
    with site:
        yield site
    del _sites[request.param]


@pytest.fixture
def site(whole_site):
    """Redis, an XMPP server, serve and one worker, all well; a test may break them.
    A module that wants others of them has a whole_site of its own."""
    whole_site.heal()
    yield whole_site
    whole_site.close_clients()


@pytest.fixture
def new_feed(site):
    """Makes feeds with names of their own."""
    def make(prefix="f", **config):
        name = f"{prefix}{next(_numbers)}"
        site.rest.put_feed(name, **{"access": "open", **config})
        return name
    return make


@pytest.fixture
def feed(new_feed):
    return new_feed()


@pytest.fixture
def person(site):
    """Makes accounts that are in no other test."""
    def make(name="ann", **more):
        return site.client(f"{name}{next(_numbers)}", **more)
    return make


@pytest.fixture
def alice(site):
    return site.client("alice")


@pytest.fixture
def bob(site):
    return site.client("bob")


@pytest.fixture
def carol(site):
    return site.client("carol")


@pytest.fixture
def crowd(site):
    return site.crowd()


@pytest.fixture(scope="module")
def hub():
    """Redis and serve, without XMPP; its end is a clean one."""
    hub = ServeOnly()
    yield hub
    assert hub.stop() == 0


@pytest.fixture
def make_hub():
    """The same with settings of their own, for one test."""
    hubs = []

    def make(**settings):
        hubs.append(ServeOnly(**settings))
        return hubs[-1]
    yield make
    for hub in hubs:
        assert hub.stop() == 0


BIG = 10_000


@pytest.fixture(scope="session")
def _big_feeds():
    return {}


@pytest.fixture
def big_feed(site, crowd, _big_feeds):
    """A feed that BIG people of the crowd follow; shared, as it takes a while to make."""
    if site.kind not in _big_feeds:
        site.rest.put_feed("big", access="open")
        site.rest.follow_many("big", crowd.jids(BIG))
        _big_feeds[site.kind] = "big"
    return _big_feeds[site.kind]


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    report = (yield).get_result()
    if report.failed:
        for site in _sites.values():
            report.sections.append((f"logs of {site.kind}'s site", site.logs_tail()))

"""`belfry check` and the command line: what is wrong, and how to mend it."""

import pytest
from belfry_testing import belfry
from belfry_testing.child import free_port
from belfry_testing.redis import PrivateRedis
from belfry_testing.waiting import wait_until


def check(site, **changes):
    config = site.write_config("check.ini", **changes)
    done = belfry.run(config, "check")
    return done.returncode, done.stdout + done.stderr


def test_all_is_well(site):
    """While a worker is connected, whom it does not disturb; and with none."""
    opened = site.work.metrics()["belfry_work_xmpp_opens_total"]
    code, said = check(site)
    assert code == 0, said
    assert site.work.metrics()["belfry_work_xmpp_opens_total"] == opened
    site.work.stop()
    code, said = check(site)
    assert code == 0, said


def test_a_refused_secret_comes_with_the_snippet(site):
    secret = site.dir / "wrong-secret"
    secret.write_text("wrong-secret-of-ours\n")
    site.work.stop()  # the name that a worker holds is left alone
    code, said = check(site, xmpp={"secret_file": secret})
    assert code != 0
    assert f'Component "{site.service}"' in said  # Prosody's
    assert "ejabberd_service" in said and "global_routes: false" in said
    component = said.index("Component \"")
    assert said.index("component_ports") < component  # global, or without effect
    assert component < said.index("component_conflict_resolve = \"kick_old\"")
    assert "wrong-secret-of-ours" not in said


def test_only_who_connects_needs_the_secret(site):
    """Whoever keeps the tokens, or runs serve, need not be able to read it."""
    missing = site.dir / "nobody-may-read-it"
    config = site.write_config("no-secret.ini", xmpp={"secret_file": missing})
    done = belfry.run(config, "token", "list")
    assert done.returncode == 0 and not done.stderr, done.stderr
    serve = belfry.Program("serve", config, site.logs / "no-secret.log", name="no-secret")
    serve.start()
    assert serve.stop() == 0
    for command in ("check", "work"):
        done = belfry.run(config, command)
        assert done.returncode == 1 and str(missing) in done.stderr
        assert "xmpp.secret_file" in done.stderr


def test_a_secret_that_others_can_read_is_told(site):
    config = site.write_config("open.ini", xmpp={
        "secret_file": None, "secret": site.server.component_secret})
    done = belfry.run(config, "check")
    assert done.returncode == 0 and "others" not in done.stdout + done.stderr
    config.chmod(0o644)
    for command in (["check"], ["token", "list"]):
        done = belfry.run(config, *command)
        assert done.returncode == 0
        assert "xmpp.secret: others on this machine" in done.stderr
        assert site.server.component_secret not in done.stdout + done.stderr


def test_nobody_listens(site):
    site.work.stop()
    code, said = check(site, xmpp={"server": f"127.0.0.1:{free_port()}"},
                       redis={"url": f"redis://127.0.0.1:{free_port()}/0"})
    assert code != 0
    assert "redis" in said.lower() and "xmpp" in said.lower()


def test_a_redis_that_forgets(site, tmp_path):
    redis = PrivateRedis(tmp_path / "redis", tmp_path / "redis.log",
                         persistent=False).start()
    try:
        code, said = check(site, redis={"url": redis.url})
        assert code != 0 and "appendonly" in said
        redis("CONFIG", "SET", "appendonly", "yes")
        redis("CONFIG", "SET", "appendfsync", "always")
        redis("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
        code, said = check(site, redis={"url": redis.url})
        assert code != 0 and "noeviction" in said
        config = site.write_config("refuse.ini", redis={"url": redis.url})
        done = belfry.run(config, "serve")
        assert done.returncode != 0 and "noeviction" in done.stdout + done.stderr
    finally:
        redis.stop()


@pytest.mark.parametrize("sections, named", [
    ({"http": {"listn": "127.0.0.1:1"}}, "listn"),
    ({"http": {"max_body_bytes": "lots"}}, "max_body_bytes"),
    ({"http": {"listen": "127.0.0.1:99999"}}, "listen"),
    ({"xmpp": {"domain": "not a domain"}}, "domain"),
    ({"log": {"level": "loud"}}, "level"),
    ({"redis": {"url": "http://example.org"}}, "url"),
])
def test_mistakes_in_the_configuration_are_named(site, sections, named):
    code, said = check(site, **sections)
    assert code != 0 and named in said, said


def test_the_environment_wins_and_unknown_variables_are_told(site):
    done = belfry.run(site.config, "check", env={"BELFRY_LOG_LEVEL": "loud"})
    assert done.returncode != 0 and "BELFRY_LOG_LEVEL" in done.stdout + done.stderr
    done = belfry.run(site.config, "check", env={"BELFRY_NO_SUCH": "1"})
    assert done.returncode == 0 and "BELFRY_NO_SUCH" in done.stdout + done.stderr


def test_tokens(site, feed):
    config = site.config
    token = belfry.create_token(config, "publish", feed)
    rest = site.serve.rest(token)
    assert rest.post(feed, {"title": "x"}).status == 202
    assert rest.post("big", {"title": "x"}).status == 403
    id = token.split("_")[1]
    listed = belfry.run(config, "token", "list").stdout
    assert id in listed and token.split("_", 2)[2] not in listed
    assert belfry.run(config, "token", "revoke", id).returncode == 0
    wait_until(lambda: rest.post(feed, {"title": "x"}).status == 401, "it is refused", 5)
    assert belfry.run(config, "token", "revoke", "0" * 12).returncode != 0


def test_secrets_do_not_show(site):
    """Neither in the logs of the programs nor in what a process list shows."""
    for child in (site.serve, *site.works):
        for secret in (site.server.component_secret, site.token.split("_", 2)[2]):
            assert secret not in child.log_text()
    for secret in (site.server.component_secret, site.token.split("_", 2)[2]):
        assert secret not in " ".join(site.work.argv)


def test_nonsense_on_the_command_line():
    for args in (["nonsense"], [], ["serve", "--nonsense"]):
        done = belfry.run(None, *args)
        assert done.returncode != 0 and done.stderr
    done = belfry.run(None, "version")
    assert done.returncode == 0 and "0." in done.stdout

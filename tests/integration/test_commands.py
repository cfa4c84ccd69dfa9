"""Less of a feed, or in another way: by chat, by ad-hoc commands (XEP-0050, spoken by
slixmpp), and by the options of a subscription (XEP-0060)."""

import datetime

import pytest
from belfry_testing.client import is_chat, is_event
from belfry_testing.stanza import NS
from belfry_testing.waiting import wait_until

COMMANDS = {"list", "subscribe", "unsubscribe", "subscriptions", "last", "only",
            "everything", "mute", "unmute", "pause", "resume", "quiet", "urgent",
            "hold", "receipts", "when", "digest",
            "format", "yes", "no", "requests", "allow", "deny", "whoami", "help"}
OPTIONS = f"{NS['ps']}#subscribe_options"


@pytest.fixture
def reader(site, feed):
    """Somebody who follows nothing yet."""
    return site.client(f"reader-{feed}")


def row(site, feed, jid):
    return site.rest.subscriber("GET", feed, jid).ok(200).json


def heard(site, feed, client, *events):
    """The titles that CLIENT gets of EVENTS (title, members); all of them are done."""
    since = client.mark()
    ids = [site.rest.publish(feed, title=title, **more)["id"] for title, more in events]
    wait_until(lambda: site.rest.event(feed, ids[-1])["status"] == "done", "all is done")
    client.sync()
    return [s.body.splitlines()[-1] for s in client.received[since:]
            if is_chat(sender=f"{feed}@{site.service}")(s)]


# ---- by chat ----

def test_muted_by_chat(site, feed, reader):
    """What comes meanwhile is skipped, and can be looked up."""
    jid = f"{feed}@{site.service}"
    assert "do not follow" in reader.ask(jid, "mute 2h").body
    reader.ask(site.hub, f"subscribe {feed}")
    assert f"{feed} is muted until 2" in reader.ask(site.hub, f"mute {feed} 2h").body
    assert row(site, feed, reader.jid)["muted_until"]
    assert heard(site, feed, reader, ("unheard", {})) == []
    since = reader.mark()
    reader.chat(jid, "last 3")
    reader.wait_for(is_chat("unheard"), since=since)
    assert "hear" in reader.ask(jid, "Unmute.").body
    assert heard(site, feed, reader, ("heard", {})) == ["heard"]


def test_all_muted_by_chat(site, new_feed, reader):
    feeds = [new_feed("quiet") for _ in range(3)]
    for feed in feeds[:2]:
        reader.ask(site.hub, f"subscribe {feed}")
    assert "2 feeds are muted" in reader.ask(site.hub, "mute 1d").body
    reader.ask(site.hub, f"subscribe {feeds[2]}")
    said = reader.ask(site.hub, "subscriptions").body
    assert [f"{f} - chat - muted until 20" in said for f in feeds] == [True, True, False]
    assert f"{feeds[2]} - chat" in said
    assert "3 feeds are heard again" in reader.ask(site.hub, "unmute").body
    assert "muted" not in reader.ask(site.hub, "subscriptions").body
    assert "Feeds that you follow: 3" in reader.ask(site.hub, "whoami").body


def state(site, feed, event):
    return site.rest.event(feed, event)["status"]


def kept(site, feed, client, *events):
    """CLIENT gets nothing of EVENTS (title, members), which are held for it."""
    since = client.mark()
    ids = [site.rest.publish(feed, title=title, **more)["id"] for title, more in events]
    wait_until(lambda: [state(site, feed, i) for i in ids] == ["held"] * len(ids),
               "all are held")
    client.sync()
    assert not [s.body for s in client.received[since:]
                if is_chat(sender=f"{feed}@{site.service}")(s)]


def come(site, feed, client, action, *titles):
    """After ACTION CLIENT gets the events of these TITLES, in order."""
    since = client.mark()
    action()
    wait_until(lambda: all(e["status"] == "done" for e in map(
        lambda e: site.rest.event(feed, e["id"]),
        site.rest.get(f"/v1/feeds/{feed}/events").json["events"])), "all is done")
    client.sync()
    got = [s.body.splitlines()[-1] for s in client.received[since:]
           if is_chat(sender=f"{feed}@{site.service}")(s)]
    assert [t for t in got if t in titles] == list(titles)


def around_now(minutes=120):
    """Quiet hours in which this moment is."""
    at = datetime.datetime.now(datetime.timezone.utc)
    ends = [at + datetime.timedelta(minutes=m) for m in (-minutes, minutes)]
    return "-".join(f"{e:%H:%M}" for e in ends)


def test_paused_by_chat(site, feed, reader):
    """What comes meanwhile is kept, and comes in order behind `resume`."""
    jid = f"{feed}@{site.service}"
    assert "do not follow" in reader.ask(jid, "pause").body
    reader.ask(site.hub, f"subscribe {feed}")
    assert heard(site, feed, reader, ("before", {})) == ["before"]
    assert f"{feed} is paused." in reader.ask(site.hub, f"pause {feed}").body
    assert row(site, feed, reader.jid)["paused"]
    kept(site, feed, reader, *[(f"kept {n}", {"priority": "urgent"}) for n in range(5)])
    assert row(site, feed, reader.jid)["hold"]["reason"] == "paused"
    assert "paused" in reader.ask(site.hub, "subscriptions").body
    come(site, feed, reader, lambda: reader.chat(jid, "Resume."),
         *[f"kept {n}" for n in range(5)])
    assert "hold" not in row(site, feed, reader.jid)
    assert heard(site, feed, reader, ("after", {})) == ["after"]


def test_quiet_hours_by_chat(site, feed, reader):
    """Urgent events pass where they may, and do not come a second time."""
    jid, hours = f"{feed}@{site.service}", around_now()
    reader.ask(jid, "subscribe")
    assert "time zone" in reader.ask(jid, "quiet 22-7 Middle/Earth").body
    assert "comes in quiet hours" in reader.ask(jid, "urgent on").body
    assert f"quiet hours now: {hours} UTC" in reader.ask(
        site.hub, f"quiet {feed} {hours} utc").body
    since = reader.mark()
    kept(site, feed, reader, ("one", {}))
    site.rest.publish(feed, title="two", priority="urgent")
    reader.wait_for(is_chat("two"), since=since)
    kept(site, feed, reader, ("three", {}))
    assert row(site, feed, reader.jid)["hold"]["reason"] == "quiet"
    said = reader.ask(site.hub, "subscriptions").body
    assert f"{feed} - chat - quiet {hours} UTC, but for what is urgent" in said
    come(site, feed, reader, lambda: reader.chat(site.hub, "quiet off"), "one", "three")
    got = [s.body for s in reader.received[since:] if is_chat("two", jid)(s)]
    assert got == ["two"]
    assert heard(site, feed, reader, ("four", {})) == ["four"]


def test_hours_that_are_far(site, feed, reader):
    """Quiet hours in which this moment is not hold nothing."""
    first, last = around_now().split("-")
    reader.ask(f"{feed}@{site.service}", "subscribe")
    reader.ask(f"{feed}@{site.service}", f"quiet {last}-{first} UTC")
    assert heard(site, feed, reader, ("at once", {})) == ["at once"]


def test_filtered_by_chat(site, feed, reader):
    jid = f"{feed}@{site.service}"
    reader.ask(jid, "subscribe")
    assert "only: web, urgent; high or" in reader.ask(
        site.hub, f"only {feed} web #urgent high").body
    known = row(site, feed, reader.jid)
    assert (known["tags"], known["priority"]) == (["web", "urgent"], "high")
    assert heard(site, feed, reader,
                 ("no tag", {"priority": "urgent"}), ("no need", {"tags": ["WEB"]}),
                 ("both", {"tags": ["WEB"], "priority": "high"}),
                 ("other tag", {"tags": ["urgent"], "priority": "urgent"})) == [
                     "both", "other tag"]
    assert "You get only: web, urgent; high or" in reader.ask(jid, "whoami").body
    reader.ask(jid, "everything")
    assert heard(site, feed, reader, ("again", {})) == ["again"]
    assert "#high is a tag" in reader.ask(jid, "only low").body


def test_format_by_chat(site, feed, reader):
    jid = f"{feed}@{site.service}"
    reader.ask(jid, "subscribe")
    for format in ("normal", "headline", "event", "chat"):
        test = is_event(feed) if format == "event" else is_chat(format)
        assert f"as {format}." in reader.ask(site.hub, f"format {feed} {format}").body
        since = reader.mark()
        site.rest.publish(feed, title=format)
        got = reader.wait_for(test, since=since)
        assert (got.type or "normal") == ("normal" if format == "event" else format)


# ---- XEP-0050 ----

@pytest.mark.parametrize("which", ["service", "hub", "feed"])
def test_commands_are_discovered(site, feed, alice, which):
    to = {"service": site.service, "hub": site.hub,
          "feed": f"{feed}@{site.service}"}[which]
    assert NS["cmd"] in alice.disco_info(to).features
    found = alice.commands(to)
    assert set(found) == {f"belfry:{c}" for c in COMMANDS} and all(found.values())
    for node in found:
        info = alice.disco_info(to, node)
        assert info.identities == {("automation", "command-node")}
        assert {NS["cmd"], NS["data"]} <= info.features
    assert alice.disco_info(to, NS["cmd"]).identities == {("automation", "command-list")}
    # A feed may be called as a command is.
    assert alice.disco_info(site.service, "mute").condition == "item-not-found"


def test_following_by_command(site, new_feed, reader):
    feed = new_feed("cmd", title="By command")
    jid = f"{feed}@{site.service}"
    said = reader.command(site.hub, "belfry:subscribe", feed=feed)
    assert said.offered["feed"].required
    assert said.status == "completed" and f"now follow {feed}" in said.note
    assert heard(site, feed, reader, ("one", {}), ("two", {})) == ["one", "two"]
    said = reader.command(jid, "belfry:last", count="1")
    assert said.note == "1 event was sent to you as a message."
    reader.wait_for(lambda s: s.delayed and is_chat("two", jid)(s))
    said = reader.command(site.service, "belfry:unsubscribe", feed=feed)
    assert said.offered["feed"].options == [feed], said
    assert "no longer follow" in said.note
    said = reader.command(jid, "belfry:unsubscribe")
    assert (said.status, said.note_type, said.offered) == ("completed", "error", {})


def test_muting_and_filtering_by_command(site, feed, reader):
    jid = f"{feed}@{site.service}"
    reader.command(jid, "belfry:subscribe")
    said = reader.command(jid, "belfry:mute", time="2h")
    assert said.offered["time"].value == "8h" and "is muted until" in said.note
    said = reader.command(site.hub, "belfry:unmute", feed="*")
    assert said.offered["feed"].options == ["*", feed]
    assert "1 feed is heard again" in said.note
    said = reader.command(jid, "belfry:only", tags=["Night shift", "web"],
                          priority="high")
    assert said.offered["priority"].options == ["low", "normal", "high", "urgent"]
    known = row(site, feed, reader.jid)
    assert (known["tags"], known["priority"]) == (["Night shift", "web"], "high")
    said = reader.command(site.hub, "belfry:subscriptions")
    assert said.rows == [{"feed": feed, "format": "chat", "muted": "", "paused": "",
                          "quiet": "", "digest": "", "kept": "", "held": "",
                          "only": "Night shift, web; high or more urgent"}]
    said = reader.command(jid, "belfry:whoami")
    assert said.values["jid"] == reader.jid and said.values["follows"] == "yes"
    assert heard(site, feed, reader, ("no", {}),
                 ("yes", {"tags": ["night SHIFT"], "priority": "urgent"})) == ["yes"]
    reader.command(jid, "belfry:everything")
    assert "tags" not in row(site, feed, reader.jid)
    said = reader.command(jid, "belfry:format", format="headline")
    assert said.offered["format"].required
    assert row(site, feed, reader.jid)["format"] == "headline"


def test_lists_by_command(site, new_feed, reader):
    feed = new_feed("list", title="A <title>")
    shown, after = {}, ""
    while after is not None:
        answer = reader.iq(site.hub, f"<command xmlns='{NS['cmd']}' node='belfry:list'>"
                           f"<x xmlns='{NS['data']}' type='submit'><field var='after'>"
                           f"<value>{after}</value></field></x></command>", "set")
        rows = [[v.text for v in item.iter("{%s}value" % NS["data"])]
                for item in answer.findall("cmd:command/data:x/data:item")]
        shown.update(rows)
        more = "There are more" in answer.text("cmd:command/cmd:note")
        after = rows[-1][0] if more else None
    assert shown[feed] == "A <title>"
    helps = {r["command"] for r in reader.command(site.hub, "belfry:help").rows}
    assert {"mute FEED TIME", "mute TIME", "only FEED WHAT", "whoami"} <= helps


def test_cancelled_and_refused(site, feed, reader):
    jid = f"{feed}@{site.service}"
    reader.command(jid, "belfry:subscribe")
    assert reader.command(jid, "belfry:mute", cancel=True).status == "canceled"
    assert "muted_until" not in row(site, feed, reader.jid)
    said = reader.command(jid, "belfry:mute", time="a while")
    assert said.error == ("bad-request", "bad-payload") and "30m, 2h or 3d" in said.note
    assert reader.command(site.hub, "belfry:nothing").error == ("item-not-found", None)
    assert reader.command(f"nosuch{jid}", "belfry:mute").error == ("item-not-found", None)
    for attributes, specific in [("action='explode'", "malformed-action"),
                                 ("action='prev'", "bad-action"),
                                 ("sessionid='mine'", "bad-sessionid")]:
        answer = reader.iq(jid, f"<command xmlns='{NS['cmd']}' node='belfry:mute' "
                                f"{attributes}/>", "set")
        assert (answer.condition, answer.command_condition) == ("bad-request", specific)


def test_commands_obey_access(site, new_feed, bob):
    feed = new_feed("closed", access="whitelist", whitelist=["alice@localhost"])
    jid = f"{feed}@{site.service}"
    said = bob.command(jid, "belfry:subscribe")
    assert said.note_type == "error" and "not open to you" in said.note
    assert bob.command(jid, "belfry:mute").error == ("forbidden", None)
    assert bob.disco_items(jid, NS["cmd"]).condition == "not-allowed"
    offered = bob.command(site.hub, "belfry:subscribe", cancel=True).offered["feed"]
    assert feed not in offered.options


# ---- XEP-0060 ----

def options(**fields):
    values = "".join(
        f"<field var='x-belfry#{var}'>{''.join(f'<value>{v}</value>' for v in values)}"
        "</field>" for var, values in fields.items())
    return (f"<x xmlns='{NS['data']}' type='submit'><field var='FORM_TYPE' type='hidden'>"
            f"<value>{OPTIONS}</value></field>{values}</x>")


def test_options_of_a_subscription(site, feed, reader):
    assert f"{NS['ps']}#subscription-options" in reader.disco_info(
        site.service).features
    answer = reader.pubsub(
        site.service, f"<subscribe node='{feed}' jid='{reader.jid}'/>"
        f"<options>{options(tags=['web', 'db'], priority=['high'])}</options>")
    assert answer.type == "result"
    told = {f.get("var"): [v.text for v in f] for f in answer.findall(
        "ps:pubsub/ps:options/data:x/data:field")}
    assert told["x-belfry#tags"] == ["web", "db"]
    assert told["x-belfry#priority"] == ["high"]
    since = reader.mark()
    for title, more in [("no", {}), ("yes", {"tags": ["db"], "priority": "urgent"})]:
        last = site.rest.publish(feed, title=title, item=title, **more)["id"]
    wait_until(lambda: site.rest.event(feed, last)["status"] == "done", "all is done")
    reader.sync()
    got = [s.items[0].get("id") for s in reader.received[since:] if is_event(feed)(s)]
    assert got == ["yes"]
    assert reader.pubsub(site.service, f"<options node='{feed}' jid='{reader.jid}'>"
                         f"{options(tags=[])}</options>").type == "result"
    known = row(site, feed, reader.jid)
    assert "tags" not in known
    assert (known["priority"], known["format"]) == ("high", "event")
    form = reader.options_form(site.service, feed)
    assert form["x-belfry#priority"] == "high" and form["pubsub#deliver"]
    refused = reader.pubsub(site.service, f"<options node='{feed}' jid='{reader.jid}'>"
                            f"{options(priority=['loud'])}</options>")
    assert (refused.condition, refused.pubsub_condition) == ("bad-request",
                                                             "invalid-options")


def test_resting_by_options(site, feed, reader):
    reader.subscribe(site.service, feed)
    def change(**values):
        return reader.pubsub(site.service, f"<options node='{feed}' jid='{reader.jid}'>"
                             f"{options(**values)}</options>")
    assert change(quiet=["22-7 Europe/Berlin"], urgent=["1"], paused=["1"]).type == "result"
    known = row(site, feed, reader.jid)
    assert (known["paused"], known["urgent"]) == (True, True)
    assert known["quiet"] == {"from": "22:00", "to": "07:00", "zone": "Europe/Berlin"}
    form = reader.options_form(site.service, feed)
    assert form["x-belfry#quiet"] == "22:00-07:00 Europe/Berlin"
    assert form["x-belfry#paused"] and form["x-belfry#urgent"]
    refused = change(quiet=["22-7"])
    assert (refused.condition, refused.pubsub_condition) == ("bad-request",
                                                             "invalid-options")
    since = reader.mark()
    event = site.rest.publish(feed, title="kept", item="kept")["id"]
    wait_until(lambda: state(site, feed, event) == "held", "it is held")
    assert change(paused=["0"], quiet=[""], urgent=["0"]).type == "result"
    reader.wait_for(is_event(feed), since=since)
    assert not {"paused", "quiet", "urgent"} & set(row(site, feed, reader.jid))


def test_ones_own_subscriptions(site, new_feed, reader):
    assert reader.subscriptions(site.service) == []
    feeds = sorted(new_feed("mine") for _ in range(3))
    for feed in feeds:
        reader.subscribe(site.service, feed)
    assert reader.subscriptions(site.service) == [
        (feed, reader.jid, "subscribed") for feed in feeds]

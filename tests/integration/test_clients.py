"""Other people's clients: a feed as their contact, its events, chats and commands."""

from belfry_testing.profanity import Profanity, version
from belfry_testing.waiting import wait_until
from belfry_testing.xmpp4r import Xmpp4r


def follows(site, feed, jid):
    answer = site.rest.subscriber("GET", feed, jid)
    assert answer.status in (200, 404), answer
    return answer.status == 200


def test_xmpp4r(site, feed):
    jid = f"{feed}@{site.service}"
    site.rest.publish(feed, title="before")
    judy = Xmpp4r(site, f"judy-{feed}")
    judy.do("add", jid)
    assert judy.wait_for(kind="presence", type="subscribed")["from"] == jid
    judy.wait_for(kind="contact", jid=jid, subscription="to")
    judy.wait_for(**{"kind": "presence", "from": jid, "type": None, "status": "before"})
    assert site.rest.subscriber("GET", feed, judy.jid).ok(200).json["format"] == "chat"

    chat = {"kind": "message", "from": jid, "type": "chat"}
    site.rest.publish(feed, title="Release 4.2 is out")
    judy.wait_for(text="Release 4.2 is out", **chat)
    since = judy.do("say", jid, "help")
    judy.wait_for(since, text="unsubscribe - stop following it", **chat)
    since = judy.do("say", jid, "last 1")
    judy.wait_for(since, text="Release 4.2 is out", **chat)

    since = judy.do("remove", jid)
    judy.wait_for(since, kind="contact", jid=jid, subscription="remove")
    wait_until(lambda: not follows(site, feed, judy.jid), "judy has left")


def test_profanity(site, feed):
    jid = f"{feed}@{site.service}"
    site.rest.publish(feed, title="before")
    kim = Profanity(site, f"kim-{feed}")
    kim.type(f"/roster add {jid}")
    kim.type(f"/sub request {jid}")
    if version() == (0, 15) and site.kind == "prosody":
        # It ignores roster pushes without a sender, which RFC 6121 (2.1.6) allows and
        # Prosody sends (profanity's issue 2035): new contacts show after a log-in.
        kim.wait_for(f"Subscription received from {jid}")
        kim.type("/disconnect")
        kim.wait_for("logged out successfully")
        kim.type("/connect belfry")
    kim.wait_for(f'{jid} .belfry. is online, "before"')
    kim.type("/roster")
    kim.wait_for(f" {jid} - to$")
    site.rest.request("PUT", f"/v1/feeds/{feed}/presence",
                      {"show": "dnd", "status": "deploying"}).ok()
    kim.wait_for(f'{jid} .belfry. is dnd, "deploying"')
    assert site.rest.subscriber("GET", feed, kim.jid).ok(200).json["format"] == "chat"

    # Shown in the window that is theirs, together with what the feed answers.
    site.rest.publish(feed, title="Release 4.2 is out")
    kim.type(f"/msg {jid}")
    kim.wait_for("Release 4.2 is out")
    kim.type("help")
    kim.wait_for("unsubscribe - stop following it")

    kim.type("/cmd list")
    kim.wait_for("belfry:mute$")
    kim.type("/cmd exec belfry:mute")
    kim.wait_for(r"\[field1\] For how long.*: 8h$")
    kim.type("/field1 2h")
    kim.wait_for(r"\[field1\] For how long.*: 2h$")
    kim.type("/form submit")
    kim.type(f"/msg {jid}")
    kim.wait_for(f"{feed} is muted until 2")
    assert site.rest.subscriber("GET", feed, kim.jid).ok(200).json["muted_until"]

"""Faults of the XMPP server. Its users follow: what comes for them is kept for them."""

from faults.row import WINDOWS, row


@row("restart-server", "XMPP server restarted", times=3, many=0, people=6)
def restart_server(scene):
    scene.site.server.restart()


DIES = dict(
    patience=15,
    promise="without receipts the server may lose what it had taken",
    why="what the server had taken and not yet handed on or stored died with it; "
        "only a receipt from the client could tell")

# What is not confirmed is sent again after 20 s. Of each feed 16 positions may be on their
# way to a follower.
CONFIRMED = dict(
    many=0, people=6, rate=120, patience=60, receipts=True,
    repeats=WINDOWS * 6 + 2 * 16 * 6,
    promise="with receipts nothing is lost: what is not confirmed is sent again",
    disorder="what the server had lost was sent again, and so came behind newer events that "
             "had reached it meanwhile")


@row("kill-server", "kill -9 of the XMPP server, started again", times=5, many=0, people=6,
     rate=120, **DIES)
def kill_server(scene):
    scene.site.server.restart(kill=True)


@row("kill-server-offline", "kill -9 of the XMPP server, half of the followers offline",
     times=3, many=0, people=6, rate=120, **DIES)
def kill_server_offline(scene):
    away = scene.random.sample(scene.followers.people, 3)
    for person in away:
        person.go()
    scene.moment(60, 240)
    scene.site.server.restart(kill=True)
    scene.moment(60, 240)
    for person in away:
        person.come()


@row("kill-server-receipts", "kill -9 of the XMPP server, started again; with receipts",
     times=5, **CONFIRMED)
def kill_server_receipts(scene):
    kill_server(scene)


@row("kill-server-offline-receipts",
     "kill -9 of the XMPP server, half of the followers offline; with receipts",
     times=3, **CONFIRMED)
def kill_server_offline_receipts(scene):
    kill_server_offline(scene)


@row("hung-server", "XMPP server hangs for 3 s, then kill -9, started again", times=3, many=0,
     people=6, **DIES)
def hung_server(scene):
    scene.site.server.child.freeze()
    scene.last(3)
    scene.site.server.restart(kill=True)


@row("stop-server", "SIGSTOP of the XMPP server for 30 s (half-open)", times=2, many=0,
     people=6)
def stop_server(scene):
    child = scene.site.server.child
    child.freeze()
    scene.last(30)
    child.thaw()


@row("secret", "secret refused for a while, then taken", times=2, many=0, people=6,
     patience=60)
def secret(scene):
    server, work = scene.site.server, scene.site.work
    right, offset = server.component_secret, work.log_size()
    server.component_secret = "another-secret"
    try:
        server.configure()
        server.restart()
        scene.wait(lambda: "not-authorized" in work.log_text(offset), "it is refused")
    finally:
        server.component_secret = right
        server.configure()
        server.restart()
    scene.wait(work.holds_link, "the link is up", 90)


@row("poison", "stream closed by a poison stanza", times=3,
     promise="the stanza is skipped, nothing else")
def poison(scene):
    site = scene.site
    feed = scene.random.choice(list(scene.load.accepted))
    posted = site.rest.publish(feed, title="poison", text="y" * 80000)
    site.settled(feed, posted["id"], 90)
    skipped = site.deliveries(feed, posted["id"])["skipped"]
    if not skipped:
        scene.note("the stanza was not skipped")

"""Followers that come and go, and that bounce."""

from faults.row import row

BOUNCES = 10_000


def come_and_go(scene, go):
    people = scene.followers.people
    for _ in range(8):
        person = scene.random.choice(people)
        if person.away.is_set():
            person.come()
        else:
            go(person)
        scene.moment(5, 20)
    for person in people:
        person.come()


@row("leave-clients", "followers log out and in again at random", times=3, many=20, people=6,
     promise="the server keeps for them what comes meanwhile", repeats=0)
def leave_clients(scene):
    come_and_go(scene, lambda person: person.go())


@row("cut-clients", "followers' connections break at random", times=3, many=20, people=6,
     patience=15, repeats=0,
     promise="the server keeps for them what comes meanwhile, but not what it had written to "
             "the broken connection",
     why="what the server had written to a connection that broke is lost to a client "
         "without XEP-0198; only a receipt can tell")
def cut_clients(scene):
    come_and_go(scene, lambda person: person.vanish())


@row("cut-clients-receipts",
     "followers' connections break at random; with receipts", times=3, many=0, people=6,
     patience=60, receipts=True, repeats=2 * 16 * 6,
     promise="with receipts nothing is lost: what is not confirmed 20 s after somebody is back "
             "is sent again",
     disorder="what was lost with a connection was sent again, and so came behind newer events "
              "that had come over the next one")
def cut_clients_receipts(scene):
    cut_clients(scene)


@row("bounces", f"{BOUNCES:,} bounces in one fan-out (resource-constraint), then none",
     times=2, promise="what bounced is sent again; other feeds are not slower for it",
     patience=120, rate=30)
def bounces(scene):
    many, feed = scene.followers.many, f"{scene.load.feeds[0]}-flood"
    jids = many.jids(BOUNCES, "flood")
    scene.site.rest.put_feed(feed, access="open")
    scene.site.rest.follow_many(feed, jids)
    for jid in jids:
        scene.followers.notes.add(jid, feed)
    bounced = set()

    def bounce(seen):
        if not (seen.id or "").startswith(feed + "~"):
            return None
        bounced.add(seen.to)
        return "wait", "resource-constraint"
    many.set_bounce(bounce)
    scene.load.post_once(feed)
    scene.wait(lambda: len(bounced) >= BOUNCES, "all have bounced")
    many.set_bounce(None)

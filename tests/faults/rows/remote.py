"""Followers at another server, which is of the other kind; the two federate on loopback."""

import time

from faults.row import row

# A refusal that comes late costs 100 seconds: the hub waits whether another one comes.
HERE = dict(site="federated", people=2, times=3, patience=150,
            disorder="what the hub had sent before it knew of a refusal was there before the "
                     "event that was refused, which was sent again behind it")


@row("late-bounces", "followers at a remote server bounce for a while (remote-server-timeout)",
     promise="what bounced is sent again, also where that comes late", **HERE)
def late_bounces(scene):
    many = scene.followers.many
    before = many.crowd.bounced
    many.set_bounce(("wait", "remote-server-timeout"))
    scene.moment(10, 40)
    scene.wait(lambda: many.crowd.bounced > before, "some have bounced")
    many.set_bounce(None)


@row("kill-remote", "kill -9 of the followers' remote server, started again",
     promise="what bounced is sent again; what was on its way between the servers is theirs",
     why="of what was on its way between the two servers nothing came back, so that only a "
         "receipt could tell", **HERE)
def kill_remote(scene):
    began = time.monotonic()
    scene.site.remote.restart(kill=True)
    scene.wait(lambda: scene.flowing(began) is not None, "the servers talk again")

"""Followers at another server, which is of the other kind; the two federate on loopback."""

import time

from faults.row import row

HERE = dict(site="federated", people=2, times=3)


@row("late-bounces", "followers at a remote server bounce for a while (remote-server-timeout)",
     promise="a bounce is counted and shown, also one that comes late",
     why="an event that bounced is not sent again yet; each bounce is counted, and shown in "
         "the event's status", **HERE)
def late_bounces(scene):
    many = scene.followers.many
    before = many.crowd.bounced
    many.set_bounce(("wait", "remote-server-timeout"))
    scene.moment(10, 40)
    scene.wait(lambda: many.crowd.bounced > before, "some have bounced")
    many.set_bounce(None)


@row("kill-remote", "kill -9 of the followers' remote server, started again",
     promise="a bounce is counted and shown; what was on its way between the servers is theirs",
     why="an event that bounced is not sent again yet; and of what was on its way between the "
         "two servers nothing came back, so that only a receipt could tell", **HERE)
def kill_remote(scene):
    began = time.monotonic()
    scene.site.remote.restart(kill=True)
    scene.wait(lambda: scene.flowing(began) is not None, "the servers talk again")

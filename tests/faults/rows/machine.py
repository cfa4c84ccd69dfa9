"""Faults of the machine: its clock and its disk."""

from faults.row import row

HOUR = 3600


def jump(scene, program):
    for offset in (scene.random.choice((HOUR, -HOUR)), 0):
        scene.site.set_clock(program, offset)
        scene.moment(30, 60)


@row("clock-serve", "wall clock of `serve` moved by an hour and back", site="clock", times=3,
     promise="no clock decides", repeats=0)
def clock_serve(scene):
    jump(scene, "serve")


@row("clock-work", "wall clock of `work` moved by an hour and back", site="clock", times=3,
     promise="no clock decides", repeats=0)
def clock_work(scene):
    jump(scene, "work")


@row("disk-full", "Redis' disk full for 3 s: it ends, and is started again by a supervisor",
     site="small-disk", times=3, promise="503 while it lasts; a 202 is durable")
def disk_full(scene):
    redis = scene.site.redis
    redis.fill_disk()
    try:
        scene.wait(lambda: redis.ended > 0, "Redis ends")
        scene.last(3)
    finally:
        redis.free_disk()
    scene.wait(scene.site.serve.ready, "serve is ready")

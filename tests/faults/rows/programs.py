"""Faults of Belfry's own two programs."""

from faults.row import row


@row("kill-serve", "kill -9 of `serve`, started again",
     promise="a 202 is durable; what had none is posted again under its key", repeats=0)
def kill_serve(scene):
    scene.site.serve.kill9()
    scene.site.serve.start()


@row("kill-work", "kill -9 of `work`, started again", times=20)
def kill_work(scene):
    work = scene.site.work
    work.kill9()
    work.start(ready=False)
    scene.wait(work.holds_link, "the link is up")


@row("kill-work-standby", "kill -9 of `work`, another one stands by", workers=2)
def kill_work_standby(scene):
    first, second = scene.site.works
    first.kill9()
    scene.wait(second.holds_link, "the other one sends")
    first.start(ready=False)


@row("stop-work", "SIGSTOP of `work` past its lease, SIGCONT")
def stop_work(scene):
    work = scene.site.work
    work.freeze()
    scene.last(2.5 + scene.random.random())
    work.thaw()
    scene.wait(work.holds_link, "the link is up")


@row("stop-work-standby", "SIGSTOP of `work` past its lease, another one stands by; SIGCONT",
     workers=2,
     promise="one sender; a late completion is refused")
def stop_work_standby(scene):
    first, second = scene.site.works
    first.freeze()
    scene.wait(second.holds_link, "the other one sends")
    first.thaw()
    scene.wait(lambda: first.ready() and not first.holds_link(), "the first one stands by")


@row("kill-both", "kill -9 of `serve` and `work` at once")
def kill_both(scene):
    serve, work = scene.site.serve, scene.site.work
    serve.kill9()
    work.kill9()
    serve.start()
    work.start(ready=False)
    scene.wait(work.holds_link, "the link is up")


@row("rolling", "rolling restart (SIGTERM) of `serve` and of two `work`", workers=2, times=3,
     promise="what was begun is finished", repeats=0)
def rolling(scene):
    for program in (*scene.site.works, scene.site.serve):
        status = program.stop(timeout=20)
        assert status == 0, f"{program.name} ended with {status}"
        program.start(ready=False)
        scene.wait(program.ready, f"{program.name} is ready")
        scene.moment(5, 20)

"""Faults of Redis."""

from belfry_testing.sentinel import NAME
from faults.row import row


@row("kill-redis", "kill -9 of Redis, started again at once")
def kill_redis(scene):
    scene.site.redis.restart(kill=True)


@row("redis-away", "Redis stopped, away for 5 s", times=3)
def redis_away(scene):
    scene.site.redis.stop()
    scene.last(5)
    scene.site.redis.start()


@row("redis-stalled", "SIGSTOP of Redis for 5 s", times=3)
def redis_stalled(scene):
    child = scene.site.redis.child
    child.freeze()
    scene.last(5)
    child.thaw()


@row("no-scripts", "Redis' script cache emptied", repeats=0,
     promise="scripts are loaded again")
def no_scripts(scene):
    scene.site.redis("SCRIPT", "FLUSH")


@row("redis-full", "Redis out of memory for 3 s, then not", repeats=0,
     promise="503 while it lasts; delivery goes on")
def redis_full(scene):
    redis = scene.site.redis
    used = next(line for line in redis("INFO", "memory").splitlines()
                if line.startswith("used_memory:"))
    redis("CONFIG", "SET", "maxmemory", used.split(":")[1])
    try:
        scene.last(3)
        if not scene.load.refused["no answer"] and not scene.load.refused[503]:
            scene.note("nothing was refused")
    finally:
        redis("CONFIG", "SET", "maxmemory", "0")


@row("failover", "kill -9 of Redis' master, a replica lags; Sentinels promote another",
     site="sentinel", times=3, look=True,
     promise="with `redis.wait_replicas = 1`, of two replicas: what had a 202 is in the store")
def failover(scene):
    redis = scene.site.redis
    master = redis.master
    lagging = scene.random.choice([s for s in redis.servers if s is not master])
    lagging.child.freeze()
    try:
        scene.moment(10, 40)
        master.child.kill9()
    finally:
        lagging.child.thaw()
    redis.await_failover(master)
    scene.moment()
    master.start()


@row("changeover", "SENTINEL FAILOVER: a replica is promoted while the master lives",
     site="sentinel-all", times=3, look=True,
     promise="with `redis.wait_replicas = 2`, of two replicas: what had a 202 is in the store")
def changeover(scene):
    redis = scene.site.redis
    master = redis.master
    scene.wait(lambda: redis.sentinels[0]("SENTINEL", "FAILOVER", NAME) == "OK", "it begins")
    redis.await_failover(master)
    scene.wait(redis.in_step, "the old master follows the new one")

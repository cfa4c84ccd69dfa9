/*
 * Delivery from Redis into a sink: one event to N followers, by the real store and
 * engine. The sink is a process that reads a socket and throws away what comes; barriers
 * are answered at the next turn of the loop, as by a server that costs nothing.
 *
 *   bench_fanout SUBSCRIBERS EVENTS REDIS_PID     (BELFRY_REDIS_URL: a private Redis)
 */
#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/base/loop.h>
#include <belfry/base/mem.h>
#include <belfry/core/config.h>
#include <belfry/core/id.h>
#include <belfry/core/subscription.h>
#include <belfry/store/redis.h>

#include "work/engine.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOMAIN "feeds.example.org"
#define JOINS_AT_ONCE 2000
#define CHUNK (32 * 1024)

struct bench {
	struct loop *loop;
	struct store *store;
	struct engine *engine;
	struct link link;		  /* the sink */
	struct loop_timer *answer, *tick; /* tick: turns end, so that we may look */
	uint64_t barrier;
	int fd;
	uint64_t bytes;
	uint32_t buckets;
	bool done, failed;
	size_t joined, asked;
	size_t subscribers;
	struct store_owner owner;
	struct pos settled, head;
};

/* ---- The sink --------------------------------------------------------------------- */

static pid_t sink_start(int *fd)
{
	int pair[2], size = 256 * 1024;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0)
		abort();
	setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	pid_t pid = fork();
	if (pid == 0) {
		static char trash[256 * 1024];
		close(pair[0]);
		while (read(pair[1], trash, sizeof(trash)) > 0)
			;
		_exit(0);
	}
	close(pair[1]);
	*fd = pair[0];
	return pid;
}

static void sink_write(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);
		if (n < 0)
			abort();
		data += n;
		len -= (size_t)n;
	}
}

static struct bench *bench_of(struct link *l)
{
	return (struct bench *)((char *)l - offsetof(struct bench, link));
}

static void sink_send(struct link *l, const char *data, size_t len)
{
	struct bench *b = bench_of(l);
	b->bytes += len;
	sink_write(b->fd, data, len);
}

static bool sink_room(const struct link *l)
{
	(void)l;
	return true;
}

static void sink_barrier(struct link *l, uint64_t number)
{
	struct bench *b = bench_of(l);
	b->barrier = number;
	loop_timer_arm(b->answer, 0);
}

static void on_answer(void *arg)
{
	struct bench *b = arg;
	engine_handlers.barrier(b->engine, b->barrier);
}

static void on_tick(void *arg)
{
	struct bench *b = arg;
	loop_timer_arm(b->tick, 1);
}

static const struct link_ops sink_ops = {
	.send = sink_send, .room = sink_room, .barrier = sink_barrier};

/* ---- Setting up ------------------------------------------------------------------- */

static void until(struct bench *b, const bool *flag)
{
	while (!*flag)
		loop_turn(b->loop, true);
	if (b->failed) {
		fprintf(stderr, "bench_fanout: the store failed\n");
		exit(1);
	}
}

static void on_done(void *arg, enum belfry_err err)
{
	struct bench *b = arg;
	if (err)
		fprintf(stderr, "bench_fanout: %s\n", belfry_err_text(err));
	b->failed = err != BELFRY_OK;
	b->done = true;
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	struct bench *b = arg;
	(void)created;
	if (feed) {
		b->settled = feed->settled;
		b->head = feed->head;
		b->buckets = feed->buckets;
	}
	on_done(arg, err);
}

static void join_some(struct bench *b);

static void on_join(void *arg, enum belfry_err err, const struct store_row *row,
		    bool created)
{
	struct bench *b = arg;
	(void)row;
	(void)created;
	if (err)
		b->failed = true;
	b->joined++;
	if (b->joined == b->subscribers)
		b->done = true;
	else
		join_some(b);
}

static void join_some(struct bench *b)
{
	char jid[64];
	while (b->asked < b->subscribers && b->asked - b->joined < JOINS_AT_ONCE) {
		snprintf(jid, sizeof(jid), "user%07zu@example.org", b->asked++);
		b->store->ops->join(b->store, "bench", jid, FORMAT_EVENT, on_join, b);
	}
}

static void on_lease(void *arg, enum belfry_err err, const struct store_owner *owner,
		     const struct store_lease_seen *seen)
{
	struct bench *b = arg;
	(void)seen;
	if (owner)
		b->owner = *owner;
	on_done(arg, err);
}

static void on_commit(void *arg, enum belfry_err err, const struct store_committed *c)
{
	(void)c;
	on_done(arg, err);
}

static void commit(struct bench *b)
{
	static const char doc[] =
		"{\"title\":\"Deployed shop 2.14.3 to production\",\"body\":\"All checks "
		"are green; 3 migrations "
		"ran.\",\"url\":\"https://ci.example.org/d/81723\","
		"\"tags\":[\"deploy\",\"shop\"],\"data\":{\"commit\":\"8c1f0e2\"}}";
	char id[EVENT_ID_SIZE];
	event_id_make(clock_wall_ms(), id);
	const struct store_commit c = {.feed = "bench",
				       .id = id,
				       .item = id,
				       .priority = PRIORITY_NORMAL,
				       .at_ms = clock_wall_ms(),
				       .doc = doc,
				       .doc_len = sizeof(doc) - 1};
	b->done = false;
	b->store->ops->commit(b->store, &c, on_commit, b);
	until(b, &b->done);
}

static void wait_up(struct bench *b)
{
	struct store_health h;
	do {
		loop_turn(b->loop, true);
		b->store->ops->health(b->store, &h);
	} while (!h.up);
}

static void set_up(struct bench *b)
{
	wait_up(b);
	b->store->ops->feed_put(b->store, "bench", "{\"max_items\":1000}", NULL, 1,
				on_feed, b);
	until(b, &b->done);
	b->done = false;
	join_some(b);
	until(b, &b->done);
	/* Splits follow the joins. */
	for (uint32_t before = UINT32_MAX; b->buckets != before;) {
		before = b->buckets;
		b->done = false;
		b->store->ops->feed_get(b->store, "bench", on_feed, b);
		until(b, &b->done);
		if ((size_t)b->buckets * BUCKET_ROWS < b->subscribers)
			before = UINT32_MAX;
	}
	b->done = false;
	b->store->ops->lease_take(b->store, DOMAIN, NULL, on_lease, b);
	until(b, &b->done);
}

/* ---- Measuring -------------------------------------------------------------------- */

static double cpu_self(void)
{
	struct rusage u;
	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static double cpu_of(long pid)
{
	char path[64], line[1024];
	unsigned long user = 0, sys = 0;
	snprintf(path, sizeof(path), "/proc/%ld/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f || !fgets(line, sizeof(line), f))
		return 0;
	fclose(f);
	const char *after = strrchr(line, ')');
	if (!after ||
	    sscanf(after + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
		   &user, &sys) != 2)
		return 0;
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* Resident now, in KiB. */
static long rss_kib(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f && fscanf(f, "%*d %ld", &pages) != 1)
		pages = 0;
	if (f)
		fclose(f);
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static bool settled(struct bench *b)
{
	b->done = false;
	b->store->ops->feed_get(b->store, "bench", on_feed, b);
	until(b, &b->done);
	return pos_cmp(b->settled, b->head) >= 0;
}

static bool always(void *arg)
{
	(void)arg;
	return true;
}

static void never(void *arg)
{
	(void)arg;
	abort();
}

static double plain_write(const struct bench *b)
{
	static char chunk[CHUNK];
	memset(chunk, 'x', sizeof(chunk));
	uint64_t from = clock_mono_us();
	for (uint64_t left = b->bytes; left > 0;) {
		size_t n = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
		sink_write(b->fd, chunk, n);
		left -= n;
	}
	return (double)(clock_mono_us() - from) / 1e6;
}

static void measure(struct bench *b, size_t events, long redis_pid)
{
	for (size_t i = 0; i < events; i++)
		commit(b);
	const struct engine_options o = {.domain = DOMAIN,
					 .max_stanza_bytes = 262144,
					 .arg = b,
					 .may_write = always,
					 .lost = never,
					 .stalled = never,
					 .idle = never};
	b->engine = engine_create(b->loop, b->store, &o);
	b->link.ops = &sink_ops;
	engine_use(b->engine, &b->link);
	b->answer = loop_timer_create(b->loop, on_answer, b);
	b->tick = loop_timer_create(b->loop, on_tick, b);
	loop_timer_arm(b->tick, 1);
	long rss_before = rss_kib(), rss = 0;
	double cpu = cpu_self(), redis = cpu_of(redis_pid);
	uint64_t from = clock_mono_us(), looked = from;
	engine_own(b->engine, &b->owner);
	engine_handlers.up(b->engine);
	for (bool ready = false; !ready;) {
		loop_turn(b->loop, true);
		rss = rss_kib() > rss ? rss_kib() : rss;
		if (clock_mono_us() - looked > 2000) {
			looked = clock_mono_us();
			ready = settled(b);
		}
	}
	double s = (double)(clock_mono_us() - from) / 1e6;
	double n = (double)engine_counters(b->engine)->stanzas;
	cpu = cpu_self() - cpu;
	redis = cpu_of(redis_pid) - redis;
	double plain = plain_write(b);
	printf("subscribers %zu, events %zu: %.0f stanzas of %.0f bytes in %.3f s\n",
	       b->subscribers, events, n, (double)b->bytes / n, s);
	printf("  stanzas/s                %10.0f\n", n / s);
	printf("  worker CPU, us a stanza  %10.3f\n", cpu / n * 1e6);
	printf("  Redis CPU, us a stanza   %10.3f\n", redis / n * 1e6);
	printf("  write(2) of the same     %10.0f stanzas/s, ratio %.2f\n", n / plain,
	       plain / s);
	printf("  worker memory            %10ld KiB, of it for the fan-out %ld KiB\n",
	       rss, rss - rss_before);
}

int main(int argc, char **argv)
{
	extern char **environ;
	struct bench b = {0};
	struct buf problems = {0}, warnings = {0};
	char why[256];
	if (argc != 4) {
		fprintf(stderr, "usage: bench_fanout SUBSCRIBERS EVENTS REDIS_PID\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	log_setup("bench", getenv("BENCH_DEBUG") ? LOG_DEBUG : LOG_WARN, LOG_LOGFMT);
	b.subscribers = (size_t)atol(argv[1]);
	struct config *config = config_load(NULL, environ, &problems, &warnings);
	if (!config) {
		fputs(problems.data, stderr);
		return 1;
	}
	pid_t sink = sink_start(&b.fd);
	b.loop = loop_create();
	b.store = store_redis_create(b.loop, config, why, sizeof(why));
	if (!b.store) {
		fprintf(stderr, "bench_fanout: %s\n", why);
		return 1;
	}
	set_up(&b);
	measure(&b, (size_t)atol(argv[2]), atol(argv[3]));
	b.store->ops->destroy(b.store);
	engine_destroy(b.engine);
	loop_timer_destroy(b.answer);
	loop_timer_destroy(b.tick);
	loop_destroy(b.loop);
	config_free(config);
	buf_free(&problems);
	buf_free(&warnings);
	close(b.fd);
	waitpid(sink, NULL, 0);
	return 0;
}

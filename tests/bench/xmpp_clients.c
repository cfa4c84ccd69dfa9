/*
 * A crowd of XMPP clients that counts what it gets, and publishes it, so that one clock
 * sees both ends.
 *
 *   xmpp_clients PORT DOMAIN NAME PASSWORD COUNT
 *
 * logs NAME0000@DOMAIN and so on in, and then does what standard input says; every line
 * is answered by one of JSON. TEMPLATE is a file; in it every seq-00000000 becomes the
 * event's own number, and @@@@ the number of the client that sends it.
 *
 *   measure http|redis|raw PORT     EVENTS RATE RECEIVERS PATIENCE_S TEMPLATE
 *   measure client INDEX            EVENTS RATE RECEIVERS PATIENCE_S TEMPLATE
 *       publishes EVENTS times, RATE a second (0: as fast as they are taken), until each
 *       of the first RECEIVERS clients has got all of them, or nothing comes any more.
 *       Latencies are from the moment when an event ought to have been published.
 *   each FIRST COUNT TEMPLATE
 *       these clients send an IQ; answered when all have a result.
 */
#include "common/publisher.h"
#include "common/xmpp_crowd.h"

#include <belfry/base/buf.h>
#include <belfry/base/clock.h>
#include <belfry/base/mem.h>

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MARK "seq-"
#define MARK_DIGITS 8
#define MARKS_MAX 16
#define EVENTS_A_TURN 256
#define EACH_AT_ONCE 16
#define EACH_WAIT_MS 60000
#define KEY_TIMER (UINT64_C(1) << 32)
#define KEY_PUBLISHER (UINT64_C(2) << 32)

struct template
{
	struct buf text;
	size_t marks[MARKS_MAX], count;
};

struct bench {
	struct crowd *crowd;
	int epoll, timer;
	size_t clients;
	uint64_t next; /* number of the next event, growing from one measurement to
			  another */
	/* What is measured now. */
	size_t events, receivers, published;
	uint64_t *intended_us;
	unsigned char *seen; /* [event * receivers + client] */
	uint32_t *latency_us;
	size_t distinct, repeats, strays, results, tags;
	uint64_t bytes, first_us, last_us, late_us;
};

/* ---- Templates -------------------------------------------------------------------- */

static void template_read(struct template *t, const char *path)
{
	char data[4096];
	FILE *f = fopen(path, "r");
	*t = (struct template){0};
	if (!f)
		bench_die("%s: %s", path, strerror(errno));
	for (size_t n; (n = fread(data, 1, sizeof(data), f)) > 0;)
		buf_add(&t->text, data, n);
	fclose(f);
	if (t->text.len == 0)
		bench_die("%s is empty", path);
	for (char *at = t->text.data; (at = strstr(at, MARK)) != NULL; at++) {
		if (t->count == MARKS_MAX)
			bench_die("%s has too many marks", path);
		t->marks[t->count++] = (size_t)(at - t->text.data) + strlen(MARK);
	}
}

static void template_number(struct template *t, uint64_t number)
{
	char digits[MARK_DIGITS + 1];
	snprintf(digits, sizeof(digits), "%08u", (unsigned)(number % 100000000));
	for (size_t i = 0; i < t->count; i++)
		memcpy(t->text.data + t->marks[i], digits, MARK_DIGITS);
}

/* ---- What arrives ----------------------------------------------------------------- */

static void take_delivery(struct bench *b, size_t client, const char *stanza, size_t len)
{
	uint64_t now = clock_mono_us();
	const char *mark = memmem(stanza, len, MARK, strlen(MARK));
	uint64_t event = mark ? strtoull(mark + strlen(MARK), NULL, 10) : 0;
	uint64_t first = b->next - b->events;
	if (!mark || event < first || event >= b->next || client >= b->receivers) {
		b->strays++;
		return;
	}
	size_t number = (size_t)(event - first);
	unsigned char *seen = &b->seen[number * b->receivers + client];
	if ((*seen)++) {
		b->repeats++;
		return;
	}
	if (b->distinct == 0) {
		b->first_us = now;
		for (const char *at = stanza; at + 1 < stanza + len; at++)
			b->tags += at[0] == '<' && at[1] != '/';
	}
	b->last_us = now;
	b->bytes += len;
	b->latency_us[b->distinct++] = now > b->intended_us[number]
					       ? (uint32_t)(now - b->intended_us[number])
					       : 0;
}

static void on_stanza(void *arg, size_t client, const char *stanza, size_t len)
{
	struct bench *b = arg;
	const char *tag = memchr(stanza, '<', len), *end = memchr(tag, '>', len);
	size_t head = (size_t)(end - tag);
	if (memmem(tag, head, "type='error'", 12) ||
	    memmem(tag, head, "type=\"error\"", 12))
		bench_die("client %zu got an error: %.*s", client, (int)len, stanza);
	if (strncmp(tag, "<message", 8) == 0)
		take_delivery(b, client, tag, len - (size_t)(tag - stanza));
	else if (strncmp(tag, "<iq", 3) == 0)
		b->results++;
}

/* ---- Measuring -------------------------------------------------------------------- */

static void set_timer(const struct bench *b, uint64_t at_us)
{
	const struct itimerspec when = {
		.it_value = {.tv_sec = (time_t)(at_us / 1000000),
			     .tv_nsec = (long)(at_us % 1000000) * 1000}};
	timerfd_settime(b->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* What is due, as far as it is taken. */
static void publish_due(struct bench *b, struct publisher *p, struct template *t)
{
	uint64_t now = clock_mono_us();
	while (b->published < b->events && b->intended_us[b->published] <= now &&
	       publisher_ready(p)) {
		uint64_t late = now - b->intended_us[b->published];
		b->late_us = late > b->late_us ? late : b->late_us;
		template_number(t, b->next - b->events + b->published);
		publisher_send(p, t->text.data, t->text.len);
		b->published++;
		now = clock_mono_us();
	}
	if (b->published < b->events && b->intended_us[b->published] > now)
		set_timer(b, b->intended_us[b->published]);
}

static void turn(struct bench *b, struct publisher *p, int wait_ms)
{
	struct epoll_event events[EVENTS_A_TURN];
	int n = epoll_wait(b->epoll, events, EVENTS_A_TURN, wait_ms);
	for (int i = 0; i < n; i++) {
		uint64_t key = events[i].data.u64, times;
		if (key >= KEY_PUBLISHER)
			publisher_read(p, key);
		else if (key < KEY_TIMER)
			crowd_read(b->crowd, (size_t)key);
		else if (read(b->timer, &times, sizeof(times)) < 0 && errno != EAGAIN)
			bench_die("timer: %s", strerror(errno));
	}
}

static void prepare(struct bench *b, size_t events, double rate, size_t receivers)
{
	size_t deliveries = events * receivers;
	b->events = events;
	b->receivers = receivers;
	b->next += events;
	b->published = b->distinct = b->repeats = b->strays = b->results = b->tags = 0;
	b->bytes = b->first_us = b->last_us = b->late_us = 0;
	b->intended_us = xreallocarray(b->intended_us, events, sizeof(*b->intended_us));
	b->latency_us = xreallocarray(b->latency_us, deliveries, sizeof(*b->latency_us));
	b->seen = xrealloc(b->seen, deliveries);
	memset(b->seen, 0, deliveries);
	uint64_t start = clock_mono_us() + 1000;
	for (size_t i = 0; i < events; i++)
		b->intended_us[i] =
			start + (rate > 0 ? (uint64_t)((double)i * 1e6 / rate) : 0);
}

static int by_value(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

static uint32_t percentile(const struct bench *b, double p)
{
	if (b->distinct == 0)
		return 0;
	size_t at = (size_t)((double)b->distinct * p);
	return b->latency_us[at < b->distinct ? at : b->distinct - 1];
}

static void answer(struct bench *b, size_t answered)
{
	qsort(b->latency_us, b->distinct, sizeof(*b->latency_us), by_value);
	uint64_t start = b->intended_us[0];
	printf("{\"published\": %zu, \"answered\": %zu, \"results\": %zu, "
	       "\"expected\": %zu, \"distinct\": %zu, \"repeats\": %zu, "
	       "\"strays\": %zu, \"bytes\": %" PRIu64 ", \"tags\": %zu, "
	       "\"first_us\": %" PRIu64 ", \"last_us\": %" PRIu64 ", "
	       "\"late_us\": %" PRIu64 ", ",
	       b->published, answered, b->results, b->events * b->receivers, b->distinct,
	       b->repeats, b->strays, b->bytes, b->tags,
	       b->distinct ? b->first_us - start : 0,
	       b->distinct ? b->last_us - start : 0, b->late_us);
	printf("\"p50_us\": %u, \"p99_us\": %u, \"p999_us\": %u, \"max_us\": %u}\n",
	       percentile(b, 0.5), percentile(b, 0.99), percentile(b, 0.999),
	       percentile(b, 1.0));
	fflush(stdout);
}

static struct publisher *open_publisher(struct bench *b, const char *kind, unsigned where)
{
	if (strcmp(kind, "client") == 0)
		return publisher_open(PUBLISHER_RAW, crowd_fd(b->crowd, where), 0,
				      b->epoll, KEY_PUBLISHER);
	enum publisher_kind k = strcmp(kind, "http") == 0    ? PUBLISHER_HTTP
				: strcmp(kind, "redis") == 0 ? PUBLISHER_REDIS
							     : PUBLISHER_RAW;
	return publisher_open(k, -1, (uint16_t)where, b->epoll, KEY_PUBLISHER);
}

static void measure(struct bench *b, const char *line)
{
	char kind[16], path[4096];
	unsigned where, events, receivers, patience_s;
	double rate;
	if (sscanf(line, "measure %15s %u %u %lf %u %u %4095[^\n]", kind, &where, &events,
		   &rate, &receivers, &patience_s, path) != 7 ||
	    events == 0 || receivers > b->clients)
		bench_die("not understood: %s", line);
	struct template t;
	template_read(&t, path);
	struct publisher *p = open_publisher(b, kind, where);
	bool answers = strcmp(kind, "http") == 0 || strcmp(kind, "redis") == 0;
	prepare(b, events, rate, receivers);
	uint64_t moved_us = b->intended_us[events - 1];
	size_t before = 0;
	while (b->distinct < (size_t)events * receivers ||
	       (answers && publisher_answered(p) < events)) {
		publish_due(b, p, &t);
		turn(b, p, publisher_behind(p) ? 1 : 100);
		publisher_flush(p);
		uint64_t now = clock_mono_us();
		if (b->distinct > before && now > moved_us)
			moved_us = now;
		before = b->distinct;
		if (now > moved_us + (uint64_t)patience_s * 1000000)
			break;
	}
	answer(b, publisher_answered(p));
	publisher_close(p);
	buf_free(&t.text);
}

/* ---- IQs -------------------------------------------------------------------------- */

static void send_own(struct bench *b, size_t client, const char *text)
{
	struct buf out = {0};
	for (const char *at; (at = strstr(text, "@@@@")) != NULL; text = at + 4) {
		buf_add(&out, text, (size_t)(at - text));
		buf_printf(&out, "%04zu", client);
	}
	buf_adds(&out, text);
	crowd_send(b->crowd, client, out.data, out.len);
	buf_free(&out);
}

static void each(struct bench *b, const char *line)
{
	char path[4096];
	size_t first, count;
	if (sscanf(line, "each %zu %zu %4095[^\n]", &first, &count, path) != 3 ||
	    first + count > b->clients)
		bench_die("not understood: %s", line);
	struct template t;
	template_read(&t, path);
	b->results = 0;
	b->events = b->receivers = 0;
	uint64_t moved_ms = clock_mono_ms();
	for (size_t sent = 0, before = 0; b->results < count; before = b->results) {
		while (sent < count && sent - b->results < EACH_AT_ONCE)
			send_own(b, first + sent++, t.text.data);
		turn(b, NULL, 1000);
		if (b->results > before)
			moved_ms = clock_mono_ms();
		else if (clock_mono_ms() - moved_ms > EACH_WAIT_MS)
			bench_die("%zu of %zu results, and no more come", b->results,
				  count);
	}
	buf_free(&t.text);
	printf("{\"results\": %zu}\n", b->results);
	fflush(stdout);
}

/* ---- Life ------------------------------------------------------------------------- */

static void log_in(struct bench *b, char **argv)
{
	const struct crowd_options o = {.port = (uint16_t)atoi(argv[1]),
					.domain = argv[2],
					.name = argv[3],
					.password = argv[4],
					.count = b->clients,
					.stanza = on_stanza,
					.arg = b};
	struct rlimit files;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	b->epoll = epoll_create1(EPOLL_CLOEXEC);
	b->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	uint64_t began = clock_mono_ms();
	b->crowd = crowd_login(&o, b->epoll);
	struct epoll_event e = {.events = EPOLLIN, .data.u64 = KEY_TIMER};
	if (epoll_ctl(b->epoll, EPOLL_CTL_ADD, b->timer, &e) != 0)
		bench_die("epoll: %s", strerror(errno));
	printf("{\"online\": %zu, \"ms\": %" PRIu64 "}\n", b->clients,
	       clock_mono_ms() - began);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct bench b = {.next = 1};
	char line[8192];
	if (argc != 6) {
		fprintf(stderr, "usage: xmpp_clients PORT DOMAIN NAME PASSWORD COUNT\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	b.clients = (size_t)atol(argv[5]);
	log_in(&b, argv);
	while (fgets(line, sizeof(line), stdin)) {
		if (strncmp(line, "measure ", 8) == 0)
			measure(&b, line);
		else if (strncmp(line, "each ", 5) == 0)
			each(&b, line);
		else
			bench_die("not understood: %s", line);
	}
	crowd_logout(b.crowd);
	free(b.intended_us);
	free(b.latency_us);
	free(b.seen);
	return 0;
}

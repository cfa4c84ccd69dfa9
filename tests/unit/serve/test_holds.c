#include "service_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Subscriptions that wait, what became of events for each of them, and dead letters. */

#define SUBSCRIBERS "/v1/feeds/x/subscribers"

#define BUCKETS 8 /* of the largest feed here, at most */

static struct store_owner owner;
static struct store_run *run;

/* Of a call that was made just now: its callback comes from the loop. */
static void wait_done(void)
{
	bench.done = false;
	while (!bench.done)
		loop_turn(bench.loop, true);
}

static void on_lease(void *arg, enum belfry_err err, const struct store_owner *o,
		     const struct store_lease_seen *seen)
{
	(void)arg;
	(void)seen;
	assert_int_equal(err, BELFRY_OK);
	owner = *o;
	bench.done = true;
}

static void on_run(void *arg, enum belfry_err err, struct store_run *got)
{
	(void)arg;
	assert_int_equal(err, BELFRY_OK);
	run = got;
	bench.done = true;
}

static void on_ok(void *arg, enum belfry_err err)
{
	(void)arg;
	assert_int_equal(err, BELFRY_OK);
	bench.done = true;
}

static void read_rows(void)
{
	bench.store->ops->read(bench.store, "x", 0, BUCKETS, on_run, NULL);
	wait_done();
}

/* Everybody is past the first EVENTS events; the rows are held. */
static void deliver(uint64_t events, const struct store_done_row *rows, size_t row_count)
{
	struct store_done_bucket buckets[BUCKETS];
	struct store_done_event counts[8] = {0};
	struct store_done d = {.feed = "x",
			       .buckets = buckets,
			       .events = counts,
			       .event_count = events,
			       .rows = rows,
			       .row_count = row_count};

	read_rows();
	for (size_t i = 0; i < run->bucket_count; i++)
		buckets[i] = (struct store_done_bucket){run->buckets[i].bucket,
							run->buckets[i].cursor};
	d.bucket_count = run->bucket_count;
	d.feed_buckets = run->feed_buckets;
	d.to = (struct pos){run->head.epoch, events};
	for (uint64_t i = 0; i < events; i++) {
		counts[i].pos = (struct pos){run->head.epoch, i + 1};
		counts[i].add.taken = run->row_count - row_count;
		counts[i].add.held = row_count;
		counts[i].add.bounced = row_count && !i;
	}
	store_run_free(run);
	bench.store->ops->done(bench.store, &owner, &d, on_ok, NULL);
	wait_done();
}

static struct store_done_row held(const char *jid, enum hold_reason reason)
{
	struct store_done_row r = {.jid = jid, .pos = {0, 1}};

	read_rows();
	r.pos.epoch = run->head.epoch;
	store_run_free(run);
	r.hold = (struct sub_hold){.reason = reason,
				   .pos = {r.pos.epoch, 0},
				   .due_ms = reason == HOLD_DEAD ? HOLD_NEVER : 60000,
				   .tries = 3,
				   .first_ms = 1};
	snprintf(r.hold.condition, sizeof r.hold.condition, "service-unavailable");
	return r;
}

/* The feed X with people of a bucket, and EVENTS events that have reached nobody. */
static void make_feed(const char *const *people, unsigned events)
{
	char line[100];

	bench.store->ops->lease_take(bench.store, "feeds.example.org", NULL, on_lease,
				     NULL);
	wait_done();
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (; *people; people++) {
		snprintf(line, sizeof line, "PUT " SUBSCRIBERS "/%s%%40example.org",
			 *people);
		ASK(line, NULL, "201", NULL);
	}
	while (events--)
		ASK("POST /v1/feeds/x/events", "{\"title\":\"t\"}", "202", NULL);
}

/* The public id of the event number N. */
static const char *event_id(unsigned n)
{
	static char id[40];
	char *got = ask(bench.token, "GET /v1/feeds/x/events", "", NULL), *at = got;

	while (n--) {
		at = strstr(at, "{\"id\":\"");
		assert_non_null(at);
		at += 7;
	}
	snprintf(id, sizeof id, "%.36s", at);
	free(got);
	return id;
}

/* Asks for WHAT of the event number N. */
static char *ask_event(unsigned n, const char *what)
{
	char line[200];

	snprintf(line, sizeof line, "GET /v1/feeds/x/events/%s%s", event_id(n), what);
	return ask(bench.token, line, "", NULL);
}

/* ---- what people want ---- */

static void pauses_and_quiet_hours(void **state)
{
	const char *put = "PUT " SUBSCRIBERS "/a%40example.org";
	const char *patch = "PATCH " SUBSCRIBERS "/a%40example.org";

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK(patch, "{\"paused\":true}", "404", "not-found");
	ASK(put,
	    "{\"quiet\":{\"from\":\"22:00\",\"to\":\"07:05\",\"zone\":\"Europe/Berlin\"},"
	    "\"urgent\":true}",
	    "201",
	    "\"quiet\":{\"from\":\"22:00\",\"to\":\"07:05\",\"zone\":\"Europe/Berlin\"},"
	    "\"urgent\":true}");
	ASK(patch, "{\"paused\":true}", "200", "\"paused\":true,\"quiet\":{\"from\"");
	ASK(patch, "{\"quiet\":null,\"urgent\":false}", "200", "\"paused\":true}");
	ASK(patch, "{\"paused\":null}", "200", "-0\"}");
	ASK(patch, "{\"paused\":1}", "400", "true or false");
	ASK(patch, "{\"urgent\":\"yes\"}", "400", "true or false");
	ASK(patch, "{\"nonsense\":1}", "400", "bad-document");
	ASK("PATCH " SUBSCRIBERS "/a%40example.org%2Fr", "{\"format\":\"chat\"}", "400",
	    "bare JID");
	ASK("PATCH " SUBSCRIBERS "/a%40example.org%2Fr", "{\"paused\":true}", "404",
	    NULL);
}

static void quiet_hours_are_checked(void **state)
{
	static const char *const wrong[] = {
		"true",
		"{}",
		"{\"from\":\"22:00\",\"to\":\"07:00\"}",
		"{\"from\":\"22:00\",\"to\":\"22:00\",\"zone\":\"UTC\"}",
		"{\"from\":\"24:00\",\"to\":\"07:00\",\"zone\":\"UTC\"}",
		"{\"from\":\"22:60\",\"to\":\"07:00\",\"zone\":\"UTC\"}",
		"{\"from\":\"2:00\",\"to\":\"07:00\",\"zone\":\"UTC\"}",
		"{\"from\":2200,\"to\":\"07:00\",\"zone\":\"UTC\"}",
		"{\"from\":\"22:00\",\"to\":\"07:00\",\"zone\":\"Moon/Base\"}",
		"{\"from\":\"22:00\",\"to\":\"07:00\",\"zone\":\"../../etc/passwd\"}",
		"{\"from\":\"22:00\",\"to\":\"07:00\",\"zone\":\"\"}",
		"{\"from\":\"22:00\",\"to\":\"07:00\",\"zone\":\"UTC\",\"more\":1}",
	};
	char body[300];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		snprintf(body, sizeof body, "{\"quiet\":%s}", wrong[i]);
		ASK("PUT " SUBSCRIBERS "/a%40example.org", body, "400", "IANA");
	}
	/* As long a name is taken; "posix/" makes it too long. */
	for (int i = 0; i < 2; i++) {
		snprintf(
			body, sizeof body,
			"{\"quiet\":{\"from\":\"22:00\",\"to\":\"07:00\",\"zone\":\"%s%s\"}}",
			i ? "" : "posix/", "America/Argentina/Buenos_Aires");
		ASK("PATCH " SUBSCRIBERS "/a%40example.org", body, i ? "404" : "400",
		    i ? "not-found" : "IANA");
	}
	ASK("GET " SUBSCRIBERS, NULL, "200", "{\"subscribers\":[],");
}

/* ---- what became of an event ---- */

static void deliveries_are_told_one_by_one(void **state)
{
	const char *const people[] = {"ann", "bob", NULL};

	(void)state;
	make_feed(people, 2);
	ASK("PUT " SUBSCRIBERS "/late%40example.org", NULL, "201", NULL);
	ASK("PATCH " SUBSCRIBERS "/ann%40example.org", "{\"tags\":[\"web\"]}", "200",
	    NULL);
	struct store_done_row row = held("bob@example.org", HOLD_BOUNCED);
	deliver(1, &row, 1);
	ASK("GET " SUBSCRIBERS "/bob%40example.org", NULL, "200",
	    "\"hold\":{\"reason\":\"bounced\",\"position\":\"");
	ASK("GET " SUBSCRIBERS "/bob%40example.org", NULL, "200",
	    "\"tries\":3,\"since\":\"2");
	ASK("GET " SUBSCRIBERS "/bob%40example.org", NULL, "200",
	    "Z\",\"condition\":\"service-unavailable\"}}");
	assert_said(ask_event(1, ""), "200", "\"held\":1,\"dead\":0,\"bounced\":1");
	char *got = ask_event(1, "/deliveries");
	assert_non_null(strstr(got, "{\"jid\":\"ann@example.org\",\"format\":\"chat\","
				    "\"state\":\"filtered\"}"));
	assert_non_null(strstr(got,
			       "{\"jid\":\"bob@example.org\",\"format\":\"chat\","
			       "\"state\":\"held\",\"hold\":{\"reason\":\"bounced\""));
	assert_null(strstr(got, "late"));
	assert_said(got, "200", "],\"next\":null}");
	got = ask_event(2, "/deliveries");
	assert_non_null(strstr(got, "\"jid\":\"bob@example.org\",\"format\":\"chat\","
				    "\"state\":\"queued\"}"));
	assert_said(got, "200",
		    "\"jid\":\"ann@example.org\",\"format\":\"chat\","
		    "\"state\":\"queued\"}");
}

static void a_status_waits_for_those_who_are_held(void **state)
{
	const char *const people[] = {"ann", "bob", NULL};

	(void)state;
	make_feed(people, 1);
	assert_said(ask_event(1, ""), "200", "\"status\":\"queued\"");
	struct store_done_row row = held("bob@example.org", HOLD_QUIET);
	deliver(1, &row, 1);
	bench.store->ops->settle(bench.store, &owner, "x", 1, row.pos, on_ok, NULL);
	wait_done();
	assert_said(ask_event(1, ""), "200", "\"status\":\"held\"");
	read_rows();
	const struct sub_hold none = {0};
	struct store_move move = {row.pos, COUNT_HELD, COUNT_TAKEN};
	for (size_t i = 0; i < run->row_count; i++)
		if (run->rows[i].sub.hold) {
			row.was = run->rows[i].sub.hold;
			row.was_len = run->rows[i].sub.hold_len;
		}
	struct store_done_bucket bucket = {.from = run->buckets[0].cursor};
	struct store_done d = {.feed = "x",
			       .feed_buckets = run->feed_buckets,
			       .to = bucket.from,
			       .buckets = &bucket,
			       .bucket_count = 1,
			       .rows = &row,
			       .row_count = 1,
			       .due = true};
	row.hold = none;
	row.moves = &move;
	row.move_count = 1;
	bench.store->ops->done(bench.store, &owner, &d, on_ok, NULL);
	wait_done();
	store_run_free(run);
	assert_said(ask_event(1, ""), "200", "\"status\":\"done\"");
	assert_said(ask_event(1, ""), "200", "\"taken\":2,\"sent\":0,\"held\":0");
}

/* ---- dead letters ---- */

#define DEAD "/v1/dead-letters"
#define BOB DEAD "/x/bob%40example.org"

static void a_dead_letter_is_shown_and_redriven(void **state)
{
	const char *const people[] = {"ann", "bob", NULL};

	(void)state;
	ASK("GET " DEAD, NULL, "200", "{\"dead_letters\":[],\"next\":null}");
	make_feed(people, 3);
	struct store_done_row row = held("bob@example.org", HOLD_DEAD);
	deliver(2, &row, 1);
	ASK("GET " DEAD, NULL, "200",
	    "{\"dead_letters\":[\n{\"feed\":\"x\",\"jid\":\"bob@example.org\","
	    "\"format\":\"chat\",\"since\":\"");
	ASK("GET " DEAD, NULL, "200", "\"hold\":{\"reason\":\"dead\",\"position\":\"");
	ASK("GET " DEAD "?feed=x", NULL, "200", "\"feed\":\"x\",\"jid\":\"bob@");
	ASK("GET " BOB, NULL, "200", "{\"feed\":\"x\",\"jid\":\"bob@example.org\"");
	ASK("GET " BOB, NULL, "200", "\"event\":{\"title\":\"t\"}},\"missed\":3}");
	ASK("GET " DEAD "/x/ann%40example.org", NULL, "404", "no dead letter");
	ASK("GET " DEAD "/x/carl%40example.org", NULL, "404", "no dead letter");
	ASK("POST " DEAD ":redrive", "{\"feed\":\"x\",\"jid\":\"ann@example.org\"}",
	    "404", "no dead letter");
	ASK("POST " DEAD ":redrive", "{\"feed\":\"x\",\"jid\":\"Bob@Example.org\"}",
	    "200", "{\"redriven\":1,\"more\":false}");
	ASK("GET " BOB, NULL, "404", "no dead letter");
	ASK("GET " DEAD, NULL, "200", "{\"dead_letters\":[],\"next\":null}");
	ASK("GET " SUBSCRIBERS "/bob%40example.org", NULL, "200",
	    "\"hold\":{\"reason\":\"bounced\"");
	ASK("GET /metrics", NULL, "200", "belfry_dead_letters_redriven_total 1\n");
}

static void a_dead_letter_is_dropped(void **state)
{
	const char *const people[] = {"ann", "bob", NULL};

	(void)state;
	make_feed(people, 1);
	struct store_done_row row = held("bob@example.org", HOLD_DEAD);
	deliver(1, &row, 1);
	ASK("POST " DEAD ":drop", "{\"feed\":\"x\",\"jid\":\"bob@example.org\"}", "200",
	    "{\"dropped\":1,\"more\":false}");
	ASK("POST " DEAD ":drop", "{\"feed\":\"x\",\"jid\":\"bob@example.org\"}", "404",
	    "no dead letter");
	char *got = ask_event(1, "/deliveries");
	assert_said(got, "200", "\"state\":\"dead\",\"hold\":{\"reason\":\"dropped\"");
	ASK("GET /metrics", NULL, "200", "belfry_dead_letters_dropped_total 1\n");
}

/* 150 of them: more than are ordered at a time. */
static void all_of_a_feed_are_redriven(void **state)
{
	enum { PEOPLE = 150, PAGE = 60 };
	static char jids[PEOPLE][40];
	static struct store_done_row rows[PEOPLE];
	const char *const people[] = {NULL};
	char line[100];
	size_t found = 0;

	(void)state;
	make_feed(people, 0);
	for (int i = 0; i < PEOPLE; i++) {
		snprintf(jids[i], sizeof jids[i], "u%03d@example.org", i);
		snprintf(line, sizeof line, "PUT " SUBSCRIBERS "/u%03d%%40example.org",
			 i);
		ASK(line, NULL, "201", NULL);
	}
	ASK("POST /v1/feeds/x/events", "{}", "202", NULL);
	for (int i = 0; i < PEOPLE; i++)
		rows[i] = held(jids[i], HOLD_DEAD);
	deliver(1, rows, PEOPLE);
	snprintf(line, sizeof line, "GET " DEAD "?limit=%d", PAGE);
	for (bool more = true; more;) {
		char *got = ask(bench.token, line, "", NULL), *next;

		for (const char *at = got; (at = strstr(at, "{\"feed\":\"x\"")); at++)
			found++;
		next = strstr(got, "\"next\":\"");
		more = next;
		if (next)
			snprintf(line, sizeof line, "GET " DEAD "?limit=%d&after=%.*s",
				 PAGE, (int)strcspn(next + 8, "\""), next + 8);
		free(got);
	}
	assert_int_equal(found, PEOPLE);
	snprintf(line, sizeof line, "{\"redriven\":%zu,\"more\":false}", found);
	ASK("POST " DEAD ":redrive", "{\"feed\":\"x\",\"all\":true}", "200", line);
	ASK("GET " DEAD, NULL, "200", "{\"dead_letters\":[],\"next\":null}");
	ASK("POST " DEAD ":redrive", "{\"feed\":\"x\",\"all\":true}", "200",
	    "{\"redriven\":0,\"more\":false}");
}

static void dead_letters_of_others_are_not_shown(void **state)
{
	const char *const people[] = {"bob", NULL};
	const char *one = "{\"feed\":\"x\",\"jid\":\"bob@example.org\"}";
	char x[TOKEN_TEXT_SIZE], y[TOKEN_TEXT_SIZE], publish[TOKEN_TEXT_SIZE];

	(void)state;
	make_feed(people, 1);
	struct store_done_row row = held("bob@example.org", HOLD_DEAD);
	deliver(1, &row, 1);
	make_token(SCOPE_MANAGE, "x", x);
	make_token(SCOPE_MANAGE, "y", y);
	make_token(SCOPE_PUBLISH, "x", publish);
	assert_said(ask(x, "GET " DEAD, "", NULL), "200", "bob@");
	assert_said(ask(y, "GET " DEAD, "", NULL), "200", "[],\"next\":null");
	assert_said(ask(y, "GET " DEAD "?feed=x", "", NULL), "403", "forbidden");
	assert_said(ask(y, "GET " BOB, "", NULL), "403", "forbidden");
	assert_said(ask(y, "POST " DEAD ":redrive", "", one), "403", "forbidden");
	assert_said(ask(y, "POST " DEAD ":drop", "", one), "403", "forbidden");
	assert_said(ask(publish, "GET " DEAD, "", NULL), "403", "forbidden");
	assert_said(ask(x, "POST " DEAD ":redrive", "", one), "200", "\"redriven\":1");
}

static void what_is_wrong_is_said(void **state)
{
	static const char *const wrong[] = {
		"[]",
		"{}",
		"{\"feed\":\"x\"}",
		"{\"feed\":\"x\",\"all\":false}",
		"{\"feed\":\"x\",\"jid\":1}",
		"{\"feed\":\"x\",\"jid\":\"\"}",
		"{\"feed\":1,\"all\":true}",
		"{\"all\":true}",
		"{\"feed\":\"x\",\"jid\":\"a@b\",\"all\":true}",
		"{\"feed\":\"x\",\"jid\":\"a@b\",\"jid\":\"c@d\"}",
	};

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ASK("POST " DEAD ":redrive", wrong[i], "400", "bad-document");
	ASK("POST " DEAD ":drop", "{\"feed\":\"y\",\"all\":true}", "404", "no-such-feed");
	ASK("POST " DEAD ":drop", "{\"feed\":\"NO/ne\",\"all\":true}", "404",
	    "no-such-feed");
	ASK("GET " DEAD "?feed=y", NULL, "404", "no-such-feed");
	ASK("GET " DEAD "?after=x", NULL, "400", "bad-parameter");
	ASK("GET " DEAD "?after=x~z", NULL, "400", "bad-parameter");
	ASK("GET " DEAD "?feed=x&after=y~1", NULL, "400", "bad-parameter");
	ASK("GET " DEAD "?after=x~0", NULL, "200", "[],\"next\":null");
	memory_set_away(bench.memory, true);
	ASK("GET " DEAD, NULL, "503", "store-away");
	ASK("GET " DEAD "?feed=x", NULL, "503", "store-away");
	ASK("POST " DEAD ":drop", "{\"feed\":\"x\",\"all\":true}", "503", "store-away");
	ASK("POST " DEAD ":drop", "{\"feed\":\"x\",\"jid\":\"a@b\"}", "503",
	    "store-away");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pauses_and_quiet_hours),
		TEST(quiet_hours_are_checked),
		TEST(deliveries_are_told_one_by_one),
		TEST(a_status_waits_for_those_who_are_held),
		TEST(a_dead_letter_is_shown_and_redriven),
		TEST(a_dead_letter_is_dropped),
		TEST(all_of_a_feed_are_redriven),
		TEST(dead_letters_of_others_are_not_shown),
		TEST(what_is_wrong_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

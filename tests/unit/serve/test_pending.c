#include "service_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Who is not let in yet: invitations, requests, and what is decided of them. */

#define SUBSCRIBERS "/v1/feeds/x/subscribers"
#define PENDING "/v1/feeds/x/pending"
#define ANN "/ann%40example.net"

static enum belfry_err stored;

static void on_stored(void *arg, enum belfry_err err)
{
	(void)arg;
	stored = err;
	bench.done = true;
}

static void wait_done(void)
{
	while (!bench.done)
		loop_turn(bench.loop, true);
	bench.done = false;
}

/* As the hub does when somebody asks over XMPP, or answers. */
static void set_state(const char *jid, enum pending_state from, enum pending_state to)
{
	const struct store_pending p = {.jid = jid,
					.state = to,
					.at_ms = 1000,
					.format = FORMAT_HEADLINE,
					.options = {.at_least = PRIORITY_HIGH}};

	bench.done = false;
	bench.store->ops->pending_put(bench.store, "x", &p, from, NOTICE_NONE, on_stored,
				      NULL);
	wait_done();
	assert_int_equal(stored, BELFRY_OK);
}

static char told[1000];

static void on_notices(void *arg, enum belfry_err err, const struct store_notice *list,
		       size_t count)
{
	size_t len = 0;

	(void)arg;
	assert_int_equal(err, BELFRY_OK);
	told[0] = '\0';
	for (size_t i = 0; i < count; i++)
		len += (size_t)snprintf(told + len, sizeof told - len, "%s%c %s %s",
					i ? ", " : "", list[i].kind, list[i].feed,
					list[i].jid);
	bench.done = true;
}

/* "KIND FEED JID, ...": all that the worker is to tell. */
static void assert_told(const char *expected)
{
	bench.done = false;
	bench.store->ops->notices(bench.store, 100, on_notices, NULL);
	wait_done();
	assert_string_equal(told, expected);
}

static void strangers_are_invited(void **state)
{
	(void)state;
	ASK("PUT " SUBSCRIBERS ANN, NULL, "404", "no-such-feed");
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK("PUT " SUBSCRIBERS "/Ann%40Example.NET%2Fphone",
	    "{\"tags\":[\"prod\"],\"priority\":\"high\"}", "202",
	    "\"jid\":\"ann@example.net\",\"state\":\"pending\",\"awaits\":\"person\"");
	assert_told("p x ann@example.net");
	ASK("GET " SUBSCRIBERS ANN, NULL, "404", NULL);
	ASK("GET " PENDING ANN, NULL, "200",
	    "\"format\":\"chat\",\"priority\":\"high\",\"tags\":[\"prod\"]}");
	/* Entered again: told once, wishes changed, the rest as it was. */
	ASK("PUT " SUBSCRIBERS ANN, "{\"format\":\"headline\"}", "202",
	    "\"format\":\"headline\",\"priority\":\"high\",\"tags\":[\"prod\"]}");
	ASK("PUT " SUBSCRIBERS ANN, "{\"tags\":null}", "202",
	    "\"format\":\"headline\",\"priority\":\"high\"}");
	assert_told("p x ann@example.net");
	ASK("GET /metrics", NULL, "200", "belfry_invitations_total 1");
	ASK("DELETE " PENDING ANN, NULL, "204", NULL);
	ASK("GET " PENDING ANN, NULL, "404", NULL);
	ASK("DELETE " PENDING ANN, NULL, "404", NULL);
}

/* Who has the invitation by then is told, as its question stays in the contact list. */
static void taken_back(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK("PUT " SUBSCRIBERS ANN, NULL, "202", "\"awaits\":\"person\"");
	ASK("DELETE " PENDING ANN, NULL, "204", NULL);
	assert_told("p x ann@example.net");
	ASK("PUT " SUBSCRIBERS ANN, NULL, "202", NULL);
	set_state("ann@example.net", PENDING_PERSON, PENDING_INVITED);
	ASK("GET " PENDING ANN, NULL, "200",
	    "\"state\":\"pending\",\"awaits\":\"person\"");
	/* Other wishes: the same invitation. */
	ASK("PUT " SUBSCRIBERS ANN, "{\"format\":\"normal\"}", "202",
	    "\"awaits\":\"person\"");
	ASK("PUT " PENDING ANN, "{\"decision\":\"allow\"}", "409", "problem:pending");
	assert_told("p x ann@example.net, p x ann@example.net");
	ASK("DELETE " PENDING ANN, NULL, "204", NULL);
	ASK("GET " PENDING ANN, NULL, "404", NULL);
	assert_told("p x ann@example.net, p x ann@example.net, u x ann@example.net");
}

static void some_are_not_invited(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x",
	    "{\"access\":\"open\",\"outcasts\":[\"ann@example.net\",\"evil.example\","
	    "\"bad@example.org\"]}",
	    "201", "\"outcasts\":[\"ann@example.net\",");
	ASK("PUT " SUBSCRIBERS ANN, NULL, "403", "problem:access");
	ASK("PUT " SUBSCRIBERS "/anybody%40evil.example", NULL, "403", "problem:access");
	ASK("PUT " SUBSCRIBERS "/bad%40example.org", NULL, "403", "problem:access");
	ASK("PUT " SUBSCRIBERS "/y%40feeds.example.org", NULL, "403", "problem:access");
	ASK("PUT " SUBSCRIBERS "/bob%40example.net%2Fphone", "{\"format\":\"event\"}",
	    "400", "bare JID");
	ASK("PUT " SUBSCRIBERS "/bob%40example.net", "{\"format\":\"pigeon\"}", "400",
	    "bad-document");
	ASK("GET " PENDING, NULL, "200", "{\"pending\":[],\"next\":null}");
	assert_told("");
}

/* The person said no; and yes, once he changed his mind. */
static void a_refusal_is_remembered(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK("PUT " SUBSCRIBERS ANN, NULL, "202", NULL);
	set_state("ann@example.net", PENDING_PERSON, PENDING_REFUSED);
	ASK("PUT " SUBSCRIBERS ANN, NULL, "409", "problem:refused");
	ASK("DELETE " PENDING ANN, NULL, "409", "problem:refused");
	ASK("PUT " PENDING ANN, "{\"decision\":\"allow\"}", "409", "problem:refused");
	ASK("GET " PENDING ANN, NULL, "200", "\"state\":\"refused\",\"at\":\"1970-");
	assert_told("p x ann@example.net");
}

static void on_joined(void *arg, enum belfry_err err, const struct store_row *row,
		      bool created)
{
	(void)row;
	(void)created;
	on_stored(arg, err);
}

static void followers_are_changed(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	bench.done = false;
	bench.store->ops->join(bench.store, "x", "ann@example.net",
			       SUB_FOLLOW(FORMAT_CHAT), on_joined, NULL);
	wait_done();
	ASK("PUT " SUBSCRIBERS ANN, "{\"priority\":\"urgent\"}", "200",
	    "\"priority\":\"urgent\"");
	assert_told("");
}

static void requests_are_decided(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", "{\"access\":\"authorize\"}", "201", "\"authorize\"");
	set_state("ann@example.net", PENDING_NONE, PENDING_OWNERS);
	set_state("bob@example.net", PENDING_NONE, PENDING_OWNERS);
	ASK("GET " PENDING ANN, NULL, "200",
	    "{\"jid\":\"ann@example.net\",\"state\":\"pending\",\"awaits\":\"owners\","
	    "\"at\":\"1970-01-01T00:00:01.000Z\",\"format\":\"headline\","
	    "\"priority\":\"high\"}\n");
	ASK("DELETE " PENDING ANN, NULL, "409", "problem:pending");
	ASK("PUT " PENDING ANN, "{\"decision\":\"perhaps\"}", "400", "bad-document");
	ASK("PUT " PENDING ANN, "{\"decision\":\"allow\",\"x\":1}", "400",
	    "bad-document");
	ASK("PUT " PENDING ANN, "[]", "400", "bad-document");
	ASK("PUT " PENDING "/carl%40example.net", "{\"decision\":\"allow\"}", "404",
	    "not-found");
	/* Allowed: follows as it was wished; and once more, which changes nothing. */
	for (int i = 0; i < 2; i++)
		ASK("PUT " PENDING ANN, "{\"decision\":\"allow\"}", i ? "200" : "201",
		    "\"format\":\"headline\"");
	ASK("GET " SUBSCRIBERS ANN, NULL, "200", "\"priority\":\"high\"");
	ASK("GET " PENDING ANN, NULL, "404", NULL);
	assert_told("a x ann@example.net");
	/* Denied, the same; and then after all allowed. */
	for (int i = 0; i < 2; i++)
		ASK("PUT " PENDING "/bob%40example.net", "{\"decision\":\"deny\"}", "200",
		    "\"state\":\"denied\",\"at\":\"2");
	assert_told("a x ann@example.net, d x bob@example.net");
	ASK("PUT " PENDING "/bob%40example.net", "{\"decision\":\"allow\"}", "201", NULL);
	ASK("PUT " PENDING "/bob%40example.net", "{\"decision\":\"deny\"}", "404", NULL);
}

/* Not by a door at the side either. */
static void outcasts_are_not_let_in(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x",
	    "{\"access\":\"authorize\",\"outcasts\":[\"ann@example.net\",\"evil.example\"]}",
	    "201", NULL);
	set_state("ann@example.net", PENDING_NONE, PENDING_OWNERS);
	set_state("x@evil.example/y", PENDING_NONE, PENDING_OWNERS);
	ASK("PUT " PENDING ANN, "{\"decision\":\"allow\"}", "403", "outcasts");
	ASK("PUT " PENDING ANN "%2Fphone", "{\"decision\":\"allow\"}", "403",
	    "problem:access");
	ASK("PUT " PENDING "/x%40evil.example%2Fy", "{\"decision\":\"allow\"}", "403",
	    "problem:access");
	ASK("GET " SUBSCRIBERS, NULL, "200", "{\"subscribers\":[],");
	assert_told("");
	ASK("PUT " PENDING ANN, "{\"decision\":\"deny\"}", "200", "denied");
	ASK("PUT /v1/feeds/y/pending" ANN, "{\"decision\":\"allow\"}", "404",
	    "no-such-feed");
}

/* Who asked by a full JID is let in by it; nobody is invited by one. */
static void a_program_that_asks_is_let_in(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", "{\"access\":\"authorize\"}", "201", NULL);
	set_state("ann@example.net/phone", PENDING_NONE, PENDING_OWNERS);
	ASK("PUT " SUBSCRIBERS ANN "%2Fpad", "{\"format\":\"event\"}", "400", "bare JID");
	ASK("PUT " SUBSCRIBERS ANN "%2Fphone", "{\"format\":\"event\"}", "201",
	    "\"format\":\"event\",\"since\"");
	assert_told("a x ann@example.net/phone");
	ASK("GET " PENDING ANN "%2Fphone", NULL, "404", "does not wait");
	/* By the person, too, and the program is the one that follows. */
	set_state("cat@example.net/phone", PENDING_NONE, PENDING_OWNERS);
	ASK("PUT " SUBSCRIBERS "/cat%40example.net", "{\"priority\":\"urgent\"}", "201",
	    "\"jid\":\"cat@example.net/phone\"");
	ASK("PUT " SUBSCRIBERS "/cat%40example.net%2Fphone", "{\"format\":\"event\"}",
	    "200", "\"priority\":\"urgent\"");
	ASK("GET " PENDING, NULL, "200", "{\"pending\":[],");
	assert_told("a x ann@example.net/phone, a x cat@example.net/phone");
	set_state("bob@example.net/phone", PENDING_NONE, PENDING_DENIED);
	ASK("PUT " SUBSCRIBERS "/bob%40example.net%2Fphone", "{\"format\":\"event\"}",
	    "400", "bare JID");
}

/* Entered where it need not ask: nothing is left of what waited. */
static void who_is_entered_waits_no_more(void **state)
{
	static const enum pending_state states[] = {PENDING_OWNERS, PENDING_PERSON,
						    PENDING_DENIED, PENDING_REFUSED,
						    PENDING_WITHDRAWN};
	char jid[40], path[80];

	(void)state;
	ASK("PUT /v1/feeds/x", "{\"access\":\"local\"}", "201", NULL);
	for (int i = 0; i < 5; i++) {
		snprintf(jid, sizeof jid, "u%d@example.org", i);
		set_state(jid, PENDING_NONE, states[i]);
		snprintf(path, sizeof path, "PUT " SUBSCRIBERS "/u%d%%40example.org", i);
		ASK(path, "{\"format\":\"normal\"}", "201", "\"format\":\"normal\"");
		ASK(path, NULL, "200", "\"format\":\"normal\"");
	}
	ASK("GET " PENDING, NULL, "200", "{\"pending\":[],");
	assert_told("a x u0@example.org, a x u2@example.org");
	/* A no that comes too late. */
	set_state("u0@example.org", PENDING_NONE, PENDING_OWNERS);
	ASK("PUT " PENDING "/u0%40example.org", "{\"decision\":\"deny\"}", "404",
	    "follows it by now");
	ASK("GET " PENDING, NULL, "200", "{\"pending\":[],");
	ASK("GET " SUBSCRIBERS "/u0%40example.org", NULL, "200", NULL);
}

static void a_feed_keeps_so_many(void **state)
{
	char jid[40];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (int i = 0; i < STORE_PENDING_MAX; i++) {
		snprintf(jid, sizeof jid, "u%d@example.com", i);
		set_state(jid, PENDING_NONE, PENDING_PERSON);
	}
	char *got = ask(bench.token, "PUT " SUBSCRIBERS ANN, "", NULL);

	assert_null(strstr(got, "Retry-After"));
	assert_said(got, "503", "Answer requests and DELETE");
	ASK("DELETE " PENDING "/u7%40example.com", NULL, "204", NULL);
	ASK("PUT " SUBSCRIBERS ANN, NULL, "202", NULL);
}

/* To enter somebody over HTTP is to let in who asks; and to ask who does not. */
static void entering_decides(void **state)
{
	(void)state;
	ASK("PUT /v1/feeds/x", "{\"access\":\"authorize\"}", "201", NULL);
	set_state("ann@example.net", PENDING_NONE, PENDING_OWNERS);
	ASK("PUT " SUBSCRIBERS ANN, "{\"priority\":\"urgent\"}", "201",
	    "\"format\":\"headline\",");
	assert_told("a x ann@example.net");
	set_state("bob@example.org", PENDING_NONE, PENDING_OWNERS);
	ASK("PUT " SUBSCRIBERS "/bob%40example.org", NULL, "201",
	    "\"priority\":\"high\"");
	ASK("PUT " SUBSCRIBERS "/bob%40example.org", NULL, "200",
	    "\"priority\":\"high\"");
	ASK("PUT " SUBSCRIBERS "/carl%40example.org", NULL, "201", "\"format\":\"chat\"");
	assert_told("a x ann@example.net, a x bob@example.org");
	ASK("PUT " SUBSCRIBERS "/dan%40example.net", NULL, "202", NULL);
	ASK("PUT " PENDING "/dan%40example.net", "{\"decision\":\"allow\"}", "409",
	    "problem:pending");
	set_state("eve@example.net", PENDING_NONE, PENDING_DENIED);
	ASK("PUT " SUBSCRIBERS "/eve%40example.net", NULL, "202",
	    "\"awaits\":\"person\"");
	set_state("fay@example.net", PENDING_NONE, PENDING_WITHDRAWN);
	ASK("GET " PENDING "/fay%40example.net", NULL, "200",
	    "\"state\":\"withdrawn\",\"at\"");
	ASK("PUT " PENDING "/fay%40example.net", "{\"decision\":\"allow\"}", "404",
	    "does not wait");
	ASK("PUT " SUBSCRIBERS "/fay%40example.net", NULL, "202",
	    "\"awaits\":\"person\"");
	set_state("gus@example.net", PENDING_NONE, PENDING_WITHDRAWN);
	ASK("DELETE " PENDING "/gus%40example.net", NULL, "204", NULL);
	ASK("GET " PENDING "/gus%40example.net", NULL, "404", NULL);
	ASK("GET " PENDING "?limit=1", NULL, "200", "\"next\":\"");
	ASK("GET " PENDING "?after=x", NULL, "400", "cursor");
}

static void invitations_are_limited(void **state)
{
	char path[80];
	int seconds;

	(void)state;
	bench.config.limits.invite_per_jid = 2;
	bench.config.limits.invite_per_domain = 4;
	bench_restart();
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	for (int i = 0; i < 3; i++) {
		char *got = ask(bench.token, "PUT " SUBSCRIBERS ANN, "", NULL);

		if (i == 2) {
			const char *after = strstr(got, "\r\nRetry-After: ");

			assert_non_null(after);
			assert_int_equal(sscanf(after + 15, "%d", &seconds), 1);
			assert_in_range(seconds, 1, 1800);
		}
		assert_said(got, i < 2 ? "202" : "429",
			    i < 2 ? "pending" : "problem:limit");
		if (i < 2)
			ASK("DELETE " PENDING ANN, NULL, "204", NULL);
	}
	for (int i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "PUT " SUBSCRIBERS "/u%d%%40example.net", i);
		ASK(path, NULL, i < 2 ? "202" : "429", i < 2 ? "pending" : "domain");
	}
	ASK("PUT " SUBSCRIBERS "/u0%40example.net", NULL, "202", NULL);
	ASK("PUT " SUBSCRIBERS "/u0%40example.com", NULL, "202", NULL);
	ASK("GET /metrics", NULL, "200", "belfry_invitations_limited_total 2");
}

/* What did not come about does not count. */
static void a_full_store_uses_up_no_limit(void **state)
{
	(void)state;
	bench.config.limits.invite_per_jid = 1;
	bench_restart();
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	memory_set_full(bench.memory, true);
	for (int i = 0; i < 2; i++)
		ASK("PUT " SUBSCRIBERS ANN, NULL, "503", "maxmemory");
	memory_set_full(bench.memory, false);
	ASK("PUT " SUBSCRIBERS ANN, NULL, "202", NULL);
}

static void a_scope_is_needed(void **state)
{
	char publish[TOKEN_TEXT_SIZE];

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	make_token(SCOPE_PUBLISH, "*", publish);
	assert_said(ask(publish, "GET " PENDING, "", NULL), "403", "forbidden");
	assert_said(ask(publish, "PUT " PENDING ANN, "", "{\"decision\":\"allow\"}"),
		    "403", "forbidden");
	assert_said(ask(publish, "DELETE " PENDING ANN, "", NULL), "403", "forbidden");
	ASK("GET /v1/feeds/y/pending", NULL, "404", "no-such-feed");
	ASK("GET " PENDING "/%40", NULL, "400", "no JID");
}

/* With the change goes a notice; where there is no room for one, nothing changes. */
static void outcasts_are_noted(void **state)
{
	const struct store_notice n = {
		.feed = "x", .jid = "ann@example.net", .kind = NOTICE_WITHDRAWN};

	(void)state;
	ASK("PUT /v1/feeds/x", NULL, "201", NULL);
	ASK("PATCH /v1/feeds/x", "{\"title\":\"T\"}", "200", NULL);
	assert_told("");
	ASK("PATCH /v1/feeds/x", "{\"outcasts\":[\"ann@example.net\"]}", "200", NULL);
	assert_told("s x ");
	ASK("PUT /v1/feeds/x", "{\"outcasts\":[\"ann@example.net\",\"spam.example\"]}",
	    "200", NULL);
	ASK("PUT /v1/feeds/x", "{\"outcasts\":[\"spam.example\"]}", "200", NULL);
	assert_told("s x ");
	ASK("PUT /v1/feeds/y", NULL, "201", NULL);
	for (size_t i = 1; i < STORE_NOTICES_MAX; i++) {
		bench.done = false;
		bench.store->ops->notice_put(bench.store, &n, on_stored, NULL);
		wait_done();
		assert_int_equal(stored, BELFRY_OK);
	}
	ASK("PATCH /v1/feeds/y", "{\"outcasts\":[\"bob@example.net\"]}", "503",
	    "store-full");
	ASK("PUT /v1/feeds/y", "{\"outcasts\":[\"bob@example.net\"]}", "503",
	    "store-full");
	ASK("PUT /v1/feeds/y", NULL, "200", NULL);
	/* It has its notice. */
	ASK("PATCH /v1/feeds/x", "{\"outcasts\":[\"bob@example.net\"]}", "200", NULL);
}

/* ---- An outcast in the same moment ---- */

static const struct store_ops *real;

static void on_cast_out(void *arg, enum belfry_err err, const struct store_feed *feed,
			bool created)
{
	(void)arg;
	(void)feed;
	(void)created;
	assert_int_equal(err, BELFRY_OK);
}

static void admit_late(struct store *s, const char *feed, const char *jid,
		       const struct sub_change *change, const struct store_pending *seen,
		       enum notice_kind notice, store_row_cb cb, void *arg)
{
	real->feed_put(s, feed, "{\"access\":\"open\",\"outcasts\":[\"example.org\"]}",
		       NULL, 1, on_cast_out, NULL);
	real->admit(s, feed, jid, change, seen, notice, cb, arg);
}

/* The sweep for outcasts may be over by then. */
static void who_is_cast_out_meanwhile_is_not_entered(void **state)
{
	struct store_ops late = *bench.store->ops;

	(void)state;
	late.admit = admit_late;
	ASK("PUT /v1/feeds/x", "{\"access\":\"open\"}", "201", NULL);
	real = bench.store->ops;
	bench.store->ops = &late;
	ASK("PUT " SUBSCRIBERS "/bob%40example.org", NULL, "403", "problem:access");
	bench.store->ops = real;
	ASK("GET " SUBSCRIBERS "/bob%40example.org", NULL, "404", NULL);
	/* Nor is who has asked. */
	ASK("PUT /v1/feeds/x", "{\"access\":\"authorize\"}", "200", NULL);
	set_state("bob@example.org", PENDING_NONE, PENDING_OWNERS);
	bench.store->ops = &late;
	ASK("PUT " PENDING "/bob%40example.org", "{\"decision\":\"allow\"}", "403",
	    "outcast");
	bench.store->ops = real;
	ASK("GET " SUBSCRIBERS "/bob%40example.org", NULL, "404", NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(strangers_are_invited),
		TEST(taken_back),
		TEST(some_are_not_invited),
		TEST(a_refusal_is_remembered),
		TEST(followers_are_changed),
		TEST(requests_are_decided),
		TEST(entering_decides),
		TEST(outcasts_are_not_let_in),
		TEST(a_program_that_asks_is_let_in),
		TEST(who_is_entered_waits_no_more),
		TEST(a_feed_keeps_so_many),
		TEST(invitations_are_limited),
		TEST(a_full_store_uses_up_no_limit),
		TEST(outcasts_are_noted),
		TEST(a_scope_is_needed),
		TEST(who_is_cast_out_meanwhile_is_not_entered),
	};
	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}

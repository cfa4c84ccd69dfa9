#include "contract.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_hold.h"

#include <belfry/base/text.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- Subscribers ---- */

void test_join_and_leave(void **state)
{
	struct sub sub;
	struct store_feed f;
	struct pos p;
	bool created;
	(void)state;
	IS(sync_join(A, "no-feed", "a@b", FORMAT_CHAT, &sub, NULL), BELFRY_ENOFEED);
	contract_feed("subs");
	IS(sync_leave(A, "subs", "a@b", NULL), BELFRY_ENOENT);
	IS(sync_sub_get(A, "subs", "a@b", &sub), BELFRY_ENOENT);
	IS(sync_join(A, "subs", "", FORMAT_CHAT, &sub, NULL), BELFRY_EINVAL);
	OK(sync_post(A, "subs", "e1", NULL, &p));
	OK(sync_join(A, "subs", "a@b", FORMAT_CHAT, &sub, &created));
	assert_true(created);
	assert_true(contract_pos_is(sub.since, p));
	OK(sync_post(A, "subs", "e2", NULL, NULL));
	OK(sync_join(B, "subs", "a@b", FORMAT_EVENT, &sub, &created));
	assert_false(created);
	assert_int_equal(sub.format, FORMAT_EVENT);
	assert_true(contract_pos_is(sub.since, p));
	OK(sync_sub_get(A, "subs", "a@b", &sub));
	assert_int_equal(sub.format, FORMAT_EVENT);
	OK(sync_feed_get(A, "subs", &f));
	assert_int_equal(f.subscribers, 1);
	assert_int_equal(f.buckets, 1);
	OK(sync_leave(B, "subs", "a@b", NULL));
	IS(sync_leave(A, "subs", "a@b", NULL), BELFRY_ENOENT);
	OK(sync_feed_get(A, "subs", &f));
	assert_int_equal(f.subscribers, 0);
}

/* A row that the page holds, at its place by hash: -1 if it is not there. */
static int row_place(const struct store_run *run, const char *jid)
{
	for (size_t i = 0; i < run->bucket_count; i++)
		for (size_t k = 0; k < run->buckets[i].count; k++)
			if (strcmp(run->rows[run->buckets[i].first + k].jid, jid) == 0)
				return (int)run->buckets[i].bucket;
	return -1;
}

static void hostile_jid(int i, char out[64])
{
	/* High bytes too: they must hash alike in C and Lua. */
	snprintf(out, 64, "u%d\xc3\xbc\xf0\x9f\x94\x94@example.org/%c%d", i,
		 (char)(128 + i % 100), i * 7919);
}

void test_many_rows_split(void **state)
{
	enum { N = 1000 };
	char jid[64];
	struct sub sub;
	struct store_feed f;
	struct store_run *run;
	struct sync_rows *page = calloc(1, sizeof *page);
	(void)state;
	contract_feed("many");
	for (int i = 0; i < N; i++) {
		hostile_jid(i, jid);
		OK(sync_join(i % 2 ? A : B, "many", jid, FORMAT_CHAT, &sub, NULL));
	}
	bool idle = false; /* splits are the store's own doing */
	while (!idle) {
		idle = A->ops->pending(A) + B->ops->pending(B) == 0;
		OK(sync_feed_get(A, "many", &f));
	}
	assert_int_equal(f.subscribers, N);
	assert_in_range(f.buckets, N / BUCKET_ROWS, N / BUCKET_ROWS + 1);
	OK(sync_read(A, "many", 0, 1000, &run));
	assert_int_equal(run->row_count, N);
	assert_int_equal(run->bucket_count, f.buckets);
	assert_int_equal(run->feed_buckets, f.buckets);
	for (int i = 0; i < N; i++) {
		hostile_jid(i, jid);
		uint32_t want = bucket_of(row_hash(f.salt, jid, strlen(jid)), f.buckets);
		assert_int_equal(row_place(run, jid), (int)want);
		OK(sync_sub_get(B, "many", jid, &sub));
	}
	store_run_free(run);
	size_t seen = 0;
	uint32_t next = 0;
	do {
		OK(sync_sub_list(A, "many", next, 200, page));
		seen += page->count;
		next = page->next;
	} while (next);
	assert_int_equal(seen, N);
	IS(sync_split(A, "many", f.buckets + 3), BELFRY_ESTALE);
	IS(sync_split(A, "many", 0), BELFRY_ESTALE);
	OK(sync_split(A, "many", f.buckets));
	IS(sync_split(A, "many", f.buckets), BELFRY_ESTALE);
	OK(sync_read(A, "many", f.buckets, 5, &run));
	assert_int_equal(run->bucket_count, 1);
	store_run_free(run);
	OK(sync_read(A, "many", f.buckets + 1, 5, &run));
	assert_int_equal(run->bucket_count, 0);
	store_run_free(run);
	OK(sync_feed_delete(A, "many"));
	IS(sync_read(A, "many", 0, 5, &run), BELFRY_ENOFEED);
	free(page);
}

/* ---- Delivery ---- */

void test_lease(void **state)
{
	struct store_owner o, o2;
	struct store_lease_seen seen = {0}, now = {0};
	(void)state;
	OK(sync_lease_take(A, "lease.example", NULL, &o, NULL));
	assert_string_equal(o.name, "lease.example");
	assert_int_equal(strlen(o.token), 32);
	IS(sync_lease_take(B, "lease.example", NULL, &o2, &seen), BELFRY_EEXIST);
	assert_string_equal(seen.token, o.token);
	OK(sync_lease_beat(A, &o));
	IS(sync_lease_take(B, "lease.example", &seen, &o2, &now), BELFRY_EEXIST);
	assert_int_not_equal(now.beat, seen.beat);
	OK(sync_lease_take(B, "lease.example", &now, &o2, NULL));
	assert_true(o2.fence > o.fence);
	IS(sync_lease_beat(A, &o), BELFRY_ELOST);
	IS(sync_lease_release(A, &o), BELFRY_ELOST);
	OK(sync_lease_release(B, &o2));
	IS(sync_lease_beat(B, &o2), BELFRY_ELOST);
	OK(sync_lease_take(A, "lease.example", NULL, &o, NULL));
	assert_true(o.fence > o2.fence);
}

void test_done_moves_and_counts(void **state)
{
	struct store_owner o = contract_own(A, "done.example"), later;
	struct store_lease_seen seen = {0};
	struct store_counters c;
	struct store_run *run;
	struct sub sub;
	struct pos p1, p2;
	bool settled;
	char names[200];
	(void)state;
	contract_feed("done");
	OK(sync_join(A, "done", "a@b", FORMAT_CHAT, &sub, NULL));
	OK(sync_join(A, "done", "c@d", FORMAT_CHAT, &sub, NULL));
	OK(sync_join(A, "done", "e@f", FORMAT_HEADLINE, &sub, NULL));
	OK(sync_post(A, "done", "e1", NULL, &p1));
	OK(sync_post(A, "done", "e2", NULL, &p2));
	OK(sync_behind(B, names, sizeof names));
	assert_non_null(strstr(names, "done,"));
	OK(sync_read(A, "done", 0, 10, &run));
	assert_int_equal(run->row_count, 3);
	assert_true(contract_pos_is(run->head, p2));
	assert_true(pos_cmp(run->buckets[0].cursor, p1) < 0);
	struct store_done_bucket b = {0, run->buckets[0].cursor};
	struct store_done_event ev[] = {{p1, {.taken = 1, .sent = 1, .bounced = 1}},
					{p2, {.taken = 1, .sent = 1, .left = 1}}};
	struct store_done_row rows[] = {{.jid = "a@b",
					 .pos = p1,
					 .hold = {.reason = HOLD_BOUNCED,
						  .pos = sub.since,
						  .due_ms = HOLD_NEVER}},
					{.jid = "c@d", .pos = p2, .end = true}};
	struct store_done d = {"done", 1, p2, &b, 1, ev, 2, rows, 2, false};
	OK(sync_event_get(A, "done", "e1", &c, &settled, NULL));
	assert_false(settled);
	OK(sync_done(A, &o, &d));
	IS(sync_done(A, &o, &d), BELFRY_ESTALE);
	OK(sync_event_get(A, "done", "e1", &c, &settled, NULL));
	assert_int_equal(c.taken, 1);
	assert_int_equal(c.sent, 1);
	assert_int_equal(c.bounced, 1);
	OK(sync_event_get(A, "done", "e2", &c, &settled, NULL));
	assert_int_equal(c.left, 1);
	IS(sync_event_get(A, "done", "e9", &c, &settled, NULL), BELFRY_ENOENT);
	OK(sync_sub_get(A, "done", "a@b", &sub));
	assert_true(sub_held(&sub));
	IS(sync_sub_get(A, "done", "c@d", &sub), BELFRY_ENOENT);
	/* Settling: wrong count of buckets, not the head, the head. */
	IS(sync_settle(A, &o, "done", 2, p2), BELFRY_ESTALE);
	IS(sync_settle(A, &o, "done", 1, p1), BELFRY_ESTALE);
	OK(sync_event_get(A, "done", "e1", &c, &settled, NULL));
	assert_true(settled);
	OK(sync_event_get(A, "done", "e2", &c, &settled, NULL));
	assert_false(settled);
	OK(sync_settle(A, &o, "done", 1, p2));
	OK(sync_behind(B, names, sizeof names));
	assert_null(strstr(names, "done,"));
	/* Changed: there may be more to trim, until it is settled again. */
	OK(sync_feed_put(A, "done", "{}", NULL, NULL, NULL));
	OK(sync_behind(B, names, sizeof names));
	assert_null(strstr(names, "done,"));
	OK(sync_feed_put(A, "done", "{\"max_items\":1}", NULL, NULL, NULL));
	OK(sync_behind(B, names, sizeof names));
	assert_non_null(strstr(names, "done,"));
	OK(sync_settle(A, &o, "done", 1, p2));
	OK(sync_behind(B, names, sizeof names));
	assert_null(strstr(names, "done,"));
	/* A row made anew is not touched by what came before it. */
	OK(sync_join(A, "done", "c@d", FORMAT_CHAT, &sub, NULL));
	IS(sync_late_bounce(A, &o, "done", &rows[1]), BELFRY_ENOENT);
	OK(sync_sub_get(A, "done", "c@d", &sub));
	/* Another owner: nothing of the former one's is let in. */
	IS(sync_lease_take(B, "done.example", NULL, &later, &seen), BELFRY_EEXIST);
	OK(sync_lease_take(B, "done.example", &seen, &later, NULL));
	b.from = p2;
	IS(sync_done(A, &o, &d), BELFRY_ELOST);
	IS(sync_settle(A, &o, "done", 1, p2), BELFRY_ELOST);
	store_run_free(run);
}

void test_done_follows_splits(void **state)
{
	struct store_owner o = contract_own(A, "splits.example");
	struct store_run *run;
	struct pos p, first;
	struct sub sub;
	char jid[40];
	(void)state;
	contract_feed("splits");
	for (int i = 0; i < 40; i++) {
		snprintf(jid, sizeof jid, "u%d@b", i);
		OK(sync_join(A, "splits", jid, FORMAT_CHAT, &sub, NULL));
	}
	OK(sync_post(A, "splits", "e1", NULL, &p));
	OK(sync_read(A, "splits", 0, 10, &run));
	assert_int_equal(run->bucket_count, 1);
	first = run->buckets[0].cursor;
	store_run_free(run);
	for (uint32_t n = 1; n < 6; n++)
		OK(sync_split(B, "splits", n));
	struct store_done_bucket b = {0, first};
	/* Left and made anew since it was read: no bounce from before ends it. */
	OK(sync_leave(B, "splits", "u7@b", NULL));
	OK(sync_join(B, "splits", "u7@b", FORMAT_CHAT, &sub, NULL));
	struct store_done_row rows[] = {
		{.jid = "u3@b",
		 .pos = p,
		 .hold = {.reason = HOLD_BOUNCED, .pos = first, .due_ms = HOLD_NEVER}},
		{.jid = "u4@b", .pos = p, .end = true},
		{.jid = "u7@b", .pos = p, .end = true}};
	struct store_done d = {"splits", 1, p, &b, 1, NULL, 0, rows, 3, false};
	OK(sync_done(A, &o, &d));
	OK(sync_read(A, "splits", 0, 10, &run));
	assert_int_equal(run->bucket_count, 6);
	assert_int_equal(run->row_count, 39);
	for (size_t i = 0; i < 6; i++)
		assert_true(contract_pos_is(run->buckets[i].cursor, p));
	store_run_free(run);
	OK(sync_sub_get(A, "splits", "u3@b", &sub));
	assert_true(sub_held(&sub));
	/* One descendant that was moved since: the whole call is refused. */
	struct pos p2, p3;
	OK(sync_post(A, "splits", "e2", NULL, &p2));
	OK(sync_post(A, "splits", "e3", NULL, &p3));
	struct store_done_bucket one = {5, p}, two = {1, p};
	d = (struct store_done){.feed = "splits",
				.feed_buckets = 6,
				.to = p2,
				.buckets = &one,
				.bucket_count = 1};
	OK(sync_done(A, &o, &d));
	struct store_done_event ev = {p3, {.taken = 7}};
	d = (struct store_done){.feed = "splits",
				.feed_buckets = 2,
				.to = p3,
				.buckets = &two,
				.bucket_count = 1,
				.events = &ev,
				.event_count = 1};
	IS(sync_done(A, &o, &d), BELFRY_ESTALE); /* 5 comes from 1 */
	struct store_counters c;
	OK(sync_event_get(A, "splits", "e3", &c, NULL, NULL));
	assert_int_equal(c.taken, 0);
	OK(sync_read(A, "splits", 1, 1, &run));
	assert_true(contract_pos_is(run->buckets[0].cursor, p));
	store_run_free(run);
	d.to = p;
	two.from = p3;
	IS(sync_done(A, &o, &d), BELFRY_EINVAL); /* cursors never go back */
	/* A bucket that is not there: of an earlier feed of the name. */
	one.bucket = 8;
	d.buckets = &one;
	d.feed_buckets = 9;
	IS(sync_done(A, &o, &d), BELFRY_ESTALE);
	OK(sync_event_get(A, "splits", "e3", &c, NULL, NULL));
	assert_int_equal(c.taken, 0);
}

void test_trim(void **state)
{
	struct store_owner o = contract_own(A, "trim.example");
	struct sync_events *e = calloc(1, sizeof *e);
	struct store_counters c;
	struct sub sub;
	struct pos p[80] = {0};
	char id[16];
	(void)state;
	contract_feed("trim");
	OK(sync_join(A, "trim", "a@b", FORMAT_CHAT, &sub, NULL));
	for (int i = 1; i < 80; i++) {
		snprintf(id, sizeof id, "e%d", i);
		OK(sync_post(A, "trim", id, i % 2 ? "odd" : id, &p[i]));
	}
	OK(sync_trim(A, "trim", 1, 0));
	OK(sync_events(A, "trim", (struct pos){0, 0}, false, 1000, e));
	assert_int_equal(e->count, 79); /* nothing is settled */
	struct store_done_bucket b = {0, sub.since};
	struct store_done d = {"trim", 1, p[70], &b, 1, NULL, 0, NULL, 0, false};
	OK(sync_done(A, &o, &d));
	IS(sync_settle(A, &o, "trim", 1, p[70]), BELFRY_ESTALE);
	struct store_feed f;
	OK(sync_feed_get(A, "trim", &f));
	assert_true(contract_pos_is(f.trimmed, (struct pos){0, 0}));
	OK(sync_trim(A, "trim", 75, 0));
	OK(sync_events(A, "trim", (struct pos){0, 0}, false, 1000, e));
	assert_int_equal(e->count, 75);
	assert_string_equal(e->e[0].id, "e5");
	OK(sync_feed_get(B, "trim", &f));
	assert_true(contract_pos_is(f.trimmed, p[4]));
	struct store_run *run;
	OK(sync_read(A, "trim", 0, 1, &run));
	assert_true(contract_pos_is(run->trimmed, p[4]));
	store_run_free(run);
	IS(sync_event_get(A, "trim", "e4", &c, NULL, NULL), BELFRY_ENOENT);
	OK(sync_trim(A, "trim", 1000, 5000)); /* at_ms is 5000: not older */
	OK(sync_events(A, "trim", (struct pos){0, 0}, false, 1000, e));
	assert_int_equal(e->count, 75);
	OK(sync_trim(A, "trim", 1000, 5001));
	OK(sync_events(A, "trim", (struct pos){0, 0}, false, 1000, e));
	assert_int_equal(e->count, 9);
	assert_string_equal(e->e[0].id, "e71");
	const char *const odd[] = {"odd", "e70"};
	OK(sync_items(A, "trim", odd, 2, 0, e));
	assert_int_equal(e->count, 1);
	assert_string_equal(e->e[0].id, "e79");
	free(e);
}

static bool options_are(const struct sub *sub, const char *text)
{
	return text_is(sub->options ? sub->options : "", sub->options_len, text);
}

/* What a row says beside its format stands there whatever is done to the rest of it. */
void test_options(void **state)
{
	struct sub_change c = {.set = SUB_SET_TAGS | SUB_SET_PRIORITY | SUB_SET_CONTACT,
			       .format = FORMAT_NORMAL,
			       .options = {.contact = true, .at_least = PRIORITY_HIGH}};
	struct sub sub;
	bool created;
	(void)state;
	sub_options_tag(&c.options, "night shift", 11);
	contract_feed("options");
	c.only_existing = true;
	IS(sync_change(A, "options", "a@b", &c, &sub, &created), BELFRY_ENOENT);
	c.only_existing = false;
	OK(sync_change(A, "options", "a@b", &c, &sub, &created));
	assert_true(created);
	assert_int_equal(sub.format, FORMAT_NORMAL);
	assert_true(options_are(&sub, "a p2 tnight%20shift"));

	/* The format alone, then options alone: the one leaves the other. */
	OK(sync_join(B, "options", "a@b", FORMAT_HEADLINE, &sub, &created));
	assert_false(created);
	assert_true(options_are(&sub, "a p2 tnight%20shift"));
	c = (struct sub_change){.set = SUB_SET_TAGS | SUB_SET_MUTED,
				.format = FORMAT_CHAT,
				.only_existing = true,
				.options = {.muted_until_ms = 77}};
	OK(sync_change(A, "options", "a@b", &c, &sub, &created));
	assert_int_equal(sub.format, FORMAT_HEADLINE);
	assert_true(options_are(&sub, "a p2 m77"));
	OK(sync_sub_get(B, "options", "a@b", &sub));
	assert_true(options_are(&sub, "a p2 m77"));

	/* One way of waiting leaves the others. */
	c = (struct sub_change){.set = SUB_SET_PAUSED | SUB_SET_QUIET | SUB_SET_URGENT,
				.format = FORMAT_CHAT,
				.options = {.paused = true,
					    .urgent_passes = true,
					    .quiet = {true, 1320, 420, "Europe/Berlin"}}};
	OK(sync_change(A, "options", "a@b", &c, &sub, NULL));
	c = (struct sub_change){.set = SUB_SET_PAUSED, .format = FORMAT_CHAT};
	OK(sync_change(A, "options", "a@b", &c, &sub, NULL));
	struct sub_options waits;
	sub_options_read(&sub, &waits);
	assert_false(waits.paused);
	assert_true(waits.urgent_passes && waits.quiet.set);
	assert_string_equal(waits.quiet.zone, "Europe/Berlin");
	c.set = SUB_SET_QUIET | SUB_SET_URGENT;
	OK(sync_change(B, "options", "a@b", &c, &sub, NULL));
	assert_true(options_are(&sub, "a p2 m77"));
	c = (struct sub_change){.set = SUB_SET_TAGS, .format = FORMAT_CHAT};

	/* Tags that are too long in all change nothing. */
	for (int i = 0; i < 3; i++) {
		char tag[SUB_TAG_MAX];
		memset(tag, 'a' + i, sizeof tag);
		sub_options_tag(&c.options, tag, sizeof tag);
	}
	IS(sync_change(A, "options", "a@b", &c, NULL, NULL), BELFRY_EINVAL);
	OK(sync_sub_get(A, "options", "a@b", &sub));
	assert_true(options_are(&sub, "a p2 m77"));
}

void test_options_outlive_bounces(void **state)
{
	struct sub_change c = {.set = SUB_SET_PRIORITY,
			       .format = FORMAT_CHAT,
			       .options = {.at_least = PRIORITY_URGENT}};
	struct sub sub;
	struct pos p1, p2;
	(void)state;
	contract_feed("optbounce");
	OK(sync_change(A, "optbounce", "a@b", &c, &sub, NULL));
	OK(sync_change(A, "optbounce", "plain@b", SUB_FOLLOW(FORMAT_CHAT), &sub, NULL));
	OK(sync_post(A, "optbounce", "e1", NULL, &p1));
	OK(sync_post(A, "optbounce", "e2", NULL, &p2));
	struct store_owner o = contract_own(A, "optbounce.example");
	struct store_run *run;
	OK(sync_read(A, "optbounce", 0, 1, &run));
	assert_int_equal(run->row_count, 2);
	for (size_t i = 0; i < 2; i++) {
		const struct store_row *row = &run->rows[i];
		assert_true(options_are(&row->sub, strcmp(row->jid, "a@b") ? "" : "p3"));
	}
	struct store_done_bucket b = {0, run->buckets[0].cursor};
	struct store_done_row row = {.jid = "a@b",
				     .pos = p1,
				     .hold = {.reason = HOLD_BOUNCED,
					      .pos = run->buckets[0].cursor,
					      .due_ms = HOLD_NEVER}};
	struct store_done_event events[] = {{p1, {.filtered = 1, .bounced = 1}},
					    {p2, {.taken = 1}}};
	struct store_done d = {.feed = "optbounce",
			       .feed_buckets = run->feed_buckets,
			       .to = p2,
			       .buckets = &b,
			       .bucket_count = 1,
			       .events = events,
			       .event_count = 2,
			       .rows = &row,
			       .row_count = 1};
	OK(sync_done(A, &o, &d));
	store_run_free(run);
	OK(sync_sub_get(A, "optbounce", "a@b", &sub));
	assert_true(sub_held(&sub));
	assert_true(options_are(&sub, "p3"));
	row = (struct store_done_row){
		.jid = "plain@b",
		.pos = p2,
		.hold = {.reason = HOLD_BOUNCED, .due_ms = HOLD_NEVER}};
	OK(sync_late_bounce(A, &o, "optbounce", &row));
	OK(sync_leave(B, "optbounce", "plain@b", &sub));
	assert_true(sub_held(&sub));
	assert_true(options_are(&sub, ""));
	OK(sync_leave(B, "optbounce", "a@b", &sub));
	assert_true(sub_held(&sub));
	assert_true(options_are(&sub, "p3"));
	struct store_counters counted;
	bool settled;
	OK(sync_event_get(B, "optbounce", "e1", &counted, &settled, NULL));
	assert_int_equal(counted.filtered, 1);
}

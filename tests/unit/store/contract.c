#include "contract.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct contract contract;

void contract_feed(const char *feed)
{
	OK(sync_feed_put(A, feed, "{}", NULL, NULL, NULL));
}

bool contract_pos_is(struct pos a, struct pos b)
{
	return pos_cmp(a, b) == 0;
}

void contract_has_room(void)
{
	struct store_feed f;
	struct store_health h;
	contract.fill(false);
	do {
		enum belfry_err err = sync_feed_get(A, "no-such-feed", &f);
		assert_int_equal(err, BELFRY_ENOFEED);
		A->ops->health(A, &h);
	} while (h.full);
}

/* Takes the name for a first or a next owner. */
struct store_owner contract_own(struct store *s, const char *name)
{
	struct store_owner o;
	struct store_lease_seen seen = {0};
	enum belfry_err err = sync_lease_take(s, name, NULL, &o, &seen);
	if (err == BELFRY_EEXIST)
		err = sync_lease_take(s, name, &seen, &o, &seen);
	assert_int_equal(err, BELFRY_OK);
	return o;
}

/* ---- Feeds ---- */

static void test_feed_life(void **state)
{
	struct store_feed f;
	bool created;
	(void)state;
	IS(sync_feed_get(A, "life", &f), BELFRY_ENOFEED);
	IS(sync_feed_put(A, "life", "{}", "{}", NULL, NULL), BELFRY_ENOFEED);
	OK(sync_feed_put(A, "life", "{\"a\":1}", NULL, &f, &created));
	assert_true(created);
	OK(sync_feed_get(B, "life", &f));
	assert_string_equal(f.config, "{\"a\":1}");
	assert_true(contract_pos_is(f.head, (struct pos){0, 0}));
	assert_true(contract_pos_is(f.settled, (struct pos){0, 0}));
	assert_int_equal(f.subscribers, 0);
	assert_int_equal(f.buckets, 0);
	assert_in_range(f.salt, 1, (1u << 21) - 1);
	assert_int_equal(f.created_ms, 1000);
	OK(sync_feed_put(B, "life", "{\"a\":2}", "{\"a\":1}", &f, &created));
	assert_false(created);
	IS(sync_feed_put(A, "life", "{\"a\":3}", "{\"a\":1}", NULL, NULL), BELFRY_ESTALE);
	OK(sync_feed_put(A, "life", "{\"a\":4}", NULL, &f, NULL));
	assert_string_equal(f.config, "{\"a\":4}");
	OK(sync_feed_delete(A, "life"));
	IS(sync_feed_get(B, "life", &f), BELFRY_ENOFEED);
	IS(sync_feed_delete(A, "life"), BELFRY_ENOFEED);
	OK(sync_feed_sweep(A));
}

static void test_feed_list(void **state)
{
	char names[400], feed[40];
	bool more;
	(void)state;
	for (int i = 0; i < 25; i++) {
		snprintf(feed, sizeof feed, "list-%02d", i);
		contract_feed(feed);
	}
	OK(sync_feed_list(B, "list-", 3, names, sizeof names, &more));
	assert_string_equal(names, "list-00,list-01,list-02,");
	assert_true(more);
	OK(sync_feed_list(B, "list-21", 3, names, sizeof names, &more));
	assert_string_equal(names, "list-22,list-23,list-24,");
	OK(sync_feed_list(B, "zzz", 3, names, sizeof names, &more));
	assert_string_equal(names, "");
	assert_false(more);
}

static void test_recreated_feed_starts_later(void **state)
{
	struct pos before, after;
	struct sub sub;
	struct sync_events *e = calloc(1, sizeof *e);
	(void)state;
	contract_feed("again");
	OK(sync_post(A, "again", "e1", NULL, &before));
	OK(sync_join(A, "again", "x@y", FORMAT_CHAT, &sub, NULL));
	OK(sync_feed_delete(A, "again"));
	IS(sync_post(A, "again", "e2", NULL, &after), BELFRY_ENOFEED);
	IS(sync_join(A, "again", "x@y", FORMAT_CHAT, &sub, NULL), BELFRY_ENOFEED);
	contract_feed("again");
	OK(sync_events(A, "again", (struct pos){0, 0}, false, 10, e));
	assert_int_equal(e->count, 0);
	IS(sync_sub_get(A, "again", "x@y", &sub), BELFRY_ENOENT);
	OK(sync_join(A, "again", "x@y", FORMAT_CHAT, &sub, NULL));
	assert_true(pos_cmp(sub.since, before) > 0);
	OK(sync_post(A, "again", "e2", NULL, &after));
	assert_true(pos_cmp(after, sub.since) > 0);
	free(e);
}

/* ---- Events ---- */

static void test_commit_and_pages(void **state)
{
	struct pos p[7] = {0};
	char id[16];
	struct store_feed f;
	struct sync_events *e = calloc(1, sizeof *e);
	(void)state;
	IS(sync_post(A, "no-feed", "x", NULL, &p[0]), BELFRY_ENOFEED);
	IS(sync_events(A, "no-feed", (struct pos){0, 0}, false, 5, e), BELFRY_ENOFEED);
	contract_feed("log");
	OK(sync_events(A, "log", (struct pos){0, 0}, true, 5, e));
	assert_int_equal(e->count, 0);
	for (int i = 1; i <= 6; i++) {
		snprintf(id, sizeof id, "e%d", i);
		OK(sync_post(i % 2 ? A : B, "log", id, NULL, &p[i]));
		assert_true(pos_cmp(p[i], p[i - 1]) > 0);
	}
	OK(sync_feed_get(A, "log", &f));
	assert_true(contract_pos_is(f.head, p[6]));
	assert_true(contract_pos_is(f.settled, p[6])); /* nobody to deliver to */
	OK(sync_events(A, "log", (struct pos){0, 0}, false, 4, e));
	assert_int_equal(e->count, 4);
	assert_true(e->more);
	assert_string_equal(e->e[0].id, "e1");
	assert_string_equal(e->e[0].doc, "{\"a\":1}");
	assert_int_equal(e->e[0].at_ms, 5000);
	assert_int_equal(e->e[0].priority, PRIORITY_NORMAL);
	OK(sync_events(A, "log", e->e[3].pos, false, 4, e));
	assert_int_equal(e->count, 2);
	assert_false(e->more);
	assert_string_equal(e->e[1].id, "e6");
	OK(sync_events(B, "log", (struct pos){0, 0}, true, 2, e));
	assert_string_equal(e->e[0].id, "e6");
	assert_string_equal(e->e[1].id, "e5");
	assert_true(e->more);
	OK(sync_events(B, "log", p[2], true, 5, e));
	assert_int_equal(e->count, 1);
	assert_string_equal(e->e[0].id, "e1");
	free(e);
}

static void test_document_is_bytes(void **state)
{
	struct sync_events *e = calloc(1, sizeof *e);
	const char *doc = "{\"t\":\"\r\n$5\r\n]]> \xf0\x9f\x94\x94 %s\"}";
	struct store_commit c = {.feed = "bytes",
				 .id = "e1",
				 .item = "it em\r\n'\"",
				 .priority = PRIORITY_URGENT,
				 .doc = doc,
				 .doc_len = strlen(doc)};
	(void)state;
	contract_feed("bytes");
	OK(sync_commit(A, &c, NULL, NULL, NULL));
	OK(sync_events(A, "bytes", (struct pos){0, 0}, false, 4, e));
	assert_int_equal(e->count, 1);
	assert_string_equal(e->e[0].doc, doc);
	assert_string_equal(e->e[0].item, c.item);
	assert_int_equal(e->e[0].priority, PRIORITY_URGENT);
	free(e);
}

static void test_idempotency(void **state)
{
	struct store_commit c = {.feed = "idem",
				 .id = "first",
				 .item = "i t",
				 .doc = "{}",
				 .doc_len = 2,
				 .idem_key = "key",
				 .idem_digest = "d1",
				 .idem_ttl_s = 60};
	struct pos p1, p2;
	char id[64];
	bool replayed;
	struct sync_events *e = calloc(1, sizeof *e);
	(void)state;
	contract_feed("idem");
	OK(sync_commit(A, &c, &p1, id, &replayed));
	assert_false(replayed);
	c.id = c.item = "second";
	OK(sync_commit(B, &c, &p2, id, &replayed));
	assert_true(replayed);
	assert_string_equal(id, "first");
	assert_true(contract_pos_is(p1, p2));
	c.idem_digest = "d2";
	IS(sync_commit(A, &c, NULL, NULL, NULL), BELFRY_EREUSED);
	OK(sync_events(A, "idem", (struct pos){0, 0}, false, 4, e));
	assert_int_equal(e->count, 1);
	OK(sync_feed_delete(A, "idem"));
	contract_feed("idem");
	OK(sync_commit(A, &c, &p2, id,
		       &replayed)); /* the old answer went with the feed */
	assert_false(replayed);
	free(e);
}

static void test_full(void **state)
{
	struct pos p;
	struct sub sub;
	(void)state;
	contract_feed("full");
	OK(sync_join(A, "full", "a@b", FORMAT_CHAT, &sub, NULL));
	OK(sync_post(A, "full", "e1", NULL, &p));
	struct store_owner o = contract_own(A, "full.example");
	contract.fill(true);
	IS(sync_post(A, "full", "e2", NULL, NULL), BELFRY_EFULL);
	/* All that empties the store goes on. */
	struct store_run *run;
	OK(sync_read(A, "full", 0, 4, &run));
	assert_int_equal(run->row_count, 1);
	store_run_free(run);
	struct store_done_bucket b = {0, sub.since};
	struct store_done d = {.feed = "full",
			       .feed_buckets = 1,
			       .to = p,
			       .buckets = &b,
			       .bucket_count = 1};
	OK(sync_done(A, &o, &d));
	OK(sync_settle(A, &o, "full", 1, p));
	OK(sync_trim(A, "full", 0, 0));
	OK(sync_lease_beat(A, &o));
	OK(sync_leave(A, "full", "a@b", NULL));
	contract_has_room();
	OK(sync_post(A, "full", "e3", NULL, &p));
}

static void test_tokens(void **state)
{
	char text[200];
	(void)state;
	IS(sync_token_get(A, "t1", text, sizeof text), BELFRY_ENOENT);
	OK(sync_token_put(A, "t1", "{\"x\":1}"));
	OK(sync_token_put(A, "t1", "{\"x\":2}"));
	OK(sync_token_get(B, "t1", text, sizeof text));
	assert_string_equal(text, "{\"x\":2}");
	OK(sync_token_list(B, text, sizeof text));
	assert_string_equal(text, "t1={\"x\":2},");
	OK(sync_token_delete(B, "t1"));
	IS(sync_token_delete(B, "t1"), BELFRY_ENOENT);
}

static void test_restart_never_repeats_a_position(void **state)
{
	struct pos p1, p2, p3;
	struct sync_events *e = calloc(1, sizeof *e);
	(void)state;
	contract_feed("restart");
	OK(sync_post(A, "restart", "e1", NULL, &p1));
	contract.restart();
	OK(sync_post(A, "restart", "e2", NULL, &p2));
	assert_true(p2.epoch > p1.epoch);
	OK(sync_post(B, "restart", "e3", NULL, &p3));
	assert_true(p3.epoch == p2.epoch && p3.n == p2.n + 1);
	OK(sync_events(A, "restart", p1, false, 10, e));
	assert_int_equal(e->count, 2);
	assert_string_equal(e->e[0].id, "e2");
	free(e);
}

static unsigned away;

static void on_away(void *arg, enum belfry_err err)
{
	(void)arg;
	assert_int_equal(err, BELFRY_EAWAY);
	away++;
}

static void on_commit_away(void *arg, enum belfry_err err,
			   const struct store_committed *done)
{
	assert_null(done);
	on_away(arg, err == BELFRY_EUNSENT ? BELFRY_EAWAY : err);
}

static void on_away_row(void *arg, enum belfry_err err, const struct store_row *row,
			bool created)
{
	assert_null(row);
	assert_false(created);
	on_away(arg, err);
}

static void test_destroy_ends_what_is_outstanding(void **state)
{
	struct store_owner o = {.name = "x", .token = "y"};
	struct store_commit c = {
		.feed = "subs", .id = "e", .item = "e", .doc = "{}", .doc_len = 2};
	(void)state;
	A->ops->commit(A, &c, on_commit_away, NULL);
	A->ops->leave(A, "subs", "a@b", on_away_row, NULL);
	A->ops->lease_beat(A, &o, on_away, NULL);
	A->ops->feed_delete(A, "subs", on_away, NULL);
	assert_int_equal(away, 0); /* never from inside the call */
	assert_int_equal(A->ops->pending(A), 4);
	struct store *gone = A;
	A = B;
	B = NULL;
	gone->ops->destroy(gone);
	assert_int_equal(away, 4);
}

static const struct CMUnitTest contract_tests[] = {
	cmocka_unit_test(test_feed_life),
	cmocka_unit_test(test_feed_list),
	cmocka_unit_test(test_recreated_feed_starts_later),
	cmocka_unit_test(test_commit_and_pages),
	cmocka_unit_test(test_document_is_bytes),
	cmocka_unit_test(test_idempotency),
	cmocka_unit_test(test_commits_of_one_turn),
	cmocka_unit_test(test_full),
	cmocka_unit_test(test_items),
	cmocka_unit_test(test_items_over_pages),
	cmocka_unit_test(test_items_by_id),
	cmocka_unit_test(test_used_again),
	cmocka_unit_test(test_retract),
	cmocka_unit_test(test_retract_own_item),
	cmocka_unit_test(test_versions),
	cmocka_unit_test(test_retract_and_trim),
	cmocka_unit_test(test_retract_without_room),
	cmocka_unit_test(test_head),
	cmocka_unit_test(test_items_expire),
	cmocka_unit_test(test_join_and_leave),
	cmocka_unit_test(test_many_rows_split),
	cmocka_unit_test(test_lease),
	cmocka_unit_test(test_done_moves_and_counts),
	cmocka_unit_test(test_done_follows_splits),
	cmocka_unit_test(test_hold_and_release),
	cmocka_unit_test(test_hold_of_another_row),
	cmocka_unit_test(test_hold_times),
	cmocka_unit_test(test_moves),
	cmocka_unit_test(test_urgent_hold),
	cmocka_unit_test(test_urgent_hold_that_is_changed),
	cmocka_unit_test(test_holds_without_room),
	cmocka_unit_test(test_late_bounces),
	cmocka_unit_test(test_late_bounce_of_what_is_held),
	cmocka_unit_test(test_late_bounce_of_urgent),
	cmocka_unit_test(test_late_bounce_of_what_is_gone),
	cmocka_unit_test(test_late_bounce_of_what_expired),
	cmocka_unit_test(test_late_digest),
	cmocka_unit_test(test_digest_redriven),
	cmocka_unit_test(test_digest_is_chosen),
	cmocka_unit_test(test_due),
	cmocka_unit_test(test_due_without_choice),
	cmocka_unit_test(test_presence_options),
	cmocka_unit_test(test_presence_wakes),
	cmocka_unit_test(test_presence_without_choice),
	cmocka_unit_test(test_due_of_several),
	cmocka_unit_test(test_due_follows_splits),
	cmocka_unit_test(test_hold_orders),
	cmocka_unit_test(test_receipts_prove),
	cmocka_unit_test(test_receipts_by_feed),
	cmocka_unit_test(test_receipts_of_a_window),
	cmocka_unit_test(test_receipts_again),
	cmocka_unit_test(test_receipts_and_late_bounces),
	cmocka_unit_test(test_receipts_and_digests),
	cmocka_unit_test(test_receipts_and_late_digests),
	cmocka_unit_test(test_receipts_far_apart),
	cmocka_unit_test(test_receipts_urgent),
	cmocka_unit_test(test_join_redrives),
	cmocka_unit_test(test_admit_redrives),
	cmocka_unit_test(test_dead_letters),
	cmocka_unit_test(test_dead_by_late_bounce),
	cmocka_unit_test(test_options),
	cmocka_unit_test(test_options_outlive_bounces),
	cmocka_unit_test(test_contacts_are_counted),
	cmocka_unit_test(test_trim),
	cmocka_unit_test(test_read_hides_no_row_from_a_split),
	cmocka_unit_test(test_done_keeps_up_with_splits),
	cmocka_unit_test(test_listen),
	cmocka_unit_test(test_presence),
	cmocka_unit_test(test_face),
	cmocka_unit_test(test_face_is_bytes),
	cmocka_unit_test(test_face_goes_with_the_feed),
	cmocka_unit_test(test_face_without_room),
	cmocka_unit_test(test_look_wakes),
	cmocka_unit_test(test_pending_without_feed),
	cmocka_unit_test(test_pending_keeps_what_was_wished),
	cmocka_unit_test(test_pending_is_what_was_expected),
	cmocka_unit_test(test_pending_pages),
	cmocka_unit_test(test_pending_has_a_limit),
	cmocka_unit_test(test_pending_goes_with_the_feed),
	cmocka_unit_test(test_pending_without_room),
	cmocka_unit_test(test_pending_is_a_person_s),
	cmocka_unit_test(test_admit),
	cmocka_unit_test(test_admit_changes_a_row),
	cmocka_unit_test(test_admit_without_room),
	cmocka_unit_test(test_admit_or_withdrawn),
	cmocka_unit_test(test_pending_is_of_the_jid_that_was_seen),
	cmocka_unit_test(test_casts),
	cmocka_unit_test(test_expel),
	cmocka_unit_test(test_expel_leaves_room),
	cmocka_unit_test(test_notices_come_with_the_state),
	cmocka_unit_test(test_notices_of_outcasts),
	cmocka_unit_test(test_notices_of_several_feeds),
	cmocka_unit_test(test_notices_say_how),
	cmocka_unit_test(test_notices_outlive_a_restart),
	cmocka_unit_test(test_notices_have_a_limit),
	cmocka_unit_test(test_notices_wake),
	cmocka_unit_test(test_holds_wake),
	cmocka_unit_test(test_schedule),
	cmocka_unit_test(test_schedule_is_released),
	cmocka_unit_test(test_schedule_pages),
	cmocka_unit_test(test_schedule_idempotency),
	cmocka_unit_test(test_schedule_is_cancelled),
	cmocka_unit_test(test_schedule_own_item),
	cmocka_unit_test(test_schedule_without_room),
	cmocka_unit_test(test_schedule_goes_with_the_feed),
	cmocka_unit_test(test_schedule_outlives_a_restart),
	cmocka_unit_test(test_schedule_bursts),
	cmocka_unit_test(test_schedule_has_a_limit),
	cmocka_unit_test(test_schedule_wakes),
	cmocka_unit_test(test_tokens),
	cmocka_unit_test(test_restart_never_repeats_a_position),
	cmocka_unit_test(test_destroy_ends_what_is_outstanding),
};

int contract_run(const char *name)
{
	return cmocka_run_group_tests_name(name, contract_tests, NULL, NULL);
}

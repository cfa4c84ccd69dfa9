#include "contract.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_pending.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Who was not let in yet is: the row is made and the state gone, or neither. */

static struct store_pending wish(const char *jid, enum pending_state state)
{
	return (struct store_pending){
		.jid = jid, .state = state, .at_ms = 7000, .format = FORMAT_EVENT};
}

static void put(const char *feed, const char *jid, enum pending_state state,
		enum pending_state expect)
{
	const struct store_pending p = wish(jid, state);

	OK(sync_pending_put(A, feed, &p, expect, NOTICE_NONE));
}

static enum belfry_err admit(struct store *s, const char *feed, const char *jid,
			     enum pending_state seen, const char *seen_jid,
			     enum notice_kind notice)
{
	const struct store_pending p = wish(seen_jid, seen);

	return sync_admit(s, feed, jid, SUB_FOLLOW(FORMAT_EVENT), seen ? &p : NULL,
			  notice);
}

static enum pending_state state_of(const char *feed, const char *jid)
{
	struct store_pending p = {0};
	enum belfry_err err = sync_pending_get(B, feed, jid, &p);

	if (err == BELFRY_ENOENT)
		return PENDING_NONE;
	OK(err);
	return p.state;
}

/* The notices, which are all of FEED, "KIND JID "; they are done then. */
static const char *told(const char *feed)
{
	static char text[512];
	struct sync_notices *all = calloc(1, sizeof *all);
	size_t at = 0;

	text[0] = '\0';
	OK(sync_notices(B, SYNC_NOTICES, all));
	for (size_t i = 0; i < all->count; i++) {
		assert_string_equal(all->n[i].feed, feed);
		at += (size_t)snprintf(text + at, sizeof text - at, "%c %s ",
				       (char)all->n[i].kind, all->n[i].jid);
		OK(sync_notice_done(B, all->n[i].id));
	}
	free(all);
	return text;
}

/* A person has one, whatever resource it comes by; the newest wish counts. */
void test_pending_is_a_person_s(void **state)
{
	const char *feed = "person";
	struct sync_pendings *all = calloc(1, sizeof *all);
	struct store_pending p = wish("a@b/two /x", PENDING_OWNERS), got;

	(void)state;
	contract_feed(feed);
	put(feed, "a@b/one", PENDING_OWNERS, PENDING_NONE);
	assert_int_equal(state_of(feed, "a@b"), PENDING_OWNERS);
	assert_int_equal(state_of(feed, "a@b/three"), PENDING_OWNERS);
	IS(sync_pending_put(B, feed, &p, PENDING_NONE, NOTICE_REQUEST), BELFRY_ESTALE);
	assert_int_equal(sub_options_tag(&p.options, "x/ /y", 5), 0);
	OK(sync_pending_put(B, feed, &p, PENDING_OWNERS, NOTICE_REQUEST));
	OK(sync_pending_get(A, feed, "a@b", &got));
	assert_string_equal(got.jid, "a@b/two /x");
	assert_int_equal(got.options.tag_count, 1);
	assert_string_equal(got.options.tags[0], "x/ /y");
	OK(sync_pending_list(A, feed, 0, 10, all));
	assert_int_equal(all->count, 1);
	assert_string_equal(all->p[0].jid, "a@b/two /x");
	assert_string_equal(told(feed), "o a@b/two /x ");
	put(feed, "a@b", PENDING_NONE, PENDING_OWNERS);
	assert_int_equal(state_of(feed, "a@b/one"), PENDING_NONE);
	put(feed, "b/gate", PENDING_OWNERS, PENDING_NONE); /* of no user */
	assert_int_equal(state_of(feed, "b"), PENDING_OWNERS);
	free(all);
}

void test_admit(void **state)
{
	const char *feed = "admit";
	struct sub sub;

	(void)state;
	IS(admit(A, feed, "a@b", PENDING_NONE, "", NOTICE_NONE), BELFRY_ENOFEED);
	contract_feed(feed);
	IS(admit(A, feed, "", PENDING_NONE, "", NOTICE_NONE), BELFRY_EINVAL);
	put(feed, "a@b/one", PENDING_OWNERS, PENDING_NONE);
	put(feed, "other@b", PENDING_OWNERS, PENDING_NONE);
	/* Not as it was seen: nothing is done. */
	IS(admit(A, feed, "a@b/one", PENDING_DENIED, "a@b/one", NOTICE_ALLOWED),
	   BELFRY_ESTALE);
	IS(admit(A, feed, "a@b/one", PENDING_OWNERS, "a@b/two", NOTICE_ALLOWED),
	   BELFRY_ESTALE);
	IS(admit(A, feed, "a@b/one", PENDING_OWNERS, "a@b", NOTICE_ALLOWED),
	   BELFRY_ESTALE);
	IS(admit(A, feed, "a@b/one", PENDING_NONE, "", NOTICE_NONE), BELFRY_ESTALE);
	IS(admit(A, feed, "c@d", PENDING_OWNERS, "c@d", NOTICE_ALLOWED), BELFRY_ESTALE);
	IS(sync_sub_get(B, feed, "a@b/one", &sub), BELFRY_ENOENT);
	IS(sync_sub_get(B, feed, "c@d", &sub), BELFRY_ENOENT);
	assert_int_equal(state_of(feed, "a@b"), PENDING_OWNERS);
	assert_string_equal(told(feed), "");
	OK(admit(A, feed, "a@b/one", PENDING_OWNERS, "a@b/one", NOTICE_ALLOWED));
	OK(sync_sub_get(B, feed, "a@b/one", &sub));
	assert_int_equal(sub.format, FORMAT_EVENT);
	assert_int_equal(state_of(feed, "a@b"), PENDING_NONE);
	assert_string_equal(told(feed), "a a@b/one ");
	/* Only once. */
	IS(admit(B, feed, "a@b/one", PENDING_OWNERS, "a@b/one", NOTICE_ALLOWED),
	   BELFRY_ESTALE);
	assert_string_equal(told(feed), "");
	/* Nothing was there; and by another JID than was wished. */
	OK(admit(B, feed, "c@d", PENDING_NONE, "", NOTICE_NONE));
	put(feed, "c@d/x", PENDING_PERSON, PENDING_NONE);
	OK(admit(B, feed, "c@d", PENDING_PERSON, "c@d/x", NOTICE_NONE));
	assert_int_equal(state_of(feed, "c@d"), PENDING_NONE);
	assert_int_equal(state_of(feed, "other@b"), PENDING_OWNERS);
}

void test_admit_changes_a_row(void **state)
{
	const char *feed = "admit-row";
	const struct sub_change mute = {.set = SUB_SET_MUTED,
					.format = FORMAT_CHAT,
					.only_existing = true,
					.options = {.muted_until_ms = 5}};
	const struct store_pending p = wish("a@b", PENDING_OWNERS);
	struct sub sub;

	(void)state;
	contract_feed(feed);
	put(feed, "a@b", PENDING_OWNERS, PENDING_NONE);
	IS(sync_admit(A, feed, "a@b", &mute, &p, NOTICE_ALLOWED), BELFRY_ENOENT);
	assert_int_equal(state_of(feed, "a@b"), PENDING_OWNERS);
	assert_string_equal(told(feed), "");
	OK(sync_join(A, feed, "a@b", FORMAT_HEADLINE, &sub, NULL));
	OK(sync_admit(A, feed, "a@b", &mute, &p, NOTICE_ALLOWED));
	OK(sync_sub_get(B, feed, "a@b", &sub));
	assert_int_equal(sub.format, FORMAT_HEADLINE);
	assert_int_equal(sub.options_len, strlen("m5"));
	assert_int_equal(state_of(feed, "a@b"), PENDING_NONE);
	assert_string_equal(told(feed), "a a@b ");
}

void test_admit_without_room(void **state)
{
	const char *feed = "admit-full";
	struct sub sub;

	(void)state;
	contract_feed(feed);
	put(feed, "a@b", PENDING_OWNERS, PENDING_NONE);
	put(feed, "c@d", PENDING_PERSON, PENDING_NONE);
	contract.fill(true);
	IS(admit(A, feed, "a@b", PENDING_OWNERS, "a@b", NOTICE_ALLOWED), BELFRY_EFULL);
	IS(sync_sub_get(B, feed, "a@b", &sub), BELFRY_ENOENT);
	assert_int_equal(state_of(feed, "a@b"), PENDING_OWNERS);
	/* What nobody is told of goes on. */
	OK(admit(A, feed, "c@d", PENDING_PERSON, "c@d", NOTICE_NONE));
	contract_has_room();
	OK(admit(A, feed, "a@b", PENDING_OWNERS, "a@b", NOTICE_ALLOWED));
	assert_string_equal(told(feed), "a a@b ");
}

/* ---- At the same time ---- */

struct outcome {
	bool done;
	enum belfry_err err;
};

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct outcome *o = arg;

	(void)row;
	(void)created;
	o->err = err;
	o->done = true;
}

static void on_put(void *arg, enum belfry_err err)
{
	on_row(arg, err, NULL, false);
}

/* One of A, who lets in, and B, who takes the request back, is first: the other is told.
 */
void test_admit_or_withdrawn(void **state)
{
	enum { ROUNDS = 200 };
	const char *feed = "admit-race";
	unsigned won[2] = {0, 0};

	(void)state;
	contract_feed(feed);
	for (unsigned i = 0; i < ROUNDS; i++) {
		struct outcome in = {0}, back = {0};
		struct sub sub;
		char jid[32];

		snprintf(jid, sizeof jid, "u%u@b", i);
		const struct store_pending seen = wish(jid, PENDING_OWNERS);
		const struct store_pending next = wish(jid, PENDING_WITHDRAWN);
		put(feed, jid, PENDING_OWNERS, PENDING_NONE);
		if (i & 1)
			B->ops->pending_put(B, feed, &next, PENDING_OWNERS, NOTICE_NONE,
					    on_put, &back);
		A->ops->admit(A, feed, jid, SUB_FOLLOW(FORMAT_CHAT), &seen, NOTICE_NONE,
			      on_row, &in);
		if (i & 2) /* the bucket is known by then, the script is not run */
			sync_pending_get(A, feed, jid, &(struct store_pending){0});
		if (!(i & 1))
			B->ops->pending_put(B, feed, &next, PENDING_OWNERS, NOTICE_NONE,
					    on_put, &back);
		sync_until(&in.done, "admit");
		sync_until(&back.done, "pending_put");
		assert_true(in.err == BELFRY_OK || in.err == BELFRY_ESTALE);
		IS(back.err, in.err ? BELFRY_OK : BELFRY_ESTALE);
		IS(sync_sub_get(A, feed, jid, &sub), in.err ? BELFRY_ENOENT : BELFRY_OK);
		assert_int_equal(state_of(feed, jid), in.err ? PENDING_WITHDRAWN : 0);
		won[in.err == BELFRY_OK]++;
	}
	assert_true(won[0] && won[1]);
}

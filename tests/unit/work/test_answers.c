#include "access.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TURNS 16 /* more than any of it takes */

static struct result answer(struct access *f, const char *jid, const char *feed, bool yes)
{
	struct result out;
	access_answer(f, jid, feed, yes, &out);
	access_wait(f, &out);
	return out;
}

static enum belfry_err unsubscribe(struct access *f, const char *jid, const char *feed)
{
	struct result out;
	access_unsubscribe(f, jid, feed, &out);
	return access_wait(f, &out);
}

static enum belfry_err decide(struct access *f, const char *owner, const char *jid,
			      bool allow)
{
	struct result out;
	access_decide(f, owner, "asks", jid, allow, &out);
	return access_wait(f, &out);
}

static void returned(struct access *f, const char *feed, const char *jid,
		     const char *condition)
{
	struct xmpp_hub x = hub_for(&f->h);
	x.ops->undelivered(x.hub, feed, jid, condition);
	while (f->h.turns)
		world_turns(&f->w, 1);
}

static void undelivered(struct access *f, const char *feed, const char *jid)
{
	returned(f, feed, jid, "service-unavailable");
}

/* ---- Invitations ---- */

static void yes(void **state)
{
	struct access *f = *state;
	assert_int_equal(answer(f, PERSON, "ours", true).err, BELFRY_ENOENT);
	assert_int_equal(answer(f, PERSON, "none", true).err, BELFRY_ENOFEED);
	access_invite(f, "ours", PERSON);
	struct result r = answer(f, PERSON, "ours", true);
	assert_int_equal(r.err, BELFRY_OK);
	assert_true(r.has_sub && r.created);
	assert_int_equal(r.sub.format, FORMAT_HEADLINE);
	assert_int_equal(r.options.at_least, PRIORITY_HIGH);
	assert_int_equal(access_state(f, "ours", PERSON), '-');
	assert_int_equal(answer(f, PERSON, "ours", true).err, BELFRY_ENOENT);
	assert_int_equal(answer(f, PERSON, "ours", false).err, BELFRY_ENOENT);
	assert_true(access_follows(f, "ours", PERSON));
	/* What it says yes to is an invitation, and nothing else. */
	access_chat(f, PERSON, "asks");
	assert_int_equal(answer(f, PERSON, "asks", true).err, BELFRY_ENOENT);
	assert_int_equal(answer(f, PERSON, "asks", false).err, BELFRY_ENOENT);
	assert_int_equal(access_state(f, "asks", PERSON), 'o');
	access_invite(f, "ours", OUTCAST);
	assert_int_equal(answer(f, OUTCAST, "ours", true).err, BELFRY_ENOENT);
	assert_false(access_follows(f, "ours", OUTCAST));
}

static void no(void **state)
{
	struct access *f = *state;
	access_invite(f, "ours", PERSON);
	struct result r = answer(f, PERSON, "ours", false);
	assert_int_equal(r.err, BELFRY_OK);
	assert_false(r.has_sub);
	assert_int_equal(access_state(f, "ours", PERSON), 'r');
	assert_int_equal(access_pending(f, "ours", PERSON).format, FORMAT_HEADLINE);
	assert_int_equal(answer(f, PERSON, "ours", true).err, BELFRY_ENOENT);
	assert_int_equal(answer(f, PERSON, "ours", false).err, BELFRY_ENOENT);
	assert_false(access_follows(f, "ours", PERSON));
	/* Whoever leaves what he was invited to says no, too. */
	access_invite(f, "ours", "b@example.net");
	assert_int_equal(unsubscribe(f, "b@example.net", "ours"), BELFRY_ENOENT);
	assert_int_equal(access_state(f, "ours", "b@example.net"), 'r');
	/* It is the person who was invited, by whichever of his programs. */
	access_invite(f, "ours", "c@example.net");
	assert_int_equal(unsubscribe(f, "c@example.net/x", "ours"), BELFRY_ENOENT);
	assert_int_equal(access_state(f, "ours", "c@example.net"), 'r');
}

static void what_came_back(void **state)
{
	struct access *f = *state;
	access_invite(f, "ours", PERSON);
	returned(f, "ours", PERSON, "remote-server-timeout");
	assert_int_equal(access_state(f, "ours", PERSON), '-'); /* that may pass */
	access_invite(f, "ours", PERSON);
	undelivered(f, "ours", PERSON);
	assert_int_equal(access_state(f, "ours", PERSON), 'r');
	undelivered(f, "ours", PERSON);
	undelivered(f, "ours", "b@example.net");
	undelivered(f, "none", PERSON);
	assert_int_equal(access_state(f, "ours", PERSON), 'r');
	assert_int_equal(access_state(f, "ours", "b@example.net"), '-');
	/* It is of no matter to who asks, or follows. */
	access_chat(f, PERSON, "asks");
	undelivered(f, "asks", PERSON);
	assert_int_equal(access_state(f, "asks", PERSON), 'o');
	world_join_one(&f->w, "ours", "b@example.net", FORMAT_CHAT);
	undelivered(f, "ours", "b@example.net");
	assert_true(access_follows(f, "ours", "b@example.net"));
	/* Nor to who has said yes. */
	access_invite(f, "ours", "b@example.net");
	undelivered(f, "ours", "b@example.net");
	assert_true(access_follows(f, "ours", "b@example.net"));
}

/* ---- Requests ---- */

static void a_request_is_taken_back(void **state)
{
	struct access *f = *state;
	assert_int_equal(unsubscribe(f, PERSON, "asks"), BELFRY_ENOENT);
	access_chat(f, PERSON, "asks");
	assert_int_equal(unsubscribe(f, PERSON, "asks"), BELFRY_EPENDING);
	assert_int_equal(access_state(f, "asks", PERSON), 'w');
	assert_int_equal(decide(f, OWNER, PERSON, true), BELFRY_ENOENT);
	assert_false(access_follows(f, "asks", PERSON));
	assert_int_equal(unsubscribe(f, PERSON, "asks"), BELFRY_ENOENT);
	/* What was said once is remembered. */
	access_move(f, "asks", PERSON, PENDING_WITHDRAWN, PENDING_DENIED);
	assert_int_equal(unsubscribe(f, PERSON, "asks"), BELFRY_ENOENT);
	assert_int_equal(access_state(f, "asks", PERSON), 'd');
	/* Who leaves as one program leaves the request for another one as it is. */
	world_join_one(&f->w, "asks", "b@example.net/x", FORMAT_EVENT);
	access_put(f, "asks", "b@example.net/y", PENDING_OWNERS, 1);
	assert_int_equal(unsubscribe(f, "b@example.net/x", "asks"), BELFRY_OK);
	assert_int_equal(access_state(f, "asks", "b@example.net"), 'o');
	assert_false(access_follows(f, "asks", "b@example.net/x"));
	assert_int_equal(unsubscribe(f, PERSON, "none"), BELFRY_ENOFEED);
}

static void owners_decide(void **state)
{
	struct access *f = *state;
	access_chat(f, PERSON, "asks");
	access_chat(f, "b@example.net", "asks");
	access_notices(f);
	assert_int_equal(decide(f, PERSON, PERSON, true), BELFRY_EDENIED);
	assert_int_equal(decide(f, "mia@example.net", PERSON, true), BELFRY_EDENIED);
	assert_int_equal(decide(f, OWNER "/x", "c@example.net", true), BELFRY_ENOENT);
	assert_int_equal(decide(f, OWNER "/x", "c@example.net", false), BELFRY_ENOENT);
	assert_int_equal(decide(f, OWNER "/x", PERSON, true), BELFRY_OK);
	assert_true(access_follows(f, "asks", PERSON));
	assert_int_equal(access_state(f, "asks", PERSON), '-');
	assert_int_equal(decide(f, OWNER "/x", "b@example.net", false), BELFRY_OK);
	assert_false(access_follows(f, "asks", "b@example.net"));
	assert_int_equal(access_state(f, "asks", "b@example.net"), 'd');
	assert_string_equal(access_notices(f), "a " PERSON " d b@example.net ");
	/* An invitation is not the owners' to answer, and an outcast none to let in. */
	access_invite(f, "asks", "c@example.net");
	assert_int_equal(decide(f, OWNER, "c@example.net", true), BELFRY_ENOENT);
	assert_int_equal(access_state(f, "asks", "c@example.net"), 'p');
	access_put(f, "asks", OUTCAST, PENDING_OWNERS, 1);
	assert_int_equal(decide(f, OWNER, OUTCAST, true), BELFRY_ENOENT);
	assert_false(access_follows(f, "asks", OUTCAST));
	struct result out;
	access_decide(f, OWNER, "none", PERSON, true, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_ENOFEED);
}

/* ---- At the same time ---- */

/* Whatever one of them hears: in the end either both of it are so, or nothing is. */
static void owners_decide_at_once(void **state)
{
	struct access *f = *state;
	for (unsigned i = 0; i < 4 * TURNS; i++) {
		bool first = i & 1, second = i & 2;
		struct result a, b;
		access_chat(f, PERSON, "asks");
		access_notices(f);
		access_decide(f, OWNER, "asks", PERSON, first, &a);
		world_turns(&f->w, i / 4);
		access_decide(f, OWNER2, "asks", PERSON, second, &b);
		access_wait(f, &a);
		access_wait(f, &b);
		assert_int_equal(a.err, BELFRY_OK);
		/* A denial is none any more when the other one lets it in. */
		bool follows = first || second;
		assert_int_equal(access_follows(f, "asks", PERSON), follows);
		assert_int_equal(access_state(f, "asks", PERSON), follows ? '-' : 'd');
		const char *told = access_notices(f);
		assert_string_equal(told, first	   ? "a " PERSON " "
					  : second ? "d " PERSON " a " PERSON " "
						   : "d " PERSON " ");
		unsubscribe(f, PERSON, "asks");
		access_move(f, "asks", PERSON, PENDING_DENIED, PENDING_NONE);
	}
}

/* Over REST nobody waits for his turn: one of both is first, and no row is left behind.
 */
static void it_leaves_while_it_is_let_in_elsewhere(void **state)
{
	struct access *f = *state;
	bool won[2] = {false, false};
	for (unsigned i = 0; i < 4 * TURNS; i++) {
		struct result in = {0}, back;
		access_chat(f, PERSON, "asks");
		if (i & 1)
			access_unsubscribe(f, PERSON, "asks", &back);
		else
			access_allow(f, "asks", PERSON, &in);
		world_turns(&f->w, i / 4);
		if (i & 1)
			access_allow(f, "asks", PERSON, &in);
		else
			access_unsubscribe(f, PERSON, "asks", &back);
		access_wait(f, &in);
		access_wait(f, &back);
		assert_true(back.err == BELFRY_OK || back.err == BELFRY_EPENDING);
		assert_int_equal(in.err, back.err ? BELFRY_ENOENT : BELFRY_OK);
		assert_false(access_follows(f, "asks", PERSON));
		assert_int_equal(access_state(f, "asks", PERSON), back.err ? 'w' : '-');
		access_move(f, "asks", PERSON, PENDING_WITHDRAWN, PENDING_NONE);
		access_notices(f);
		won[back.err != BELFRY_OK] = true;
	}
	assert_true(won[0] && won[1]);
}

static void it_leaves_while_it_is_let_in(void **state)
{
	struct access *f = *state;
	for (unsigned i = 0; i < 2 * TURNS; i++) {
		struct result a, b;
		access_chat(f, PERSON, "asks");
		if (i & 1)
			access_decide(f, OWNER, "asks", PERSON, true, &a);
		else
			access_unsubscribe(f, PERSON, "asks", &a);
		world_turns(&f->w, i / 2);
		if (i & 1)
			access_unsubscribe(f, PERSON, "asks", &b);
		else
			access_decide(f, OWNER, "asks", PERSON, true, &b);
		access_wait(f, &a);
		access_wait(f, &b);
		enum belfry_err left = (i & 1 ? b : a).err;
		assert_true(left == BELFRY_OK || left == BELFRY_EPENDING);
		assert_int_equal((i & 1 ? a : b).err, left ? BELFRY_ENOENT : BELFRY_OK);
		assert_false(access_follows(f, "asks", PERSON));
		assert_int_equal(access_state(f, "asks", PERSON), left ? 'w' : '-');
		access_move(f, "asks", PERSON, PENDING_WITHDRAWN, PENDING_NONE);
	}
}

/* Over REST, in any moment of it. */
static void an_invitation_is_taken_back(void **state)
{
	struct access *f = *state;
	bool won[2] = {false, false};
	for (unsigned i = 0; i < 2 * TURNS; i++) {
		struct result a;
		access_invite(f, "ours", PERSON);
		if (i & 1)
			access_answer(f, PERSON, "ours", true, &a);
		else
			access_subscribe(f, PERSON, "ours", SUB_FOLLOW(FORMAT_CHAT), &a);
		world_turns(&f->w, i / 2);
		bool back = access_move(f, "ours", PERSON, PENDING_PERSON,
					PENDING_NONE) == BELFRY_OK;
		access_wait(f, &a);
		assert_int_equal(access_state(f, "ours", PERSON), '-');
		assert_int_equal(access_follows(f, "ours", PERSON), !back);
		assert_int_equal(a.err, !back	? BELFRY_OK
					: i & 1 ? BELFRY_ENOENT
						: BELFRY_EDENIED);
		won[back] = true;
		unsubscribe(f, PERSON, "ours");
	}
	assert_true(won[0] && won[1]);
	/* Who would be let in without it stays; and who followed before. */
	for (unsigned i = 0; i < TURNS; i++) {
		struct result a, b;
		access_invite(f, "asks", "mia@example.net");
		access_invite(f, "ours", "b@example.net");
		world_join_one(&f->w, "ours", "b@example.net", FORMAT_CHAT);
		access_subscribe(f, "mia@example.net", "asks", SUB_FOLLOW(FORMAT_CHAT),
				 &a);
		access_subscribe(f, "b@example.net", "ours", SUB_FOLLOW(FORMAT_CHAT), &b);
		world_turns(&f->w, i);
		access_move(f, "asks", "mia@example.net", PENDING_PERSON, PENDING_NONE);
		access_move(f, "ours", "b@example.net", PENDING_PERSON, PENDING_NONE);
		assert_int_equal(access_wait(f, &a), BELFRY_OK);
		assert_int_equal(access_wait(f, &b), BELFRY_OK);
		assert_true(access_follows(f, "asks", "mia@example.net"));
		assert_true(access_follows(f, "ours", "b@example.net"));
		unsubscribe(f, "mia@example.net", "asks");
	}
}

static void yes_and_no_at_once(void **state)
{
	struct access *f = *state;
	for (unsigned i = 0; i < 2 * TURNS; i++) {
		bool first = i & 1;
		struct result a, b;
		access_invite(f, "ours", PERSON);
		access_answer(f, PERSON, "ours", first, &a);
		world_turns(&f->w, i / 2);
		access_answer(f, PERSON, "ours", !first, &b);
		assert_int_equal(access_wait(f, &a), BELFRY_OK);
		assert_int_equal(access_wait(f, &b), BELFRY_ENOENT);
		assert_int_equal(access_follows(f, "ours", PERSON), first);
		assert_int_equal(access_state(f, "ours", PERSON), first ? '-' : 'r');
		unsubscribe(f, PERSON, "ours");
		access_move(f, "ours", PERSON, PENDING_REFUSED, PENDING_NONE);
	}
}

static void the_feed_is_deleted(void **state)
{
	(void)state;
	for (unsigned i = 0; i < TURNS; i++) {
		void *mine;
		struct result out[5];
		access_set_up(&mine);
		struct access *f = mine;
		access_invite(f, "ours", PERSON);
		access_invite(f, "ours", "b@example.net");
		access_put(f, "asks", PERSON, PENDING_OWNERS, 1);
		access_decide(f, OWNER, "asks", PERSON, true, &out[0]);
		access_subscribe(f, "b@example.net", "asks", SUB_FOLLOW(FORMAT_CHAT),
				 &out[1]);
		access_answer(f, PERSON, "ours", true, &out[2]);
		access_answer(f, "b@example.net", "ours", false, &out[3]);
		access_unsubscribe(f, PERSON, "asks", &out[4]);
		world_turns(&f->w, i);
		access_delete(f, "asks");
		access_delete(f, "ours");
		for (size_t k = 0; k < 5; k++)
			access_wait(f, &out[k]);
		assert_null(f->h.turns);
		if (i == 0) /* the other feed goes later */
			for (size_t k = 0; k < 5; k += k == 1 ? 3 : 1)
				assert_int_equal(out[k].err, BELFRY_ENOFEED);
		access_tear_down(&mine);
	}
}

/* A client that asks twice is not asked about twice. */
static void it_asks_twice_at_once(void **state)
{
	struct access *f = *state;
	for (unsigned i = 0; i < TURNS; i++) {
		struct result a, b;
		access_subscribe(f, PERSON "/a", "asks", SUB_FOLLOW(FORMAT_CHAT), &a);
		world_turns(&f->w, i);
		access_subscribe(f, PERSON "/b", "asks", SUB_FOLLOW(FORMAT_CHAT), &b);
		assert_int_equal(access_wait(f, &a), BELFRY_EPENDING);
		assert_int_equal(access_wait(f, &b), BELFRY_EPENDING);
		assert_true(a.created);
		assert_false(b.created);
		assert_string_equal(access_notices(f), "o " PERSON " ");
		unsubscribe(f, PERSON, "asks");
		access_move(f, "asks", PERSON, PENDING_WITHDRAWN, PENDING_NONE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, access_set_up, access_tear_down)
		TEST(yes),
		TEST(no),
		TEST(what_came_back),
		TEST(a_request_is_taken_back),
		TEST(owners_decide),
		TEST(owners_decide_at_once),
		TEST(it_leaves_while_it_is_let_in),
		TEST(it_leaves_while_it_is_let_in_elsewhere),
		TEST(an_invitation_is_taken_back),
		TEST(yes_and_no_at_once),
		cmocka_unit_test(the_feed_is_deleted),
		TEST(it_asks_twice_at_once),
	};
	return cmocka_run_group_tests_name("work/answers", tests, NULL, NULL);
}

#include "access.h"

#include <belfry/store/decide.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Who asks to follow while somebody else, over REST, decides just that. */

#define TURNS 16 /* more than any of it takes */

static enum belfry_err unsubscribe(struct access *f, const char *jid, const char *feed)
{
	struct result out;
	access_unsubscribe(f, jid, feed, &out);
	return access_wait(f, &out);
}

struct done {
	bool done;
	enum belfry_err err;
};

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	struct done *d = arg;
	(void)row;
	(void)created;
	d->err = err;
	d->done = true;
}

/* Who follows does not wait, and so is none that leaves let in later. */
static void check_follows(struct access *f, enum belfry_err heard)
{
	assert_true(heard == BELFRY_OK || heard == BELFRY_EPENDING);
	assert_true(access_follows(f, "asks", PERSON));
	assert_int_equal(access_state(f, "asks", PERSON), '-');
	assert_int_equal(unsubscribe(f, PERSON, "asks"), BELFRY_OK);
	assert_int_equal(access_state(f, "asks", PERSON), '-');
	assert_false(access_follows(f, "asks", PERSON));
	access_notices(f);
}

static void it_asks_while_it_is_let_in_elsewhere(void **state)
{
	struct access *f = *state;
	bool heard[2] = {false, false};
	for (unsigned i = 0; i < 4 * TURNS; i++) {
		struct result in, again;
		access_chat(f, PERSON, "asks");
		access_subscribe(f, PERSON, "asks", SUB_FOLLOW(FORMAT_CHAT), &again);
		world_turns(&f->w, i / 2);
		access_allow(f, "asks", PERSON, &in);
		assert_int_equal(access_wait(f, &in), BELFRY_OK);
		access_wait(f, &again);
		heard[again.err == BELFRY_OK] = true;
		check_follows(f, again.err);
	}
	assert_true(heard[0] && heard[1]);
}

/* Entered over REST, who has not asked before. */
static void it_asks_while_it_is_entered(void **state)
{
	struct access *f = *state;
	struct store *s = f->w.app;
	bool entered[2] = {false, false};
	for (unsigned i = 0; i < TURNS; i++) {
		struct result asks;
		struct done in = {0};
		access_subscribe(f, PERSON, "asks", SUB_FOLLOW(FORMAT_CHAT), &asks);
		world_turns(&f->w, i);
		s->ops->admit(s, "asks", PERSON, SUB_FOLLOW(FORMAT_CHAT), NULL,
			      NOTICE_NONE, on_row, &in);
		world_until(&f->w, &in.done);
		access_wait(f, &asks);
		entered[in.err == BELFRY_OK] = true;
		if (in.err == BELFRY_OK) {
			assert_int_equal(asks.err, BELFRY_OK);
			check_follows(f, asks.err);
			continue;
		}
		assert_int_equal(asks.err, BELFRY_EPENDING);
		assert_int_equal(unsubscribe(f, PERSON, "asks"), BELFRY_EPENDING);
		access_move(f, "asks", PERSON, PENDING_WITHDRAWN, PENDING_NONE);
	}
	assert_true(entered[0] && entered[1]);
}

/* Whatever has come together: who has left is not let in any more. */
static void who_leaves_asks_no_more(void **state)
{
	struct access *f = *state;
	struct result in;
	world_join_one(&f->w, "asks", PERSON, FORMAT_CHAT);
	access_put(f, "asks", PERSON, PENDING_OWNERS, 1);
	assert_int_equal(unsubscribe(f, PERSON, "asks"), BELFRY_OK);
	assert_int_equal(access_state(f, "asks", PERSON), 'w');
	access_allow(f, "asks", PERSON, &in);
	assert_int_equal(access_wait(f, &in), BELFRY_ENOENT);
	assert_false(access_follows(f, "asks", PERSON));
}

/* A denial is of the wish that was seen, or of the one after it. */
static void another_program_asks_while_it_is_denied(void **state)
{
	struct access *f = *state;
	bool heard[2] = {false, false};
	for (unsigned i = 0; i < 2 * TURNS; i++) {
		struct result a, b;
		struct done no = {0};
		access_subscribe(f, PERSON "/a", "asks", SUB_FOLLOW(FORMAT_EVENT), &a);
		access_wait(f, &a);
		if (i & 1)
			store_decide(f->w.app, "asks", PERSON, false, on_row, &no);
		else
			access_subscribe(f, PERSON "/b", "asks", SUB_FOLLOW(FORMAT_EVENT),
					 &b);
		world_turns(&f->w, i / 2);
		if (i & 1)
			access_subscribe(f, PERSON "/b", "asks", SUB_FOLLOW(FORMAT_EVENT),
					 &b);
		else
			store_decide(f->w.app, "asks", PERSON, false, on_row, &no);
		world_until(&f->w, &no.done);
		access_wait(f, &b);
		assert_int_equal(no.err, BELFRY_OK);
		assert_true(b.err == BELFRY_EDENIED || b.err == BELFRY_EPENDING);
		assert_int_equal(access_state(f, "asks", PERSON), 'd');
		assert_string_equal(access_pending(f, "asks", PERSON).jid,
				    b.err == BELFRY_EDENIED ? PERSON "/a" : PERSON "/b");
		heard[b.err == BELFRY_EDENIED] = true;
		access_move(f, "asks", PERSON, PENDING_DENIED, PENDING_NONE);
		access_notices(f);
	}
	assert_true(heard[0] && heard[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, access_set_up, access_tear_down)
		TEST(it_asks_while_it_is_let_in_elsewhere),
		TEST(it_asks_while_it_is_entered),
		TEST(who_leaves_asks_no_more),
		TEST(another_program_asks_while_it_is_denied),
	};
	return cmocka_run_group_tests_name("work/requests", tests, NULL, NULL);
}

#include "access.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Who is cast out while something else happens: nobody slips in, and all are told. */

#define TURNS 16 /* more than any of it takes */
#define OUT "{\"access\":\"authorize\",\"outcasts\":[\"example.net\"]}"
#define OPEN "{\"access\":\"open\"}"
#define IN "{\"access\":\"authorize\"}"

struct answer {
	bool done;
	enum belfry_err err;
	size_t count;
};

static void on_err(void *arg, enum belfry_err err)
{
	struct answer *t = arg;
	t->err = err;
	t->done = true;
}

static void on_row(void *arg, enum belfry_err err, const struct store_row *row,
		   bool created)
{
	(void)row;
	(void)created;
	on_err(arg, err);
}

static void on_feed(void *arg, enum belfry_err err, const struct store_feed *feed,
		    bool created)
{
	(void)feed;
	(void)created;
	on_err(arg, err);
}

/* Did it follow in the moment in which it was cast out? */
static bool cast_out(struct access *f, const char *feed)
{
	struct store *s = f->w.app;
	struct answer put = {0}, row = {0};
	s->ops->feed_put(s, feed, OUT, NULL, 1, on_feed, &put);
	s->ops->sub_get(s, feed, PERSON, on_row, &row);
	world_until(&f->w, &put.done);
	world_until(&f->w, &row.done);
	assert_int_equal(put.err, BELFRY_OK);
	return row.err == BELFRY_OK;
}

enum way { SUBSCRIBES, SAYS_YES, IS_LET_IN, WAYS };

static void begin(struct access *f, enum way way, struct result *out)
{
	world_feed(&f->w, "feed", way == SUBSCRIBES ? OPEN : IN);
	if (way == SAYS_YES)
		access_invite(f, "feed", PERSON);
	else if (way == IS_LET_IN)
		access_put(f, "feed", PERSON, PENDING_OWNERS, 1);
	if (way == SUBSCRIBES)
		access_subscribe(f, PERSON, "feed", SUB_FOLLOW(FORMAT_CHAT), out);
	else if (way == SAYS_YES)
		access_answer(f, PERSON, "feed", true, out);
	else
		access_allow(f, "feed", PERSON, out);
}

/* No sweep finds who comes in behind it. */
static void nobody_slips_in(void **state)
{
	struct access *f = *state;
	for (enum way way = SUBSCRIBES; way < WAYS; way++) {
		bool seen[2] = {false, false};
		for (unsigned i = 0; i < TURNS; i++) {
			struct result out;
			begin(f, way, &out);
			world_turns(&f->w, i);
			bool followed = cast_out(f, "feed");
			access_wait(f, &out);
			assert_int_equal(access_follows(f, "feed", PERSON), followed);
			assert_int_equal(out.err == BELFRY_OK, followed);
			seen[followed] = true;
			access_delete(f, "feed");
			access_notices(f);
		}
		assert_true(seen[0] && seen[1]);
	}
}

static void on_notices(void *arg, enum belfry_err err, const struct store_notice *list,
		       size_t count)
{
	struct answer *t = arg;
	assert_int_equal(err, BELFRY_OK);
	t->count = count;
	(void)list;
	t->done = true;
}

static size_t waiting(struct access *f)
{
	struct answer t = {0};
	f->w.app->ops->notices(f->w.app, STORE_NOTICES_MAX, on_notices, &t);
	world_until(&f->w, &t.done);
	return t.count;
}

struct telling {
	struct access *f;
	size_t left, told;
	bool done;
};

static void on_told(void *arg, enum belfry_err err)
{
	struct telling *t = arg;
	assert_int_equal(err, BELFRY_OK);
	t->done = --t->left == 0;
}

static void on_to_tell(void *arg, enum belfry_err err, const struct store_notice *list,
		       size_t count)
{
	struct telling *t = arg;
	struct store *s = t->f->w.app;
	assert_int_equal(err, BELFRY_OK);
	t->left = 1;
	for (size_t i = 0; i < count; i++) {
		if (list[i].kind != NOTICE_WITHDRAWN)
			continue;
		t->left++;
		t->told++;
		s->ops->notice_done(s, list[i].id, on_told, t);
	}
	t->done = --t->left == 0;
}

/* How many were told that they follow no more. */
static size_t tell(struct access *f)
{
	struct telling t = {.f = f};
	f->w.app->ops->notices(f->w.app, STORE_NOTICES_MAX, on_to_tell, &t);
	world_until(&f->w, &t.done);
	return t.told;
}

static void pass(struct access *f, unsigned turns)
{
	for (unsigned i = 0; i < turns; i++) {
		world_skip(50);
		world_turns(&f->w, 1);
	}
}

static size_t followers(struct access *f, const char *feed)
{
	return (size_t)world_feed_get(&f->w, feed).subscribers;
}

/* Each is told, however many they are; and meanwhile there is room for others. */
static void a_crowd_is_told(void **state)
{
	struct access *f = *state;
	enum { CROWD = STORE_EXPELLED_MAX + 500 };
	size_t told = 0;
	world_join(&f->w, "ours", "r", CROWD, FORMAT_CHAT);
	world_feed(&f->w, "ours", "{\"outcasts\":[\"example.org\"]}");
	access_take_sweeps(f);
	for (unsigned i = 0; waiting(f) < STORE_EXPELLED_MAX; i++) {
		assert_in_range(i, 0, 100000);
		pass(f, 100);
	}
	pass(f, 1000);
	assert_int_equal(waiting(f), STORE_EXPELLED_MAX);
	assert_int_equal(followers(f, "ours"), CROWD - STORE_EXPELLED_MAX + 1);
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EPENDING);
	for (unsigned i = 0; sweeps_count(f->sweeps); i++) {
		assert_in_range(i, 0, 100000);
		told += tell(f);
		pass(f, 100);
	}
	told += tell(f);
	assert_int_equal(told, CROWD);
	assert_int_equal(followers(f, "ours"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, access_set_up, access_tear_down)
		TEST(nobody_slips_in),
		TEST(a_crowd_is_told),
	};
	return cmocka_run_group_tests_name("work/outcasts", tests, NULL, NULL);
}

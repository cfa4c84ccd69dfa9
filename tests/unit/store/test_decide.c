#include "../../lib/store/sync.h"

#include <belfry/store/decide.h>
#include <belfry/store/memory.h>

#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* The owners' answer to a request, over the store in memory. */

static struct memory *memory;
static struct store *store;

static struct {
	bool done, created, follows;
	enum belfry_err err;
	char jid[64], tag[16];
	enum sub_format format;
} got;

static void on_decided(void *arg, enum belfry_err err, const struct store_row *row,
		       bool created)
{
	struct sub_options o;

	(void)arg;
	assert_false(got.done);
	got.done = true;
	got.err = err;
	got.created = created;
	got.follows = row;
	if (!row)
		return;
	snprintf(got.jid, sizeof got.jid, "%s", row->jid);
	got.format = row->sub.format;
	sub_options_read(&row->sub, &o);
	snprintf(got.tag, sizeof got.tag, "%.15s", o.tag_count ? o.tags[0] : "");
}

static enum belfry_err decide(const char *jid, bool allow)
{
	memset(&got, 0, sizeof got);
	store_decide(store, "f", jid, allow, on_decided, NULL);
	assert_false(got.done); /* not from inside */
	sync_until(&got.done, "decide");
	return got.err;
}

static void on_put(void *arg, enum belfry_err err)
{
	(void)arg;
	got.done = true;
	got.err = err;
}

static void put_of(const char *jid, enum pending_state from, enum pending_state to)
{
	struct store_pending p = {
		.jid = jid, .state = to, .at_ms = 1, .format = FORMAT_EVENT};

	sub_options_tag(&p.options, "prod", 4);
	memset(&got, 0, sizeof got);
	store->ops->pending_put(store, "f", &p, from, NOTICE_NONE, on_put, NULL);
	sync_until(&got.done, "pending_put");
	assert_int_equal(got.err, BELFRY_OK);
}

static void put(enum pending_state from, enum pending_state to)
{
	put_of("a@b", from, to);
}

static enum pending_state state_now;
static uint64_t state_at_ms;

static void on_state(void *arg, enum belfry_err err, const struct store_pending *p)
{
	(void)arg;
	(void)err;
	state_now = p ? p->state : PENDING_NONE;
	state_at_ms = p ? p->at_ms : 0;
	got.done = true;
}

static enum pending_state state_of(const char *jid)
{
	got.done = false;
	store->ops->pending_get(store, "f", jid, on_state, NULL);
	sync_until(&got.done, "pending_get");
	return state_now;
}

static enum pending_state state(void)
{
	return state_of("a@b");
}

static char told[64];

static void on_notices(void *arg, enum belfry_err err, const struct store_notice *list,
		       size_t count)
{
	(void)arg;
	assert_int_equal(err, BELFRY_OK);
	for (size_t i = 0; i < count; i++)
		told[i] = (char)list[i].kind;
	told[count] = '\0';
	got.done = true;
}

/* The kinds of all notices. */
static const char *notices(void)
{
	got.done = false;
	store->ops->notices(store, 10, on_notices, NULL);
	sync_until(&got.done, "notices");
	return told;
}

static int set_up(void **state_)
{
	(void)state_;
	sync_loop = loop_create();
	memory = memory_create();
	store = store_memory_create(sync_loop, memory);
	return sync_feed_put(store, "f", "{}", NULL, NULL, NULL) == BELFRY_OK ? 0 : -1;
}

static int tear_down(void **state_)
{
	(void)state_;
	if (store)
		store->ops->destroy(store);
	memory_destroy(memory);
	loop_destroy(sync_loop);
	return 0;
}

static void who_is_allowed_follows_as_wished(void **state_)
{
	(void)state_;
	put(PENDING_NONE, PENDING_OWNERS);
	assert_int_equal(decide("a@b", true), BELFRY_OK);
	assert_true(got.created && got.follows);
	assert_string_equal(got.jid, "a@b");
	assert_int_equal(got.format, FORMAT_EVENT);
	assert_string_equal(got.tag, "prod");
	assert_int_equal(state(), PENDING_NONE);
	assert_string_equal(notices(), "a");
	assert_int_equal(sync_sub_get(store, "f", "a@b", NULL), BELFRY_OK);
	/* Again: as it is. */
	assert_int_equal(decide("a@b", true), BELFRY_OK);
	assert_true(got.follows && !got.created);
	assert_string_equal(got.tag, "prod");
	assert_int_equal(decide("a@b", false), BELFRY_ENOENT);
	assert_string_equal(notices(), "a");
}

static void who_is_denied_does_not_follow(void **state_)
{
	(void)state_;
	put(PENDING_NONE, PENDING_OWNERS);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(decide("a@b", false), BELFRY_OK);
		assert_false(got.follows);
		assert_int_equal(state(), PENDING_DENIED);
		assert_string_equal(notices(), "d");
	}
	assert_int_equal(sync_sub_get(store, "f", "a@b", NULL), BELFRY_ENOENT);
	assert_int_equal(decide("a@b", true), BELFRY_OK);
	assert_true(got.created);
	assert_string_equal(notices(), "da");
}

/* It is the person who asks; who is wished for is the one that follows. */
static void any_jid_of_the_person_will_do(void **state_)
{
	static const char *const by[] = {"a@b/r0", "a@b", "a@b/r1"};

	(void)state_;
	for (size_t i = 0; i < 3; i++) {
		put_of("a@b/r0", i ? PENDING_DENIED : PENDING_NONE, PENDING_OWNERS);
		assert_int_equal(decide(by[i], false), BELFRY_OK);
		assert_int_equal(state(), PENDING_DENIED);
		assert_true(state_at_ms > 1);
	}
	assert_string_equal(notices(), "ddd");
	assert_int_equal(decide("a@b", true), BELFRY_OK);
	assert_true(got.created);
	assert_string_equal(got.jid, "a@b/r0");
	assert_int_equal(state(), PENDING_NONE);
	assert_int_equal(sync_sub_get(store, "f", "a@b/r0", NULL), BELFRY_OK);
	assert_int_equal(sync_sub_get(store, "f", "a@b", NULL), BELFRY_ENOENT);
	assert_int_equal(decide("a@b/r0", true), BELFRY_OK);
	assert_false(got.created);
	assert_string_equal(notices(), "ddda");
}

static void what_was_taken_back_is_no_request(void **state_)
{
	(void)state_;
	put(PENDING_NONE, PENDING_WITHDRAWN);
	for (int allow = 0; allow < 2; allow++)
		assert_int_equal(decide("a@b", allow), BELFRY_ENOENT);
	assert_int_equal(state(), PENDING_WITHDRAWN);
	assert_int_equal(sync_sub_get(store, "f", "a@b", NULL), BELFRY_ENOENT);
	assert_string_equal(notices(), "");
}

/* A row without a notice would be one that nobody knows of. */
static void there_is_no_room_to_tell(void **state_)
{
	(void)state_;
	put(PENDING_NONE, PENDING_OWNERS);
	memory_set_full(memory, true);
	for (int allow = 0; allow < 2; allow++)
		assert_int_equal(decide("a@b", allow), BELFRY_EFULL);
	assert_int_equal(state(), PENDING_OWNERS);
	assert_int_equal(sync_sub_get(store, "f", "a@b", NULL), BELFRY_ENOENT);
	memory_set_full(memory, false);
	assert_int_equal(decide("a@b", true), BELFRY_OK);
}

/* A no that comes too late: nobody is told, and nothing is remembered. */
static void who_follows_is_not_denied(void **state_)
{
	static const enum pending_state states[] = {PENDING_OWNERS, PENDING_DENIED};

	(void)state_;
	assert_int_equal(sync_join(store, "f", "a@b", FORMAT_CHAT, NULL, NULL),
			 BELFRY_OK);
	for (size_t i = 0; i < 2; i++) {
		put(PENDING_NONE, states[i]);
		assert_int_equal(decide("a@b", false), BELFRY_ENOENT);
		assert_int_equal(state(), PENDING_NONE);
	}
	assert_string_equal(notices(), "");
	assert_int_equal(sync_sub_get(store, "f", "a@b", NULL), BELFRY_OK);
}

static void an_invitation_is_not_the_owners_to_answer(void **state_)
{
	(void)state_;
	for (int allow = 0; allow < 2; allow++) {
		assert_int_equal(decide("a@b", allow), BELFRY_ENOENT);
		put(PENDING_NONE, PENDING_PERSON);
		assert_int_equal(decide("a@b", allow), BELFRY_EPENDING);
		put(PENDING_PERSON, PENDING_REFUSED);
		assert_int_equal(decide("a@b", allow), BELFRY_EREFUSED);
		put(PENDING_REFUSED, PENDING_NONE);
	}
	assert_string_equal(notices(), "");
}

static void on_other(void *arg, enum belfry_err err, const struct store_row *row,
		     bool created)
{
	bool *done = arg;

	(void)row;
	(void)created;
	assert_int_equal(err, BELFRY_OK);
	*done = true;
}

/* One of them is second, and its answer counts; a denial does not take leave back. */
static void two_owners_answer_at_once(void **state_)
{
	bool other = false;

	(void)state_;
	put(PENDING_NONE, PENDING_OWNERS);
	store_decide(store, "f", "a@b", true, on_other, &other);
	assert_int_equal(decide("a@b", true), BELFRY_OK);
	sync_until(&other, "the other");
	assert_true(got.follows);
	assert_int_equal(state(), PENDING_NONE);
	assert_string_equal(notices(), "a");
	assert_int_equal(sync_leave(store, "f", "a@b", NULL), BELFRY_OK);
	put(PENDING_NONE, PENDING_OWNERS);
	other = false;
	store_decide(store, "f", "a@b", true, on_other, &other);
	decide("a@b", false);
	sync_until(&other, "the other");
	assert_int_equal(state(), PENDING_NONE);
	assert_int_equal(sync_sub_get(store, "f", "a@b", NULL), BELFRY_OK);
}

static void it_ends_with_the_store(void **state_)
{
	(void)state_;
	put(PENDING_NONE, PENDING_OWNERS);
	memset(&got, 0, sizeof got);
	store_decide(store, "f", "a@b", true, on_decided, NULL);
	store->ops->destroy(store);
	store = NULL;
	assert_true(got.done);
	assert_int_equal(got.err, BELFRY_EAWAY);
}

static void a_feed_is_needed(void **state_)
{
	(void)state_;
	assert_int_equal(sync_feed_delete(store, "f"), BELFRY_OK);
	assert_int_equal(decide("a@b", true), BELFRY_ENOFEED);
	assert_int_equal(decide("a@b", false), BELFRY_ENOFEED);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(who_is_allowed_follows_as_wished),
		TEST(who_is_denied_does_not_follow),
		TEST(any_jid_of_the_person_will_do),
		TEST(what_was_taken_back_is_no_request),
		TEST(there_is_no_room_to_tell),
		TEST(who_follows_is_not_denied),
		TEST(an_invitation_is_not_the_owners_to_answer),
		TEST(two_owners_answer_at_once),
		TEST(it_ends_with_the_store),
		TEST(a_feed_is_needed),
	};

	return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}

#include "access.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define DAY_MS (24 * 3600 * 1000)

static const struct sub_change contact = {
	.set = SUB_SET_CONTACT, .format = FORMAT_CHAT, .options = {.contact = true}};

static struct result subscribe(struct access *f, const char *jid, const char *feed,
			       const struct sub_change *change)
{
	struct result out;
	access_subscribe(f, jid, feed, change, &out);
	access_wait(f, &out);
	return out;
}

static void owners_are_asked_once(void **state)
{
	struct access *f = *state;
	struct result r = subscribe(f, PERSON "/phone", "asks", SUB_FOLLOW(FORMAT_CHAT));
	assert_int_equal(r.err, BELFRY_EPENDING);
	assert_true(r.created);
	assert_false(r.has_sub);
	assert_false(access_follows(f, "asks", PERSON));
	assert_int_equal(access_state(f, "asks", PERSON), 'o');
	assert_string_equal(access_notices(f), "o " PERSON " ");
	uint64_t at_ms = access_pending(f, "asks", PERSON).at_ms;
	/* What is wished for may be another now; they are not asked again. */
	r = subscribe(f, PERSON "/phone", "asks", &contact);
	assert_int_equal(r.err, BELFRY_EPENDING);
	assert_false(r.created);
	assert_string_equal(access_notices(f), "");
	struct store_pending p = access_pending(f, "asks", PERSON);
	assert_int_equal(p.at_ms, at_ms);
	assert_int_equal(p.format, FORMAT_CHAT);
	assert_true(p.options.contact);
	subscribe(f, PERSON "/phone", "asks", SUB_FOLLOW(FORMAT_NORMAL));
	p = access_pending(f, "asks", PERSON);
	assert_int_equal(p.format, FORMAT_NORMAL);
	assert_true(p.options.contact);
	/* A program of somebody who asks already is the same somebody. */
	r = subscribe(f, PERSON "/phone", "asks", SUB_FOLLOW(FORMAT_EVENT));
	assert_int_equal(r.err, BELFRY_EPENDING);
	assert_false(r.created);
	p = access_pending(f, "asks", PERSON);
	assert_string_equal(p.jid, PERSON "/phone");
	assert_int_equal(p.format, FORMAT_EVENT);
	assert_false(p.options.contact);
	r = subscribe(f, PERSON "/test", "asks", SUB_FOLLOW(FORMAT_EVENT));
	assert_int_equal(r.err, BELFRY_EPENDING);
	assert_false(r.created);
	p = access_pending(f, "asks", PERSON);
	assert_string_equal(p.jid, PERSON "/test");
	assert_int_equal(p.at_ms, at_ms);
	assert_string_equal(access_notices(f), "");
	struct result out;
	access_decide(f, OWNER, "asks", PERSON, true, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_OK);
	assert_true(access_follows(f, "asks", PERSON "/test"));
	assert_false(access_follows(f, "asks", PERSON));
	assert_string_equal(access_notices(f), "a " PERSON "/test ");
}

/* Asking, taking it back, and asking again is one request to the owners. */
static void owners_are_asked_once_within_the_hour(void **state)
{
	struct access *f = *state;
	struct result out;
	uint64_t now = clock_wall_ms();
	for (unsigned i = 0; i < 5; i++) {
		struct result r =
			subscribe(f, PERSON "/a", "asks", SUB_FOLLOW(FORMAT_EVENT));
		assert_int_equal(r.err, BELFRY_EPENDING);
		assert_true(r.created);
		assert_int_equal(access_state(f, "asks", PERSON), 'o');
		assert_string_equal(access_notices(f), i ? "" : "o " PERSON "/a ");
		access_unsubscribe(f, i % 2 ? PERSON "/a" : PERSON, "asks", &out);
		assert_int_equal(access_wait(f, &out), BELFRY_EPENDING);
		assert_int_equal(access_state(f, "asks", PERSON), 'w');
		assert_true(access_pending(f, "asks", PERSON).at_ms >= now);
	}
	/* Later it is a request as any other. */
	access_move(f, "asks", PERSON, PENDING_WITHDRAWN, PENDING_NONE);
	access_put(f, "asks", PERSON, PENDING_WITHDRAWN, now - HUB_WITHDRAWN_MS - 1);
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EPENDING);
	assert_string_equal(access_notices(f), "o " PERSON " ");
	/* It is of no matter where it need not ask. */
	access_put(f, "ours", PERSON, PENDING_WITHDRAWN, now);
	assert_int_equal(access_chat(f, PERSON, "ours"), BELFRY_EDENIED);
	access_put(f, "asks", "mia@example.net", PENDING_WITHDRAWN, now);
	assert_int_equal(access_chat(f, "mia@example.net", "asks"), BELFRY_OK);
	assert_int_equal(access_state(f, "asks", "mia@example.net"), '-');
}

static void owners_and_members_need_not_ask(void **state)
{
	struct access *f = *state;
	assert_int_equal(access_chat(f, OWNER "/x", "asks"), BELFRY_OK);
	assert_int_equal(access_chat(f, "mia@example.net/x", "asks"), BELFRY_OK);
	assert_int_equal(access_chat(f, OUTCAST "/x", "asks"), BELFRY_EDENIED);
	assert_int_equal(access_chat(f, OUTCAST "/x", "ours"), BELFRY_EDENIED);
	assert_int_equal(access_chat(f, PERSON, "none"), BELFRY_ENOFEED);
	assert_string_equal(access_notices(f), "");
	/* Who follows goes on, and may change how, though the feed asks by now. */
	world_join_one(&f->w, "asks", PERSON, FORMAT_CHAT);
	struct result r = subscribe(f, PERSON "/x", "asks", &contact);
	assert_int_equal(r.err, BELFRY_OK);
	assert_true(r.options.contact);
	r = subscribe(f, PERSON "/x", "asks", SUB_FOLLOW(FORMAT_EVENT));
	assert_int_equal(r.err, BELFRY_OK);
	assert_true(r.created);
	const struct sub_change mute = {.set = SUB_SET_MUTED,
					.format = FORMAT_CHAT,
					.only_existing = true,
					.options = {.muted_until_ms = 5}};
	assert_int_equal(subscribe(f, PERSON "/x", "asks", &mute).err, BELFRY_OK);
	assert_int_equal(subscribe(f, "a@example.net", "asks", &mute).err, BELFRY_ENOENT);
	assert_int_equal(subscribe(f, "a@example.net", "ours", &mute).err,
			 BELFRY_EDENIED);
	assert_string_equal(access_notices(f), "");
	/* An outcast may not, though a row is left of it. */
	world_join_one(&f->w, "asks", OUTCAST, FORMAT_CHAT);
	assert_int_equal(subscribe(f, OUTCAST, "asks", &mute).err, BELFRY_EDENIED);
}

static void a_denial_holds_for_a_day(void **state)
{
	struct access *f = *state;
	uint64_t now = clock_wall_ms();
	access_put(f, "asks", PERSON, PENDING_DENIED, now - DAY_MS + 60000);
	access_put(f, "asks", "b@example.net", PENDING_DENIED, now - DAY_MS - 1);
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EDENIED);
	assert_int_equal(access_state(f, "asks", PERSON), 'd');
	assert_int_equal(access_chat(f, "b@example.net", "asks"), BELFRY_EPENDING);
	assert_string_equal(access_notices(f), "o b@example.net ");
	assert_true(access_pending(f, "asks", "b@example.net").at_ms >= now);
}

/* Any resource may be made up: a no to one is a no to all. */
static void a_denial_holds_for_every_resource(void **state)
{
	struct access *f = *state;
	struct result out;
	struct result r = subscribe(f, PERSON "/r0", "asks", SUB_FOLLOW(FORMAT_EVENT));
	assert_int_equal(r.err, BELFRY_EPENDING);
	access_decide(f, OWNER, "asks", PERSON "/r0", false, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_OK);
	r = subscribe(f, PERSON "/r1", "asks", SUB_FOLLOW(FORMAT_EVENT));
	assert_int_equal(r.err, BELFRY_EDENIED);
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EDENIED);
	assert_string_equal(access_notices(f), "o " PERSON "/r0 d " PERSON "/r0 ");
}

static void who_was_invited_is_let_in(void **state)
{
	static const char *const feeds[] = {"asks", "ours"};
	struct access *f = *state;
	for (size_t i = 0; i < 2; i++) {
		access_invite(f, feeds[i], PERSON);
		struct result r = subscribe(f, PERSON "/x", feeds[i], &contact);
		assert_int_equal(r.err, BELFRY_OK);
		assert_true(r.created);
		/* As it was meant, and as it is wished. */
		assert_int_equal(r.sub.format, FORMAT_HEADLINE);
		assert_int_equal(r.options.at_least, PRIORITY_HIGH);
		assert_true(r.options.contact);
		assert_int_equal(access_state(f, feeds[i], PERSON), '-');
		assert_string_equal(access_notices(f), "p " PERSON " ");
		/* It may change that later. */
		assert_int_equal(access_chat(f, PERSON, feeds[i]), BELFRY_OK);
	}
	access_invite(f, "ours", "b@example.net");
	struct result r =
		subscribe(f, "b@example.net/x", "ours", SUB_FOLLOW(FORMAT_EVENT));
	assert_int_equal(r.err, BELFRY_OK);
	assert_int_equal(r.sub.format, FORMAT_EVENT);
	assert_int_equal(access_state(f, "ours", "b@example.net"), '-');
	access_invite(f, "ours", OUTCAST);
	assert_int_equal(access_chat(f, OUTCAST, "ours"), BELFRY_EDENIED);
}

static void who_refused_may_think_again(void **state)
{
	struct access *f = *state;
	world_feed(&f->w, "open", "{\"access\":\"open\"}");
	access_put(f, "open", PERSON, PENDING_REFUSED, 1);
	access_put(f, "asks", PERSON, PENDING_REFUSED, 1);
	access_put(f, "ours", PERSON, PENDING_REFUSED, 1);
	assert_int_equal(access_chat(f, PERSON, "open"), BELFRY_OK);
	assert_int_equal(access_state(f, "open", PERSON), '-');
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EPENDING);
	assert_int_equal(access_state(f, "asks", PERSON), 'o');
	/* Where it is not let in it may at least be invited again. */
	assert_int_equal(access_chat(f, PERSON, "ours"), BELFRY_EDENIED);
	assert_int_equal(access_state(f, "ours", PERSON), '-');
	access_put(f, "open", "b@example.net", PENDING_OWNERS, 1);
	assert_int_equal(access_chat(f, "b@example.net", "open"), BELFRY_OK);
	assert_int_equal(access_state(f, "open", "b@example.net"), '-');
}

static void tags_that_are_too_long(void **state)
{
	struct access *f = *state;
	struct sub_change tags = {.set = SUB_SET_FORMAT | SUB_SET_TAGS,
				  .format = FORMAT_CHAT};
	for (size_t i = 0; i < SUB_TAGS_MAX; i++) {
		memset(tags.options.tags[i], 'a' + (int)i, SUB_TAG_MAX);
		tags.options.tag_count++;
	}
	assert_int_equal(subscribe(f, PERSON, "asks", &tags).err, BELFRY_EINVAL);
	assert_int_equal(access_state(f, "asks", PERSON), '-');
}

static void there_is_no_room(void **state)
{
	struct access *f = *state;
	f->h.per_jid = limits_create(1, 10);
	memory_set_full(f->w.memory, true);
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EFULL);
	memory_set_full(f->w.memory, false);
	/* That did not count. */
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EPENDING);
	memory_set_away(f->w.memory, true);
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_EAWAY);
	memory_set_away(f->w.memory, false);
}

static void so_many_in_an_hour(void **state)
{
	struct access *f = *state;
	char feed[16];
	f->h.per_jid = limits_create(3, 100);
	f->h.per_domain = limits_create(5, 100);
	for (unsigned i = 0; i < 10; i++) {
		snprintf(feed, sizeof(feed), "f%u", i);
		world_feed(&f->w, feed,
			   i % 2 ? "{\"access\":\"open\"}"
				 : "{\"access\":\"authorize\",\"owners\":[\"" OWNER
				   "\"]}");
	}
	assert_int_equal(access_chat(f, PERSON "/a", "f0"), BELFRY_EPENDING);
	assert_int_equal(access_chat(f, PERSON "/b", "f1"), BELFRY_OK);
	/* What makes nothing does not count. */
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(access_chat(f, PERSON "/a", "f0"), BELFRY_EPENDING);
		assert_int_equal(access_chat(f, PERSON "/a", "f1"), BELFRY_OK);
		assert_int_equal(access_chat(f, PERSON "/a", "ours"), BELFRY_EDENIED);
		assert_int_equal(access_chat(f, PERSON "/a", "none"), BELFRY_ENOFEED);
	}
	assert_int_equal(access_chat(f, PERSON, "f2"), BELFRY_EPENDING);
	assert_int_equal(access_chat(f, PERSON, "f3"), BELFRY_ELIMIT);
	assert_int_equal(access_chat(f, PERSON, "f4"), BELFRY_ELIMIT);
	assert_int_equal(f->h.limited, 2);
	assert_false(access_follows(f, "f3", PERSON));
	assert_int_equal(access_state(f, "f4", PERSON), '-');
	/* An invitation is no flood of its own. */
	access_invite(f, "f5", PERSON);
	assert_int_equal(access_chat(f, PERSON, "f5"), BELFRY_OK);
	/* The domain's; whoever met it has lost nothing of his own. */
	assert_int_equal(access_chat(f, "b@example.net", "f1"), BELFRY_OK);
	assert_int_equal(access_chat(f, "b@example.net", "f3"), BELFRY_OK);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(access_chat(f, "c@example.net", "f1"), BELFRY_ELIMIT);
	assert_int_equal(access_chat(f, "c@example.com", "f1"), BELFRY_OK);
	/* Ours counts for each one alone. */
	for (char name[] = "a@example.org"; name[0] < 'k'; name[0]++)
		assert_int_equal(access_chat(f, name, "f1"), BELFRY_OK);
	world_skip(12 * 60 * 1000);
	assert_int_equal(access_chat(f, "c@example.net", "f1"), BELFRY_OK);
	world_skip(12 * 60 * 1000);
	assert_int_equal(access_chat(f, PERSON, "f3"), BELFRY_OK);
	assert_int_equal(access_chat(f, PERSON, "f4"), BELFRY_ELIMIT);
}

/* ---- What is seen ---- */

static void on_feed(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct result *out = arg;
	out->err = err;
	out->has_sub = feed != NULL;
	out->done = true;
}

static enum belfry_err see(struct access *f, const char *who, const char *feed)
{
	struct result out = {0};
	struct xmpp_hub x = hub_for(&f->h);
	x.ops->feed(x.hub, who, feed, on_feed, &out);
	access_wait(f, &out);
	assert_int_equal(out.has_sub, out.err == BELFRY_OK);
	return out.err;
}

static void on_items(void *arg, enum belfry_err err, const struct hub_item *items,
		     size_t count)
{
	struct result *out = arg;
	(void)items;
	out->err = err;
	out->count = count;
	out->done = true;
}

static enum belfry_err read_items(struct access *f, const char *who, const char *feed)
{
	struct result out = {0};
	struct xmpp_hub x = hub_for(&f->h);
	x.ops->items(x.hub, who, feed, NULL, 0, 10, on_items, &out);
	access_wait(f, &out);
	assert_int_equal(out.count, out.err == BELFRY_OK ? 1 : 0);
	return out.err;
}

static void who_sees_and_who_reads(void **state)
{
	struct access *f = *state;
	world_commit(&f->w, "asks", "{\"title\":\"a\"}");
	world_commit(&f->w, "ours", "{\"title\":\"a\"}");
	assert_int_equal(see(f, PERSON, "asks"), BELFRY_OK);
	assert_int_equal(see(f, OUTCAST, "asks"), BELFRY_EDENIED);
	assert_int_equal(see(f, PERSON, "ours"), BELFRY_EDENIED);
	assert_int_equal(see(f, PERSON, "none"), BELFRY_ENOFEED);
	assert_int_equal(read_items(f, PERSON "/x", "asks"), BELFRY_EDENIED);
	assert_int_equal(read_items(f, OWNER "/x", "asks"), BELFRY_OK);
	assert_int_equal(read_items(f, "mia@example.net", "asks"), BELFRY_OK);
	/* Who is invited may look at what is offered. */
	access_invite(f, "ours", PERSON);
	assert_int_equal(see(f, PERSON "/x", "ours"), BELFRY_OK);
	assert_int_equal(read_items(f, PERSON "/x", "ours"), BELFRY_EDENIED);
	assert_int_equal(see(f, "b@example.net/x", "ours"), BELFRY_EDENIED);
	world_join_one(&f->w, "ours", "b@example.net/x", FORMAT_EVENT);
	world_join_one(&f->w, "asks", PERSON, FORMAT_CHAT);
	assert_int_equal(see(f, "b@example.net/x", "ours"), BELFRY_OK);
	assert_int_equal(read_items(f, "b@example.net/x", "ours"), BELFRY_OK);
	assert_int_equal(read_items(f, "b@example.net/y", "ours"), BELFRY_EDENIED);
	assert_int_equal(read_items(f, PERSON "/x", "asks"), BELFRY_OK);
	world_join_one(&f->w, "asks", OUTCAST, FORMAT_CHAT);
	access_invite(f, "ours", OUTCAST);
	assert_int_equal(read_items(f, OUTCAST, "asks"), BELFRY_EDENIED);
	assert_int_equal(see(f, OUTCAST, "asks"), BELFRY_EDENIED);
	assert_int_equal(see(f, OUTCAST, "ours"), BELFRY_EDENIED);
}

static enum belfry_err subscription(struct access *f, const char *jid)
{
	struct result out;
	access_subscription(f, jid, "asks", &out);
	return access_wait(f, &out);
}

static void one_s_own_subscription(void **state)
{
	struct access *f = *state;
	assert_int_equal(subscription(f, PERSON), BELFRY_ENOENT);
	access_chat(f, PERSON, "asks");
	assert_int_equal(subscription(f, PERSON), BELFRY_EPENDING);
	access_move(f, "asks", PERSON, PENDING_OWNERS, PENDING_DENIED);
	assert_int_equal(subscription(f, PERSON), BELFRY_ENOENT);
	world_join_one(&f->w, "asks", PERSON, FORMAT_CHAT);
	assert_int_equal(subscription(f, PERSON), BELFRY_OK);
}

/* Whatever is outstanding, it is answered, and nothing is left. */
static void the_store_goes_away(void **state)
{
	(void)state;
	for (unsigned turns = 0; turns < 10; turns++) {
		void *mine;
		struct result out[4];
		access_set_up(&mine);
		struct access *f = mine;
		access_invite(f, "ours", PERSON);
		access_subscribe(f, PERSON, "asks", SUB_FOLLOW(FORMAT_CHAT), &out[0]);
		access_unsubscribe(f, PERSON, "asks", &out[1]);
		access_decide(f, OWNER, "asks", PERSON, true, &out[2]);
		access_answer(f, PERSON, "ours", true, &out[3]);
		world_turns(&f->w, turns);
		access_tear_down(&mine);
		for (size_t i = 0; i < 4; i++)
			assert_true(out[i].done);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, access_set_up, access_tear_down)
		TEST(owners_are_asked_once),
		TEST(owners_are_asked_once_within_the_hour),
		TEST(owners_and_members_need_not_ask),
		TEST(a_denial_holds_for_a_day),
		TEST(a_denial_holds_for_every_resource),
		TEST(who_was_invited_is_let_in),
		TEST(who_refused_may_think_again),
		TEST(tags_that_are_too_long),
		TEST(there_is_no_room),
		TEST(so_many_in_an_hour),
		TEST(who_sees_and_who_reads),
		TEST(one_s_own_subscription),
		cmocka_unit_test(the_store_goes_away),
	};
	return cmocka_run_group_tests_name("work/access", tests, NULL, NULL);
}

#include "access.h"

#include <belfry/base/clock.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void add(struct result *out, const char *word, const char *jid)
{
	size_t at = strlen(out->text);
	snprintf(out->text + at, sizeof(out->text) - at, "%s%s%s ", word,
		 *word ? ":" : "", jid);
}

static void on_requests(void *arg, enum belfry_err err, const struct hub_request *list,
			size_t count, bool more)
{
	struct result *out = arg;
	out->err = err;
	out->more = more;
	out->count = count;
	for (size_t i = 0; i < count; i++)
		add(out, "", list[i].jid);
	out->done = true;
}

static struct result requests(struct access *f, const char *owner, size_t limit)
{
	struct result out = {0};
	struct xmpp_hub x = hub_for(&f->h);
	x.ops->requests(x.hub, owner, "asks", limit, on_requests, &out);
	access_wait(f, &out);
	return out;
}

static void on_affiliations(void *arg, enum belfry_err err,
			    const struct hub_affiliation *list, size_t count)
{
	struct result *out = arg;
	out->err = err;
	for (size_t i = 0; i < count; i++)
		add(out, feed_affiliation_text(list[i].affiliation), list[i].jid);
	out->done = true;
}

static struct result affiliations(struct access *f, const char *owner)
{
	struct result out = {0};
	struct xmpp_hub x = hub_for(&f->h);
	x.ops->affiliations(x.hub, owner, "asks", on_affiliations, &out);
	access_wait(f, &out);
	return out;
}

static struct result affiliation(struct access *f, const char *who, const char *feed)
{
	struct result out = {0};
	struct xmpp_hub x = hub_for(&f->h);
	x.ops->affiliation(x.hub, who, feed, on_affiliations, &out);
	access_wait(f, &out);
	return out;
}

static void on_done(void *arg, enum belfry_err err)
{
	struct result *out = arg;
	out->err = err;
	out->done = true;
}

static void begin_affiliate(struct access *f, const char *owner, const char *feed,
			    const char *jid, enum feed_affiliation a, struct result *out)
{
	const struct hub_affiliation list[] = {{jid, a}};
	struct xmpp_hub x = hub_for(&f->h);
	*out = (struct result){0};
	x.ops->affiliate(x.hub, owner, feed, list, 1, on_done, out);
}

static enum belfry_err affiliate(struct access *f, const char *owner, const char *jid,
				 enum feed_affiliation a)
{
	struct result out;
	begin_affiliate(f, owner, "asks", jid, a, &out);
	access_wait(f, &out);
	access_sweep(f);
	return out.err;
}

static void requests_are_listed(void **state)
{
	struct access *f = *state;
	char jid[64];
	assert_int_equal(requests(f, PERSON, 10).err, BELFRY_EDENIED);
	struct result r = requests(f, OWNER "/x", 10);
	assert_int_equal(r.err, BELFRY_OK);
	assert_int_equal(r.count, 0);
	access_put(f, "asks", "c@example.net", PENDING_OWNERS, 3);
	access_put(f, "asks", "a@example.net", PENDING_OWNERS, 1);
	access_put(f, "asks", "i@example.net", PENDING_PERSON, 1);
	access_put(f, "asks", "d@example.net", PENDING_DENIED, 1);
	access_put(f, "asks", "r@example.net", PENDING_REFUSED, 1);
	access_put(f, "asks", OUTCAST, PENDING_OWNERS, 1);
	access_put(f, "asks", "b@example.net", PENDING_OWNERS, 2);
	r = requests(f, OWNER "/x", 3);
	assert_string_equal(r.text, "a@example.net b@example.net c@example.net ");
	assert_false(r.more);
	assert_true(requests(f, OWNER, 2).more);
	/* More than a page of them, and behind others. */
	for (unsigned i = 0; i < 1500; i++) {
		snprintf(jid, sizeof(jid), "p%04u@example.net", i);
		access_put(f, "asks", jid, i < 1400 ? PENDING_DENIED : PENDING_OWNERS, 9);
	}
	r = requests(f, OWNER, 1000);
	assert_int_equal(r.count, 3 + 100);
	assert_false(r.more);
	for (unsigned i = 1500; i < 1700; i++) {
		snprintf(jid, sizeof(jid), "p%04u@example.net", i);
		access_put(f, "asks", jid, PENDING_OWNERS, 9);
	}
	r = requests(f, OWNER, 1000);
	assert_int_equal(r.count, 200);
	assert_true(r.more);
}

static void affiliations_are_shown(void **state)
{
	struct access *f = *state;
	assert_string_equal(affiliations(f, OWNER "/x").text,
			    "owner:" OWNER " owner:" OWNER2
			    " member:mia@example.net outcast:" OUTCAST " ");
	assert_int_equal(affiliations(f, PERSON).err, BELFRY_EDENIED);
	assert_int_equal(affiliations(f, "mia@example.net").err, BELFRY_EDENIED);
	assert_string_equal(affiliation(f, OWNER "/x", "asks").text, "owner:" OWNER " ");
	assert_string_equal(affiliation(f, "mia@example.net", "asks").text,
			    "member:mia@example.net ");
	assert_string_equal(affiliation(f, PERSON "/y", "asks").text, "none:" PERSON " ");
	assert_int_equal(affiliation(f, OUTCAST, "asks").err, BELFRY_EDENIED);
	assert_int_equal(affiliation(f, PERSON, "ours").err, BELFRY_EDENIED);
	assert_int_equal(affiliation(f, PERSON, "none").err, BELFRY_ENOFEED);
}

static void affiliations_are_set(void **state)
{
	struct access *f = *state;
	const struct hub_affiliation list[] = {{PERSON, AFFILIATION_MEMBER},
					       {"example.com", AFFILIATION_OUTCAST},
					       {OWNER2, AFFILIATION_NONE}};
	struct xmpp_hub x = hub_for(&f->h);
	struct result out = {0};
	assert_int_equal(affiliate(f, PERSON, PERSON, AFFILIATION_OWNER), BELFRY_EDENIED);
	x.ops->affiliate(x.hub, OWNER "/x", "asks", list, 3, on_done, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_OK);
	assert_string_equal(affiliations(f, OWNER).text,
			    "owner:" OWNER " member:mia@example.net member:" PERSON
			    " outcast:" OUTCAST " outcast:example.com ");
	assert_int_equal(access_chat(f, PERSON, "asks"), BELFRY_OK);
	/* All or nothing. */
	const struct hub_affiliation bad[] = {{"b@example.net", AFFILIATION_MEMBER},
					      {OWNER, AFFILIATION_NONE}};
	out.done = false;
	x.ops->affiliate(x.hub, OWNER, "asks", bad, 2, on_done, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_EDENIED);
	assert_null(strstr(affiliations(f, OWNER).text, "b@example.net"));
	assert_int_equal(affiliate(f, OWNER, "example.com", AFFILIATION_OWNER),
			 BELFRY_EINVAL);
}

/* The successor may be named first, or last. */
static void a_feed_is_handed_over(void **state)
{
	struct access *f = *state;
	struct hub_affiliation list[] = {{OWNER, AFFILIATION_NONE},
					 {OWNER2, AFFILIATION_MEMBER},
					 {PERSON, AFFILIATION_OWNER}};
	struct xmpp_hub x = hub_for(&f->h);
	struct result out = {0};
	x.ops->affiliate(x.hub, OWNER, "asks", list, 3, on_done, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_OK);
	assert_non_null(strstr(affiliations(f, PERSON).text, "owner:" PERSON " member:"));
	list[0] = (struct hub_affiliation){OWNER, AFFILIATION_OWNER};
	list[1] = (struct hub_affiliation){PERSON, AFFILIATION_NONE};
	out.done = false;
	x.ops->affiliate(x.hub, PERSON, "asks", list, 2, on_done, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_OK);
	assert_non_null(strstr(affiliations(f, OWNER).text, "owner:" OWNER " member:"));
}

/* Each change is made to what the other one left. */
static void two_owners_set_at_once(void **state)
{
	struct access *f = *state;
	for (unsigned i = 0; i < 8; i++) {
		struct result a, b;
		begin_affiliate(f, OWNER, "asks", "x@example.net", AFFILIATION_MEMBER,
				&a);
		world_turns(&f->w, i);
		begin_affiliate(f, OWNER2, "asks", "y@example.net", AFFILIATION_MEMBER,
				&b);
		assert_int_equal(access_wait(f, &a), BELFRY_OK);
		assert_int_equal(access_wait(f, &b), BELFRY_OK);
		struct result r = affiliations(f, OWNER);
		assert_non_null(strstr(r.text, "member:x@example.net "));
		assert_non_null(strstr(r.text, "member:y@example.net "));
		affiliate(f, OWNER, "x@example.net", AFFILIATION_NONE);
		affiliate(f, OWNER, "y@example.net", AFFILIATION_NONE);
	}
}

static void outcasts_follow_no_more(void **state)
{
	struct access *f = *state;
	world_join_one(&f->w, "asks", PERSON, FORMAT_CHAT);
	world_join_one(&f->w, "asks", PERSON "/prog", FORMAT_EVENT);
	world_join_one(&f->w, "asks", "b@example.net", FORMAT_CHAT);
	access_put(f, "asks", "c@example.net", PENDING_OWNERS, 1);
	access_put(f, "asks", "d@example.net", PENDING_DENIED, 1);
	assert_int_equal(affiliate(f, OWNER, PERSON, AFFILIATION_OUTCAST), BELFRY_OK);
	assert_false(access_follows(f, "asks", PERSON));
	assert_false(access_follows(f, "asks", PERSON "/prog"));
	assert_true(access_follows(f, "asks", "b@example.net"));
	assert_string_equal(access_notices(f), "w " PERSON "=c w " PERSON "/prog=e ");
	assert_int_equal(affiliate(f, OWNER, "c@example.net", AFFILIATION_OUTCAST),
			 BELFRY_OK);
	assert_int_equal(access_state(f, "asks", "c@example.net"), '-');
	assert_string_equal(access_notices(f), "t c@example.net=c ");
	assert_int_equal(affiliate(f, OWNER, "d@example.net", AFFILIATION_OUTCAST),
			 BELFRY_OK);
	assert_int_equal(access_state(f, "asks", "d@example.net"), '-');
	access_put(f, "asks", "e@example.net", PENDING_REFUSED, 1);
	assert_int_equal(affiliate(f, OWNER, "e@example.net", AFFILIATION_OUTCAST),
			 BELFRY_OK);
	assert_int_equal(access_state(f, "asks", "e@example.net"), 'r');
	/* They know. */
	assert_string_equal(access_notices(f), "");
}

/* Nor do those wait whom nobody named: of a domain, and full JIDs. */
static void outcasts_wait_no_more(void **state)
{
	struct access *f = *state;
	static const enum pending_state states[] = {PENDING_OWNERS, PENDING_PERSON,
						    PENDING_INVITED, PENDING_DENIED,
						    PENDING_REFUSED};
	enum { WAIT = 1000, STATES = sizeof(states) / sizeof(states[0]) };
	char jid[64];
	access_put(f, "asks", PERSON "/prog", PENDING_OWNERS, 1);
	for (unsigned i = 0; i < WAIT; i++) {
		snprintf(jid, sizeof(jid), "w%u@example.%s", i, i % 10 ? "com" : "net");
		access_put(f, "asks", jid, states[i % STATES], 1);
	}
	world_join_one(&f->w, "asks", "r@example.com", FORMAT_CHAT);
	assert_int_equal(affiliate(f, OWNER, PERSON, AFFILIATION_OUTCAST), BELFRY_OK);
	access_sweep(f);
	assert_int_equal(access_state(f, "asks", PERSON "/prog"), '-');
	assert_int_equal(affiliate(f, OWNER, "example.com", AFFILIATION_OUTCAST),
			 BELFRY_OK);
	access_sweep(f);
	for (unsigned i = 0; i < WAIT; i++) {
		bool stays = i % 10 == 0 || states[i % STATES] == PENDING_REFUSED;
		snprintf(jid, sizeof(jid), "w%u@example.%s", i, i % 10 ? "com" : "net");
		assert_int_equal(access_state(f, "asks", jid),
				 stays ? (char)states[i % STATES] : '-');
	}
	assert_false(access_follows(f, "asks", "r@example.com"));
	unsigned followers = 0, others = 0;
	for (const char *n; (n = access_notices(f))[0] != '\0'; others++)
		followers += strstr(n, "w r@example.com=c ") != NULL;
	assert_int_equal(followers, 1);
	assert_true(others > 0);
}

/* Whatever they had, and in the way that they had it. */
static void outcasts_are_told_once(void **state)
{
	struct access *f = *state;
	const struct sub_change contact = {.set = SUB_SET_CONTACT,
					   .format = FORMAT_CHAT,
					   .options = {.contact = true}};
	world_join_one(&f->w, "asks", "e@example.net", FORMAT_EVENT);
	world_change(&f->w, "asks", "c@example.net", &contact);
	access_invite(f, "asks", "i@example.net");
	assert_string_equal(access_notices(f), "p i@example.net ");
	access_move(f, "asks", "i@example.net", PENDING_PERSON, PENDING_INVITED);
	access_invite(f, "asks", "unborn@example.net");
	assert_string_equal(access_notices(f), "p unborn@example.net ");
	access_put(f, "asks", "o@example.net", PENDING_OWNERS, 1);
	/* Half of a crash: it waits, and follows. */
	access_put(f, "asks", "b@example.net", PENDING_OWNERS, 1);
	world_join_one(&f->w, "asks", "b@example.net", FORMAT_HEADLINE);
	static const struct {
		const char *jid, *notices;
	} outcasts[] = {
		{"e@example.net", "w e@example.net=e "},
		{"c@example.net", "w c@example.net=c+ "},
		{"i@example.net", "u i@example.net=c "},
		{"unborn@example.net", ""}, /* never heard that it was invited */
		{"o@example.net", "t o@example.net=c "},
		{"b@example.net", "w b@example.net=h "},
		{"nobody@example.net", ""},
	};
	for (unsigned again = 0; again < 2; again++)
		for (size_t i = 0; i < sizeof(outcasts) / sizeof(outcasts[0]); i++) {
			affiliate(f, OWNER, outcasts[i].jid, AFFILIATION_OUTCAST);
			assert_string_equal(access_notices(f),
					    again ? "" : outcasts[i].notices);
			assert_int_equal(access_state(f, "asks", outcasts[i].jid), '-');
			assert_false(access_follows(f, "asks", outcasts[i].jid));
		}
}

static const struct store_ops *real;
static uint64_t page_ms;
static unsigned pages;

static void watch_pages(struct store *s, const char *feed, uint32_t cursor, size_t limit,
			store_rows_cb cb, void *arg)
{
	uint64_t now = clock_mono_ms();
	assert_true(!page_ms || now - page_ms >= 4);
	page_ms = now;
	pages++;
	real->sub_list(s, feed, cursor, limit, cb, arg);
}

/* Others have their turn between two pages. */
static void a_sweep_takes_its_time(void **state)
{
	struct access *f = *state;
	struct store_ops watched = *f->w.app->ops;
	struct result out;
	real = f->w.app->ops;
	page_ms = pages = 0;
	world_join(&f->w, "asks", "r", 2000, FORMAT_CHAT);
	watched.sub_list = watch_pages;
	f->w.app->ops = &watched;
	begin_affiliate(f, OWNER, "asks", "example.com", AFFILIATION_OUTCAST, &out);
	access_wait(f, &out);
	access_take_sweeps(f);
	while (sweeps_count(f->sweeps))
		world_turns(&f->w, 1);
	f->w.app->ops = real;
	assert_in_range(pages, 5, 100);
}

static void outcasts_of_a_large_feed(void **state)
{
	struct access *f = *state;
	char jid[64];
	enum { ROWS = 3000 };
	for (unsigned i = 0; i < ROWS; i++) {
		snprintf(jid, sizeof(jid), "r%u@example.%s", i, i % 10 ? "com" : "net");
		world_join_one(&f->w, "asks", jid, FORMAT_CHAT);
	}
	assert_int_equal(affiliate(f, OWNER, "example.net", AFFILIATION_OUTCAST),
			 BELFRY_OK);
	/* One that begins while another is under way misses nothing. */
	for (unsigned i = 0; i < 30; i++) {
		struct result a, b;
		snprintf(jid, sizeof(jid), "a%u.example", i);
		begin_affiliate(f, OWNER, "asks", jid, AFFILIATION_OUTCAST, &a);
		access_wait(f, &a);
		access_take_sweeps(f);
		world_turns(&f->w, i);
		for (char late[] = "a@example.net"; late[0] < 'e'; late[0]++)
			world_join_one(&f->w, "asks", late, FORMAT_CHAT);
		snprintf(jid, sizeof(jid), "b%u.example", i);
		begin_affiliate(f, OWNER, "asks", jid, AFFILIATION_OUTCAST, &b);
		access_wait(f, &b);
		access_sweep(f);
		for (char late[] = "a@example.net"; late[0] < 'e'; late[0]++)
			assert_false(access_follows(f, "asks", late));
	}
	assert_int_equal(world_feed_get(&f->w, "asks").subscribers, ROWS * 9 / 10);
	for (unsigned i = 0; i < ROWS; i += 97) {
		snprintf(jid, sizeof(jid), "r%u@example.%s", i, i % 10 ? "com" : "net");
		assert_int_equal(access_follows(f, "asks", jid), i % 10 != 0);
	}
}

/* Whoever is being made one does not slip in. */
static void an_outcast_subscribes_meanwhile(void **state)
{
	struct access *f = *state;
	for (unsigned i = 0; i < 24; i++) {
		struct result a, b;
		if (i & 1)
			access_subscribe(f, "mia@example.net", "asks",
					 SUB_FOLLOW(FORMAT_CHAT), &a);
		else
			begin_affiliate(f, OWNER, "asks", "mia@example.net",
					AFFILIATION_OUTCAST, &a);
		world_turns(&f->w, i / 2);
		if (i & 1)
			begin_affiliate(f, OWNER, "asks", "mia@example.net",
					AFFILIATION_OUTCAST, &b);
		else
			access_subscribe(f, "mia@example.net", "asks",
					 SUB_FOLLOW(FORMAT_CHAT), &b);
		access_wait(f, &a);
		access_wait(f, &b);
		assert_false(access_follows(f, "asks", "mia@example.net"));
		affiliate(f, OWNER, "mia@example.net", AFFILIATION_MEMBER);
	}
}

static void a_feed_goes_while_its_outcasts_do(void **state)
{
	struct access *f = *state;
	struct result out;
	for (unsigned i = 0; i < 50; i++) {
		char jid[64];
		snprintf(jid, sizeof(jid), "r%u@example.com", i);
		world_join_one(&f->w, "asks", jid, FORMAT_CHAT);
	}
	begin_affiliate(f, OWNER, "asks", "example.com", AFFILIATION_OUTCAST, &out);
	assert_int_equal(access_wait(f, &out), BELFRY_OK);
	access_take_sweeps(f);
	world_turns(&f->w, 20);
	assert_non_null(f->h.sweeps);
	access_delete(f, "asks");
	access_sweep(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, access_set_up, access_tear_down)
		TEST(requests_are_listed),
		TEST(affiliations_are_shown),
		TEST(affiliations_are_set),
		TEST(a_feed_is_handed_over),
		TEST(two_owners_set_at_once),
		TEST(outcasts_follow_no_more),
		TEST(outcasts_wait_no_more),
		TEST(outcasts_are_told_once),
		TEST(a_sweep_takes_its_time),
		TEST(outcasts_of_a_large_feed),
		TEST(an_outcast_subscribes_meanwhile),
		TEST(a_feed_goes_while_its_outcasts_do),
	};
	return cmocka_run_group_tests_name("work/owners", tests, NULL, NULL);
}

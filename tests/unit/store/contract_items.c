#include "../../lib/store/sync.h"
#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct pos nowhere;

void test_items(void **state)
{
	static const char *const ids[] = {"e1", "e2", "e3", "e4", "e5"};
	static const char *const item[] = {"one", "two", "one", "three", "two"};
	const char *const ask[] = {"one", "nothing", "two"};
	struct sync_events *e = calloc(1, sizeof *e);
	(void)state;
	contract_feed("items");
	for (size_t i = 0; i < 5; i++)
		OK(sync_post(A, "items", ids[i], item[i], NULL));
	OK(sync_items(A, "items", NULL, 0, 10, e));
	assert_int_equal(e->count, 3);
	assert_string_equal(e->e[0].id, "e3");
	assert_string_equal(e->e[1].id, "e4");
	assert_string_equal(e->e[2].id, "e5");
	assert_false(e->more);
	OK(sync_items(A, "items", NULL, 0, 2, e));
	assert_int_equal(e->count, 2);
	assert_string_equal(e->e[0].id, "e4");
	assert_true(e->more);
	OK(sync_items(A, "items", ask, 3, 0, e));
	assert_int_equal(e->count, 2);
	assert_string_equal(e->e[0].id, "e3");
	assert_string_equal(e->e[1].id, "e5");
	OK(sync_items(A, "items", ask + 1, 1, 0, e));
	assert_int_equal(e->count, 0);
	IS(sync_items(A, "no-feed", NULL, 0, 2, e), BELFRY_ENOFEED);
	free(e);
}

void test_items_over_pages(void **state)
{
	char id[16];
	struct sync_events *e = calloc(1, sizeof *e);
	(void)state;
	contract_feed("itempages");
	OK(sync_post(A, "itempages", "old", NULL, NULL));
	for (int i = 0; i < 150; i++) {
		snprintf(id, sizeof id, "e%d", i);
		OK(sync_post(A, "itempages", id, "same", NULL));
	}
	OK(sync_items(A, "itempages", NULL, 0, 10, e));
	assert_int_equal(e->count, 2);
	assert_string_equal(e->e[0].id, "old");
	assert_string_equal(e->e[1].id, "e149");
	free(e);
}

/* An event without an item of its own goes by its id, which an item may take over. */
void test_items_by_id(void **state)
{
	const char *const all[] = {"e1", "e2", "e3", "own"};
	const char *const twice[] = {"e3", "own", "e3", "own"};
	const char *const second[] = {"e2"};
	struct sync_events *e = calloc(1, sizeof *e);
	(void)state;
	contract_feed("itemids");
	OK(sync_post(A, "itemids", "e1", NULL, NULL));
	OK(sync_post(A, "itemids", "e2", "own", NULL));
	OK(sync_post(A, "itemids", "e3", NULL, NULL));
	OK(sync_items(A, "itemids", all, 4, 0, e));
	assert_int_equal(e->count, 3);
	assert_string_equal(e->e[0].id, "e1");
	assert_string_equal(e->e[1].id, "e2");
	assert_string_equal(e->e[1].item, "own");
	assert_string_equal(e->e[2].id, "e3");
	assert_string_equal(e->e[2].item, "e3");
	OK(sync_items(A, "itemids", twice, 4, 0, e));
	assert_int_equal(e->count, 2);
	OK(sync_items(A, "itemids", second, 1, 0, e));
	assert_int_equal(e->count, 0);
	OK(sync_post(A, "itemids", "e4", "e1", NULL));
	OK(sync_items(A, "itemids", all, 4, 0, e));
	assert_int_equal(e->count, 3);
	assert_string_equal(e->e[0].id, "e2");
	assert_string_equal(e->e[2].id, "e4");
	OK(sync_items(A, "itemids", NULL, 0, 10, e));
	assert_int_equal(e->count, 3);
	assert_string_equal(e->e[0].id, "e2");
	assert_string_equal(e->e[2].id, "e4");
	OK(sync_trim(A, "itemids", 1, 0)); /* nobody follows: all is settled */
	OK(sync_items(A, "itemids", all, 4, 0, e));
	assert_int_equal(e->count, 1);
	assert_string_equal(e->e[0].item, "e1");
	OK(sync_trim(A, "itemids", 0, 0));
	OK(sync_items(A, "itemids", all, 4, 0, e));
	assert_int_equal(e->count, 0);
	free(e);
}

static struct sync_events *all(struct store *s, const char *feed)
{
	static struct sync_events e;
	OK(sync_events(s, feed, nowhere, false, 1000, &e));
	return &e;
}

static bool is_item(const char *feed, const char *item)
{
	static struct sync_events e;
	OK(sync_items(A, feed, &item, 1, 0, &e));
	return e.count == 1;
}

/* Who reads the log is told what of it was used again. */
void test_used_again(void **state)
{
	static struct sync_events e;
	struct store_commit c = {
		.feed = "used-again", .id = "e9", .item = "x", .doc = "{}"};
	struct pos p[6];
	(void)state;
	c.doc_len = 2;
	contract_feed("used-again");
	OK(sync_post(A, "used-again", "e0", "x", &p[0]));
	OK(sync_post(A, "used-again", "e1", NULL, &p[1]));
	OK(sync_post(A, "used-again", "e2", "x", &p[2]));
	OK(sync_post(B, "used-again", "e3", "y", &p[3]));
	struct sync_events *log = all(B, "used-again");
	assert_int_equal(log->count, 4);
	assert_true(contract_pos_is(log->e[0].superseded, p[2]));
	assert_false(log->e[0].gone);
	for (size_t i = 1; i < 4; i++)
		assert_true(contract_pos_is(log->e[i].superseded, nowhere));
	OK(sync_commit(A, &c, &p[4], NULL, NULL));
	OK(sync_events(A, "used-again", nowhere, true, 1000,
		       &e)); /* the other way round */
	assert_true(contract_pos_is(e.e[4].superseded, p[2]));
	assert_true(contract_pos_is(e.e[2].superseded, p[4]));
	assert_true(contract_pos_is(e.e[0].superseded, nowhere));
	OK(sync_events(A, "used-again", p[1], false, 1, &e)); /* a page in the middle */
	assert_int_equal(e.count, 1);
	assert_true(contract_pos_is(e.e[0].superseded, p[4]));
	OK(sync_events(A, "used-again", p[2], true, 1, &e));
	assert_true(contract_pos_is(e.e[0].superseded, nowhere));
	OK(sync_events(A, "used-again", p[2], true, 2, &e));
	assert_true(contract_pos_is(e.e[1].superseded, p[2]));
}

void test_retract(void **state)
{
	struct pos p[8];
	struct store_commit c = {.feed = "retract",
				 .id = "e0",
				 .item = "an item",
				 .priority = PRIORITY_HIGH,
				 .at_ms = 4711,
				 .doc = "{}",
				 .doc_len = 2};
	(void)state;
	IS(sync_retract(A, "no-feed", "x", "r0", nowhere, NULL), BELFRY_ENOFEED);
	contract_feed("retract");
	OK(sync_commit(A, &c, &p[0], NULL, NULL));
	IS(sync_retract(A, "retract", "other", "r0", p[0], NULL), BELFRY_ENOENT);
	c.id = "e1";
	c.at_ms = 4712;
	OK(sync_commit(A, &c, &p[1], NULL, NULL));
	IS(sync_retract(A, "retract", "an item", "r0", p[0], NULL), BELFRY_ESTALE);
	assert_int_equal(all(A, "retract")->count, 2);
	assert_true(is_item("retract", "an item"));
	OK(sync_retract(B, "retract", "an item", "r1", p[1], &p[2]));
	assert_int_equal(p[2].n, p[1].n + 1);
	assert_false(is_item("retract", "an item"));
	assert_false(is_item("retract", "r1"));
	struct sync_events *e = all(A, "retract");
	assert_int_equal(e->count, 3);
	assert_true(contract_pos_is(e->e[0].superseded, p[1]) && !e->e[0].gone);
	assert_true(contract_pos_is(e->e[1].superseded, p[2]) && e->e[1].gone);
	assert_int_equal(e->e[1].kind, EVENT_ITEM);
	assert_int_equal(e->e[2].kind, EVENT_RETRACT);
	assert_string_equal(e->e[2].id, "r1");
	assert_string_equal(e->e[2].item, "an item");
	assert_int_equal(e->e[2].priority, PRIORITY_HIGH);
	assert_int_equal(e->e[2].at_ms, 6000);
	assert_int_equal(e->e[2].retracted.at_ms, 4712);
	assert_true(contract_pos_is(e->e[2].retracted.versions[0], p[1]));
	assert_true(contract_pos_is(e->e[2].retracted.versions[1], p[0]));
	assert_true(contract_pos_is(e->e[2].retracted.versions[2], nowhere));
	struct store_counters counters;
	OK(sync_event_get(A, "retract", "r1", &counters, NULL, &p[3]));
	assert_true(contract_pos_is(p[3], p[2]));
	/* There is no such item any more, until it is used again. */
	IS(sync_retract(A, "retract", "an item", "r2", p[1], NULL), BELFRY_ENOENT);
	IS(sync_retract(A, "retract", "an item", "r2", p[2], NULL), BELFRY_ENOENT);
	c.id = "e2";
	OK(sync_commit(A, &c, &p[4], NULL, NULL));
	assert_true(is_item("retract", "an item"));
	OK(sync_retract(A, "retract", "an item", "r2", p[4], &p[5]));
	e = all(A, "retract");
	assert_int_equal(e->count, 5);
	assert_true(contract_pos_is(e->e[2].superseded, nowhere)); /* not as an item is */
	assert_true(contract_pos_is(e->e[4].retracted.versions[0], p[4]));
	assert_true(contract_pos_is(e->e[4].retracted.versions[1], nowhere));
	static struct sync_events items;
	OK(sync_items(A, "retract", NULL, 0, 10, &items));
	assert_int_equal(items.count, 0);
}

/* Without an item id of its own an event goes by its public one. */
void test_retract_own_item(void **state)
{
	static const char *const id[] = {"01a202d8-9c8a-7000-8000-000000000000",
					 "01a202d8-9c8a-7000-8000-000000000001"};
	struct pos p[4];
	(void)state;
	contract_feed("own");
	OK(sync_post(A, "own", id[0], NULL, &p[0]));
	OK(sync_post(A, "own", id[1], "given", &p[1]));
	IS(sync_retract(A, "own", id[1], "r", p[1], NULL), BELFRY_ENOENT);
	OK(sync_retract(A, "own", id[0], "r", p[0], &p[2]));
	IS(sync_retract(A, "own", id[0], "r", p[0], NULL), BELFRY_ENOENT);
	assert_false(is_item("own", id[0]));
	struct sync_events *e = all(A, "own");
	assert_true(e->e[0].gone && contract_pos_is(e->e[0].superseded, p[2]));
	/* Given by another event it is used again, too. */
	OK(sync_post(A, "own", "e3", id[0], &p[3]));
	assert_true(is_item("own", id[0]));
	contract_feed("own2");
	OK(sync_post(A, "own2", id[0], NULL, &p[0]));
	OK(sync_post(A, "own2", "e1", id[0], &p[1]));
	assert_true(contract_pos_is(all(A, "own2")->e[0].superseded, p[1]));
}

/* Of an item that is used often the newest versions are known, and the first one. */
void test_versions(void **state)
{
	struct pos p[12];
	char id[8];
	(void)state;
	contract_feed("versions");
	for (size_t i = 0; i < 11; i++) {
		snprintf(id, sizeof id, "e%zu", i);
		OK(sync_post(A, "versions", id, "x", &p[i]));
	}
	OK(sync_retract(A, "versions", "x", "r", p[10], &p[11]));
	const struct pos *v = all(A, "versions")->e[11].retracted.versions;
	for (size_t i = 0; i < STORE_VERSIONS - 1; i++)
		assert_true(contract_pos_is(v[i], p[10 - i]));
	assert_true(contract_pos_is(v[STORE_VERSIONS - 1], p[0]));
}

/* Trims all but the newest KEEP. */
static void trim(const char *feed, uint64_t keep)
{
	OK(sync_trim(A, feed, keep, 0)); /* without followers all is settled */
}

void test_retract_and_trim(void **state)
{
	struct pos p[5];
	(void)state;
	contract_feed("gone");
	OK(sync_post(A, "gone", "e0", "x", &p[0]));
	OK(sync_post(A, "gone", "e1", "y", &p[1]));
	OK(sync_post(A, "gone", "e2", "y", &p[2]));
	trim("gone", 2);
	IS(sync_retract(A, "gone", "x", "r", p[0], NULL), BELFRY_ENOENT);
	assert_true(contract_pos_is(all(A, "gone")->e[0].superseded, p[2]));
	OK(sync_retract(A, "gone", "y", "r", p[2], &p[3]));
	trim("gone", 1);
	assert_int_equal(all(A, "gone")->e[0].kind, EVENT_RETRACT);
	IS(sync_retract(A, "gone", "y", "r2", p[2], NULL), BELFRY_ENOENT);
	OK(sync_post(A, "gone", "e4", NULL, &p[4]));
	trim("gone", 1);
	OK(sync_post(A, "gone", "e5", "y", &p[4]));
	trim("gone", 1);
	assert_true(is_item("gone", "y"));
	contract.restart();
	sync_until_up(A);
	sync_until_up(B);
	OK(sync_retract(A, "gone", "y", "r3", p[4], &p[3]));
	assert_true(p[3].epoch > p[4].epoch);
	assert_int_equal(p[3].n, 1);
	assert_true(contract_pos_is(all(A, "gone")->e[0].superseded, p[3]));
}

void test_retract_without_room(void **state)
{
	struct pos p;
	(void)state;
	contract_feed("full-retract");
	OK(sync_post(A, "full-retract", "e0", "x", &p));
	contract.fill(true);
	IS(sync_retract(A, "full-retract", "x", "r", p, NULL), BELFRY_EFULL);
	contract.fill(false);
	contract_has_room();
	OK(sync_retract(A, "full-retract", "x", "r", p, NULL));
}

/* When it expires is kept with an event. */
void test_head(void **state)
{
	struct store_commit c = {.feed = "head",
				 .id = "e0",
				 .item = "x y",
				 .priority = PRIORITY_LOW,
				 .at_ms = 5,
				 .expires_ms = 1763812345678,
				 .doc = "{}",
				 .doc_len = 2};
	struct pos p;
	(void)state;
	contract_feed("head");
	OK(sync_commit(A, &c, &p, NULL, NULL));
	const struct sync_events *e = all(B, "head");
	assert_int_equal(e->e[0].expires_ms, c.expires_ms);
	assert_int_equal(e->e[0].priority, PRIORITY_LOW);
	assert_int_equal(e->e[0].at_ms, 5);
	assert_string_equal(e->e[0].item, "x y");
	OK(sync_retract(A, "head", "x y", "r", p, NULL));
	e = all(B, "head");
	assert_int_equal(e->e[1].expires_ms, 0);
	assert_int_equal(e->e[1].retracted.at_ms, 5);
}

/* The newest are those that count still; who names one is given it all the same. */
void test_items_expire(void **state)
{
	const char *const old = "e1";
	struct store_commit c = {
		.feed = "expire", .id = "e1", .item = "e1", .doc = "{}", .doc_len = 2};
	static struct sync_events e;
	(void)state;
	contract_feed("expire");
	OK(sync_post(A, "expire", "e0", NULL, NULL));
	c.expires_ms = 1000;
	OK(sync_commit(A, &c, NULL, NULL, NULL));
	OK(sync_items(A, "expire", NULL, 0, 1, &e));
	assert_int_equal(e.count, 1);
	assert_string_equal(e.e[0].id, "e0");
	assert_false(e.more);
	OK(sync_items(A, "expire", &old, 1, 0, &e));
	assert_int_equal(e.count, 1);
}

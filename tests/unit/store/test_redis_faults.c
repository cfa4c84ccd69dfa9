#include "on_redis.h"

#include "../../lib/store/sync.h"
#include "../../lib/store/sync_pending.h"

#include <belfry/base/clock.h>
#include <belfry/base/log.h>
#include <belfry/core/config.h>
#include <belfry/store/redis.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Redis away, silent, flushed, full of what we did not write, without its replicas. */

enum { TIMEOUT_MS = 400 };

static struct store *open_patient(const char *url, uint64_t replicas, uint64_t timeout_ms)
{
	char copy[100], why[200];
	snprintf(copy, sizeof copy, "%s", url);
	struct config config = {.redis = {.url = copy,
					  .timeout_ms = timeout_ms,
					  .wait_replicas = replicas}};
	struct store *s = store_redis_create(sync_loop, &config, why, sizeof why);
	assert_non_null(s);
	return s;
}

static struct store *open_store(const char *url, uint64_t replicas)
{
	return open_patient(url, replicas, TIMEOUT_MS);
}

static struct store *open_up(uint64_t replicas)
{
	struct store *s = open_store(server.url, replicas);
	sync_until_up(s);
	return s;
}

static void test_refused_connect_is_told(void **state)
{
	struct store_feed f;
	struct store_health h;
	struct store_redis_stats stats = {0};
	(void)state;
	struct store *s = open_store("redis://127.0.0.1:1/0", 0);
	while (stats.reconnects < 3) {
		assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY);
		store_redis_stats(s, &stats);
	}
	assert_int_equal(sync_post(s, "f", "e1", NULL, NULL), BELFRY_EUNSENT);
	s->ops->health(s, &h);
	assert_false(h.up);
	assert_non_null(strstr(h.detail, "refused"));
	s->ops->destroy(s);
	s = open_store("unix:///nowhere/redis.sock", 0);
	assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY);
	s->ops->destroy(s);
}

static void test_silence_ends_in_time(void **state)
{
	struct store_feed f;
	struct store_redis_stats stats;
	(void)state;
	struct store *s = open_up(0);
	kill(server.pid, SIGSTOP);
	assert_int_equal(sync_post(s, "f", "e1", NULL, NULL), BELFRY_EAWAY); /* sent */
	kill(server.pid, SIGCONT);
	sync_until_up(s);
	kill(server.pid, SIGSTOP);
	uint64_t start = clock_mono_ms();
	assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY);
	assert_in_range(clock_mono_ms() - start, TIMEOUT_MS - 50, TIMEOUT_MS * 4);
	assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY); /* at once, by now */
	kill(server.pid, SIGCONT);
	sync_until_up(s);
	assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_ENOFEED);
	store_redis_stats(s, &stats);
	assert_true(stats.timeouts >= 1 && stats.reconnects >= 1);
	s->ops->destroy(s);
}

static void test_empty_script_cache(void **state)
{
	struct store_redis_stats stats;
	struct store_owner o;
	(void)state;
	struct store *s = open_up(0);
	on_redis_do("SCRIPT FLUSH");
	assert_int_equal(sync_feed_put(s, "scripts", "{}", NULL, NULL, NULL), BELFRY_OK);
	on_redis_do("SCRIPT FLUSH");
	assert_int_equal(sync_post(s, "scripts", "e1", NULL, NULL), BELFRY_OK);
	on_redis_do("SCRIPT FLUSH");
	assert_int_equal(sync_lease_take(s, "scripts", NULL, &o, NULL), BELFRY_OK);
	store_redis_stats(s, &stats);
	assert_int_equal(stats.noscript, 3);
	s->ops->destroy(s);
}

static void test_too_few_replicas(void **state)
{
	struct sync_events *e = calloc(1, sizeof *e);
	struct store_redis_stats stats;
	(void)state;
	struct store *s = open_up(1);
	assert_int_equal(sync_feed_put(s, "wait", "{}", NULL, NULL, NULL), BELFRY_OK);
	assert_int_equal(sync_post(s, "wait", "e1", NULL, NULL), BELFRY_EREPLICAS);
	assert_int_equal(sync_post(s, "no-feed", "e1", NULL, NULL), BELFRY_ENOFEED);
	assert_int_equal(sync_events(s, "wait", (struct pos){0, 0}, false, 5, e),
			 BELFRY_OK);
	assert_int_equal(e->count, 1); /* stored, but not as safe as was asked */
	store_redis_stats(s, &stats);
	assert_int_equal(stats.wait_failures, 1);
	s->ops->destroy(s);
	free(e);
}

static void test_replica_that_has_it(void **state)
{
	struct redis_server replica;
	char command[80];
	(void)state;
	redis_server_start(&replica);
	snprintf(command, sizeof command, "REPLICAOF 127.0.0.1 %u", server.port);
	redis_server_ask(&replica, command);
	/* A third of the time-out is the replica's: the first event waits for its sync.
	 */
	struct store *s = open_patient(server.url, 1, 60000);
	sync_until_up(s);
	assert_int_equal(sync_post(s, "wait", "e2", NULL, NULL), BELFRY_OK);
	assert_int_equal(sync_post(s, "wait", "e3", NULL, NULL), BELFRY_OK);
	s->ops->destroy(s);
	/* A replica is no place for a store. */
	s = open_store(replica.url, 0);
	struct store_redis_stats stats = {0};
	struct store_health h;
	struct store_feed f;
	while (!stats.reconnects) {
		assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY);
		store_redis_stats(s, &stats);
	}
	s->ops->health(s, &h);
	assert_non_null(strstr(h.detail, "replica"));
	s->ops->destroy(s);
	redis_server_stop(&replica);
}

/* Each has its place in the list, and can be taken off it. */
static void check_strange_notices(struct store *s)
{
	static const char *const strange[] = {
		"kind ? feed f jid j",
		"kind w feed f",
		"a b c d e f",
		"kind w feed f jid j how x",
		"kind w feed f jid j how c?",
		"kind w feed f jid j how c+x",
		"kind \"\" feed f jid j",
		"kind ww feed f jid j",
	};
	static struct sync_notices list;
	enum { STRANGE = sizeof strange / sizeof strange[0] };
	for (unsigned i = 0; i < STRANGE; i++) {
		char command[160];
		snprintf(command, sizeof command, "XADD belfry:{p0}:notices 1-%u %s",
			 i + 1, strange[i]);
		on_redis_do(command);
	}
	on_redis_do("XADD belfry:{p0}:notices 2-1 kind w feed f jid j how e+ new field");
	assert_int_equal(sync_notices(s, 20, &list), BELFRY_OK);
	assert_int_equal(list.count, STRANGE + 2);
	for (unsigned i = 0; i < STRANGE; i++) {
		assert_int_equal(list.n[i].kind, NOTICE_NONE);
		assert_string_equal(list.n[i].feed, "");
		assert_int_equal(sync_notice_done(s, list.n[i].id), BELFRY_OK);
	}
	assert_int_equal(sync_notices(s, 1, &list), BELFRY_OK);
	assert_int_equal(list.n[0].kind, NOTICE_WITHDRAWN);
	assert_int_equal(list.n[0].format, FORMAT_EVENT);
	assert_true(list.n[0].contact);
}

static void test_what_others_wrote(void **state)
{
	struct store_run *run;
	struct store_feed f;
	struct sub sub;
	struct sync_events *e = calloc(1, sizeof *e);
	static struct sync_pendings pendings;
	struct store_pending p = {.jid = "a@b", .state = 'o', .format = FORMAT_CHAT};
	(void)state;
	struct store *s = open_up(0);
	assert_int_equal(sync_feed_put(s, "foreign", "{}", NULL, NULL, NULL), BELFRY_OK);
	assert_int_equal(sync_join(s, "foreign", "a@b", FORMAT_CHAT, &sub, NULL),
			 BELFRY_OK);
	assert_int_equal(sync_post(s, "foreign", "e1", NULL, NULL), BELFRY_OK);
	on_redis_do_key("foreign", "b:foreign:0", "HSET %s evil@row nonsense");
	assert_int_equal(sync_read(s, "foreign", 0, 5, &run), BELFRY_OK);
	assert_int_equal(run->row_count, 1); /* the others are delivered to */
	store_run_free(run);
	on_redis_do_key("foreign", "b:foreign:0", "HSET %s a@b 7");
	assert_int_equal(sync_sub_get(s, "foreign", "a@b", &sub), BELFRY_EINTERNAL);
	on_redis_do_key("foreign", "b:foreign:0", "HDEL %s \"\"");
	assert_int_equal(sync_read(s, "foreign", 0, 5, &run), BELFRY_EINTERNAL);
	on_redis_do_key("foreign", "l:foreign", "XADD %s 99999999999-1 x y");
	assert_int_equal(sync_events(s, "foreign", (struct pos){0, 0}, false, 5, e),
			 BELFRY_EINTERNAL);
	assert_int_equal(sync_post(s, "foreign", "e2", NULL, NULL), BELFRY_EINTERNAL);
	assert_int_equal(sync_pending_put(s, "foreign", &p, 0, NOTICE_REQUEST),
			 BELFRY_OK);
	on_redis_do_key("foreign", "p:foreign", "HSET %s c@d \"o 12 z\"");
	assert_int_equal(sync_pending_get(s, "foreign", "c@d", &p), BELFRY_EINTERNAL);
	assert_int_equal(sync_pending_list(s, "foreign", 0, 9, &pendings), BELFRY_OK);
	assert_int_equal(pendings.count, 1);
	/* Once by the whole JID. */
	on_redis_do_key("foreign", "p:foreign", "HSET %s e@f/g \"o 12 c\"");
	assert_int_equal(sync_pending_get(s, "foreign", "e@f/g", &p), BELFRY_ENOENT);
	assert_int_equal(sync_pending_list(s, "foreign", 0, 9, &pendings), BELFRY_OK);
	assert_int_equal(pendings.count, 1);
	check_strange_notices(s);
	on_redis_do_key("foreign", "f:foreign", "HSET %s buckets -1");
	assert_int_equal(sync_feed_get(s, "foreign", &f), BELFRY_EINTERNAL);
	on_redis_do_key("foreign", "f:foreign", "DEL %s");
	assert_int_equal(sync_feed_get(s, "foreign", &f), BELFRY_ENOFEED);
	s->ops->destroy(s);
	free(e);
}

struct findings {
	bool done, fatal;
	enum belfry_err err;
	char text[2000];
};

static void on_check(void *arg, enum belfry_err err, const char *text, bool fatal)
{
	struct findings *f = arg;
	f->err = err;
	f->fatal = fatal;
	snprintf(f->text, sizeof f->text, "%s", text);
	f->done = true;
}

static struct findings check(struct store *s)
{
	struct findings f = {0};
	store_redis_check(s, on_check, &f);
	sync_until(&f.done, "check");
	assert_int_equal(f.err, BELFRY_OK);
	return f;
}

static void test_check(void **state)
{
	(void)state;
	struct store *s = open_up(1);
	struct findings f = check(s);
	assert_false(f.fatal);
	assert_null(strstr(f.text, "appendfsync"));
	assert_null(strstr(f.text, "hash-max"));
	assert_non_null(strstr(f.text, "replicas"));
	on_redis_do("CONFIG SET appendfsync everysec");
	on_redis_do("CONFIG SET hash-max-listpack-value 64");
	f = check(s);
	assert_true(f.fatal);
	assert_non_null(strstr(f.text, "error: appendfsync is not always"));
	assert_non_null(strstr(f.text, "warning: hash-max-listpack-value"));
	on_redis_do("CONFIG SET appendfsync always");
	f = check(s);
	assert_false(f.fatal);
	on_redis_do("CONFIG SET maxmemory-policy allkeys-lru");
	f = check(s);
	assert_true(f.fatal);
	assert_non_null(strstr(f.text, "noeviction"));
	on_redis_do("CONFIG SET maxmemory-policy noeviction");
	on_redis_do("CONFIG SET appendonly no");
	f = check(s);
	assert_true(f.fatal);
	assert_non_null(strstr(f.text, "append-only"));
	on_redis_do("CONFIG SET appendonly yes");
	s->ops->destroy(s);
}

/* Nothing new fits in; what is there is read, all the same, by who comes now. */
static bool is_listpack(const char *feed, unsigned bucket)
{
	char command[120];
	for (unsigned p = 0; p < 16; p++) {
		snprintf(command, sizeof command, "OBJECT ENCODING belfry:{p%u}:b:%s:%u",
			 p, feed, bucket);
		if (strstr(on_redis_do(command), "listpack"))
			return true;
	}
	return false;
}

/* Redis keeps a hash that was once too long as a table: splitting makes it small again.
 */
static void test_buckets_become_small_again(void **state)
{
	enum { ROWS = 90 };
	struct store_feed f;
	struct sub sub;
	char jid[40];
	(void)state;
	struct store *s = open_up(0);
	on_redis_do("CONFIG SET hash-max-listpack-entries 64");
	assert_int_equal(sync_feed_put(s, "long", "{}", NULL, &f, NULL), BELFRY_OK);
	for (int i = 0; i < ROWS; i++) {
		snprintf(jid, sizeof jid, "u%d@example.org", i);
		assert_int_equal(sync_join(s, "long", jid, FORMAT_CHAT, &sub, NULL),
				 BELFRY_OK);
	}
	assert_false(is_listpack("long", 0));
	on_redis_do("CONFIG SET hash-max-listpack-entries 256");
	assert_int_equal(sync_split(s, "long", 1), BELFRY_OK);
	assert_true(is_listpack("long", 0));
	assert_true(is_listpack("long", 1));
	s->ops->destroy(s);
}

static void test_trim_clears_the_indexes(void **state)
{
	struct store_feed f;
	(void)state;
	struct store *s = open_up(0);
	assert_int_equal(sync_feed_put(s, "brief", "{}", NULL, &f, NULL), BELFRY_OK);
	assert_int_equal(sync_post(s, "brief", "e1", NULL, NULL), BELFRY_OK);
	assert_true(on_redis_has("d:brief"));
	assert_false(on_redis_has("i:brief")); /* its item goes by its id */
	assert_int_equal(sync_post(s, "brief", "e2", "an item", NULL), BELFRY_OK);
	assert_int_equal(sync_post(s, "brief", "e3", "an item", NULL), BELFRY_OK);
	assert_int_equal(sync_trim(s, "brief", 1, 0), BELFRY_OK);
	assert_true(on_redis_has("i:brief"));
	assert_int_equal(sync_trim(s, "brief", 0, 0), BELFRY_OK);
	assert_false(on_redis_has("i:brief"));
	assert_false(on_redis_has("d:brief"));
	s->ops->destroy(s);
}

static void test_full_from_the_start(void **state)
{
	struct store_run *run;
	struct sub sub;
	(void)state;
	struct store *s = open_up(0);
	assert_int_equal(sync_feed_put(s, "brim", "{}", NULL, NULL, NULL), BELFRY_OK);
	assert_int_equal(sync_join(s, "brim", "a@b", FORMAT_CHAT, &sub, NULL), BELFRY_OK);
	s->ops->destroy(s);
	on_redis_do("CONFIG SET maxmemory 1");
	s = open_up(0);
	assert_int_equal(sync_post(s, "brim", "e1", NULL, NULL), BELFRY_EFULL);
	assert_int_equal(sync_read(s, "brim", 0, 5, &run), BELFRY_OK);
	assert_int_equal(run->row_count, 1);
	store_run_free(run);
	on_redis_do("CONFIG SET maxmemory 0");
	s->ops->destroy(s);
}

/* Redis refuses all writes, and reads go on: a worker has to know it from the error. */
static void test_reads_only(void **state)
{
	struct store_owner o;
	struct store_run *run;
	struct sub sub;
	(void)state;
	struct store *s = open_up(0);
	assert_int_equal(sync_feed_put(s, "still", "{}", NULL, NULL, NULL), BELFRY_OK);
	assert_int_equal(sync_join(s, "still", "a@b", FORMAT_CHAT, &sub, NULL),
			 BELFRY_OK);
	assert_int_equal(sync_lease_take(s, "still.example", NULL, &o, NULL), BELFRY_OK);
	on_redis_do("CONFIG SET min-replicas-to-write 1");
	assert_int_equal(sync_read(s, "still", 0, 5, &run), BELFRY_OK);
	struct store_done_bucket b = {0, run->buckets[0].cursor};
	struct store_done d = {.feed = "still",
			       .feed_buckets = 1,
			       .to = run->buckets[0].cursor,
			       .buckets = &b,
			       .bucket_count = 1};
	store_run_free(run);
	assert_int_equal(sync_done(s, &o, &d), BELFRY_EREPLICAS);
	assert_int_equal(sync_lease_beat(s, &o), BELFRY_EREPLICAS);
	on_redis_do("CONFIG SET min-replicas-to-write 0");
	assert_int_equal(sync_done(s, &o, &d), BELFRY_OK);
	s->ops->destroy(s);
}

static void test_other_schema_is_refused(void **state)
{
	struct store_health h;
	(void)state;
	on_redis_do("HSET belfry:meta schema 1");
	struct store *s = open_store(server.url, 0);
	struct store_feed f;
	struct store_redis_stats stats = {0};
	while (!stats.reconnects) {
		assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY);
		store_redis_stats(s, &stats);
	}
	s->ops->health(s, &h);
	assert_non_null(strstr(h.detail, "schema"));
	on_redis_do("HSET belfry:meta schema 4");
	while (stats.reconnects < 3) {
		assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY);
		store_redis_stats(s, &stats);
	}
	/* The one before it is raised, so that its program refuses what we write. */
	on_redis_do("HSET belfry:meta schema 2");
	sync_until_up(s);
	assert_non_null(strstr(on_redis_do("HGET belfry:meta schema"), "3"));
	s->ops->destroy(s);
}

static void test_databases_are_apart(void **state)
{
	char url[100];
	struct store_feed f;
	(void)state;
	snprintf(url, sizeof url, "redis://localhost:%u/3", server.port);
	struct store *s = open_store(url, 0), *other = open_up(0);
	sync_until_up(s);
	assert_int_equal(sync_feed_put(s, "apart", "{}", NULL, NULL, NULL), BELFRY_OK);
	assert_int_equal(sync_feed_get(other, "apart", &f), BELFRY_ENOFEED);
	s->ops->destroy(s);
	other->ops->destroy(other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused_connect_is_told),
		cmocka_unit_test(test_silence_ends_in_time),
		cmocka_unit_test(test_empty_script_cache),
		cmocka_unit_test(test_too_few_replicas),
		cmocka_unit_test(test_replica_that_has_it),
		cmocka_unit_test(test_what_others_wrote),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_buckets_become_small_again),
		cmocka_unit_test(test_trim_clears_the_indexes),
		cmocka_unit_test(test_full_from_the_start),
		cmocka_unit_test(test_reads_only),
		cmocka_unit_test(test_other_schema_is_refused),
		cmocka_unit_test(test_databases_are_apart),
	};
	signal(SIGPIPE, SIG_IGN);
	log_setup("test", (enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	redis_server_start(&server);
	sync_loop = loop_create();
	int failed = cmocka_run_group_tests_name("Redis at its worst", tests, NULL, NULL);
	loop_destroy(sync_loop);
	redis_server_stop(&server);
	return failed;
}

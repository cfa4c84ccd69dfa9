#include "contract.h"

#include "../../lib/store/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What a feed shows of itself as a contact. */

#define SHA_A "da39a3ee5e6b4b0d3255bfef95601890afd80709"
#define SHA_B "a9993e364706816aba3e25717850c26c9cd0d89d"

struct outcome {
	bool done;
	enum belfry_err err;
	struct store_face *face; /* its texts live until the next one is read */
};

static void on_done(void *arg, enum belfry_err err)
{
	struct outcome *o = arg;

	assert_false(o->done);
	o->done = true;
	o->err = err;
}

static enum belfry_err presence_put(struct store *s, const char *feed, const char *json)
{
	struct outcome o = {0};

	s->ops->presence_put(s, feed, json, on_done, &o);
	sync_until(&o.done, "presence_put");
	return o.err;
}

static enum belfry_err face_put(struct store *s, const char *feed,
				const struct store_face *face)
{
	struct outcome o = {0};

	s->ops->face_put(s, feed, face, on_done, &o);
	sync_until(&o.done, "face_put");
	return o.err;
}

static void on_face(void *arg, enum belfry_err err, const struct store_face *face)
{
	static char type[64], sha1[64], data[STORE_FACE_MAX];
	struct outcome *o = arg;

	assert_true(!face == (err != BELFRY_OK));
	if (face) {
		snprintf(type, sizeof type, "%s", face->type);
		snprintf(sha1, sizeof sha1, "%s", face->sha1);
		memcpy(data, face->data, face->len);
		*o->face = *face;
		o->face->type = type;
		o->face->sha1 = sha1;
		o->face->data = data;
	}
	on_done(o, err);
}

static enum belfry_err face_get(struct store *s, const char *feed, struct store_face *out)
{
	struct outcome o = {.face = out};

	s->ops->face_get(s, feed, on_face, &o);
	sync_until(&o.done, "face_get");
	return o.err;
}

static struct store_face face_of(const char *sha1, const char *data, size_t len)
{
	return (struct store_face){.type = "image/png",
				   .sha1 = sha1,
				   .data = data,
				   .len = len,
				   .width = 192,
				   .height = 96};
}

static void check_look(const char *feed, const char *presence, const char *face)
{
	struct store_feed f = {0};

	OK(sync_feed_get(B, feed, &f));
	if (presence)
		assert_string_equal(f.presence, presence);
	else
		assert_null(f.presence);
	if (face)
		assert_string_equal(f.face, face);
	else
		assert_null(f.face);
}

struct listed {
	bool done;
	unsigned with_look;
};

static void on_listed(void *arg, enum belfry_err err, const struct store_feed *feeds,
		      size_t count, bool more)
{
	struct listed *l = arg;

	(void)more;
	OK(err);
	for (size_t i = 0; i < count; i++)
		if (feeds[i].presence && feeds[i].face) {
			assert_string_equal(feeds[i].name, "look");
			assert_string_equal(feeds[i].presence, "{\"show\":\"dnd\"}");
			assert_string_equal(feeds[i].face, SHA_A);
			l->with_look++;
		}
	l->done = true;
}

void test_presence(void **state)
{
	struct store_feed f;
	struct store_face a = face_of(SHA_A, "a", 1);
	struct listed l = {0};

	(void)state;
	IS(presence_put(A, "look", "{}"), BELFRY_ENOFEED);
	IS(presence_put(A, "look", NULL), BELFRY_ENOFEED);
	contract_feed("look");
	contract_feed("look-2");
	check_look("look", NULL, NULL);
	OK(presence_put(A, "look", "{\"show\":\"xa\"}"));
	OK(presence_put(B, "look", "{\"show\":\"dnd\"}"));
	check_look("look", "{\"show\":\"dnd\"}", NULL);
	/* A change of the configuration leaves it alone, and shows it. */
	OK(sync_feed_put(A, "look", "{\"a\":1}", NULL, &f, NULL));
	assert_string_equal(f.presence, "{\"show\":\"dnd\"}");
	OK(face_put(A, "look", &a));
	A->ops->feed_list(A, "lon", 1000, on_listed, &l);
	sync_until(&l.done, "the list");
	assert_int_equal(l.with_look, 1);
	OK(presence_put(A, "look", NULL));
	check_look("look", NULL, SHA_A);
	OK(presence_put(A, "look", NULL)); /* there is none: as it should be */
}

void test_face(void **state)
{
	struct store_face a = face_of(SHA_A, "first", 5);
	struct store_face b = face_of(SHA_B, "a longer one", 12), got;

	(void)state;
	IS(face_put(A, "face", &a), BELFRY_ENOFEED);
	IS(face_put(A, "face", NULL), BELFRY_ENOFEED);
	IS(face_get(A, "face", &got), BELFRY_ENOFEED);
	contract_feed("face");
	IS(face_get(A, "face", &got), BELFRY_ENOENT);
	OK(face_put(A, "face", NULL));
	OK(face_put(A, "face", &b));
	OK(face_put(A, "face", &a));
	check_look("face", NULL, SHA_A);
	OK(face_get(B, "face", &got));
	assert_string_equal(got.type, "image/png");
	assert_string_equal(got.sha1, SHA_A);
	assert_int_equal(got.len, 5);
	assert_memory_equal(got.data, "first", 5);
	assert_int_equal(got.width, 192);
	assert_int_equal(got.height, 96);
	OK(face_put(B, "face", NULL));
	check_look("face", NULL, NULL);
	IS(face_get(A, "face", &got), BELFRY_ENOENT);
}

void test_face_is_bytes(void **state)
{
	static char data[STORE_FACE_MAX];
	struct store_face face = face_of(SHA_A, data, sizeof data), got;

	(void)state;
	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 7 + i / 256);
	contract_feed("facebytes");
	OK(face_put(A, "facebytes", &face));
	OK(face_get(B, "facebytes", &got));
	assert_int_equal(got.len, sizeof data);
	assert_memory_equal(got.data, data, sizeof data);
}

void test_face_goes_with_the_feed(void **state)
{
	struct store_face face = face_of(SHA_A, "x", 1), got;

	(void)state;
	contract_feed("facegone");
	OK(face_put(A, "facegone", &face));
	OK(presence_put(A, "facegone", "{\"show\":\"away\"}"));
	OK(sync_feed_delete(A, "facegone"));
	IS(face_get(B, "facegone", &got), BELFRY_ENOFEED);
	IS(face_put(B, "facegone", &face), BELFRY_ENOFEED);
	IS(presence_put(B, "facegone", "{}"), BELFRY_ENOFEED);
	contract_feed("facegone");
	check_look("facegone", NULL, NULL);
	IS(face_get(B, "facegone", &got), BELFRY_ENOENT);
}

void test_face_without_room(void **state)
{
	struct store_face a = face_of(SHA_A, "x", 1), b = face_of(SHA_B, "y", 1), got;

	(void)state;
	contract_feed("facefull");
	OK(face_put(A, "facefull", &a));
	contract.fill(true);
	IS(face_put(A, "facefull", &b), BELFRY_EFULL);
	OK(face_get(A, "facefull", &got));
	assert_string_equal(got.sha1, SHA_A);
	/* What is small goes on, and so does what makes room. */
	OK(presence_put(A, "facefull", "{\"show\":\"dnd\"}"));
	OK(face_put(A, "facefull", NULL));
	contract_has_room();
	OK(face_put(A, "facefull", &b));
}

static struct {
	unsigned woken;
	char last[80];
	bool any;
} heard;

static void on_wake(void *arg, enum store_wake what, const char *feed)
{
	(void)arg;
	assert_int_equal(what, feed[0] ? WAKE_LOOK : WAKE_ALL);
	heard.woken += what == WAKE_LOOK;
	snprintf(heard.last, sizeof heard.last, "%s", feed);
	heard.any = true;
}

/* The next wake-up is of FEED, and nothing was told between. */
static void check_woken(const char *feed)
{
	static unsigned expected;

	sync_until(&heard.any, "waking");
	assert_string_equal(heard.last, feed);
	assert_int_equal(heard.woken, ++expected);
	heard.any = false;
}

/* Of a feed without events, too: those who have it as a contact are to be told. */
void test_look_wakes(void **state)
{
	struct store_face a = face_of(SHA_A, "x", 1), b = face_of(SHA_B, "y", 1);

	(void)state;
	contract_feed("wake-look");
	contract_feed("wake-end");
	B->ops->listen(B, on_wake, NULL);
	sync_until(&heard.any, "the channel to open");
	heard.any = false;
	OK(presence_put(A, "wake-look", "{\"show\":\"dnd\"}"));
	check_woken("wake-look");
	OK(face_put(A, "wake-look", &a));
	check_woken("wake-look");
	OK(face_put(A, "wake-look", &b));
	check_woken("wake-look");
	/* What is as it was is not told. */
	OK(presence_put(A, "wake-look", "{\"show\":\"dnd\"}"));
	OK(face_put(A, "wake-look", &b));
	OK(presence_put(A, "wake-end", "{\"show\":\"xa\"}"));
	check_woken("wake-end");
	OK(presence_put(A, "wake-look", NULL));
	check_woken("wake-look");
	OK(face_put(A, "wake-look", NULL));
	check_woken("wake-look");
	OK(presence_put(A, "wake-look", NULL));
	OK(face_put(A, "wake-look", NULL));
	OK(presence_put(A, "wake-end", NULL));
	check_woken("wake-end");
	B->ops->listen(B, NULL, NULL);
}

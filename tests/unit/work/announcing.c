#include "announcing.h"

#include <belfry/base/mem.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TICK_MS 20
#define SETTLED_TURNS 300 /* of the loop: more than what is tested takes */

static bool may_write(void *arg)
{
	return ((struct announcing *)arg)->valid;
}

static bool busy(void *arg)
{
	return ((struct announcing *)arg)->busy;
}

static void on_gone(void *arg)
{
	((struct announcing *)arg)->gone = true;
}

static void on_wake(void *arg, enum store_wake what, const char *feed)
{
	announcer_wake(((struct announcing *)arg)->announcer, what, feed);
}

static void link_up(void *arg)
{
	announcer_up(((struct announcing *)arg)->announcer);
}

static void link_down(void *arg, const struct link_down *why)
{
	(void)why;
	announcer_down(((struct announcing *)arg)->announcer);
}

static void link_room(void *arg)
{
	announcer_room(((struct announcing *)arg)->announcer);
}

static const struct link_handlers handlers = {
	.up = link_up, .down = link_down, .room = link_room};

int announcing_set_up(void **state)
{
	struct announcing *f = xcalloc(1, sizeof(*f));
	f->valid = true;
	world_start(&f->w);
	f->store = store_memory_create(f->w.loop, f->w.memory);
	const struct announcer_options o = {.domain = DOMAIN,
					    .arg = f,
					    .may_write = may_write,
					    .busy = busy,
					    .gone = on_gone};
	f->announcer = announcer_create(f->w.loop, f->store, &o);
	f->link = recorder_create(&handlers, f);
	announcer_use(f->announcer, f->link);
	f->store->ops->listen(f->store, on_wake, f);
	*state = f;
	return 0;
}

int announcing_tear_down(void **state)
{
	struct announcing *f = *state;
	f->link->ops->destroy(f->link);
	f->store->ops->destroy(f->store);
	announcer_destroy(f->announcer);
	world_finish(&f->w);
	free(f);
	return 0;
}

void announcing_contact(struct announcing *f, const char *feed, const char *jid)
{
	world_change(&f->w, feed, jid,
		     &(struct sub_change){.set = SUB_SET_CONTACT,
					  .format = FORMAT_CHAT,
					  .options = {.contact = true}});
}

void announcing_contacts(struct announcing *f, const char *feed, unsigned count)
{
	char jid[64];
	for (unsigned i = 0; i < count; i++) {
		snprintf(jid, sizeof(jid), "c%u@example.org", i);
		announcing_contact(f, feed, jid);
	}
}

unsigned announcing_told(struct announcing *f, const char *part)
{
	return recorder_told(f->link, part);
}

/* Of the stanza at AT, which there is. */
static const char *stanza_end(const char *at)
{
	static const char end[] = "</presence>";
	while (strncmp(at, end, strlen(end)) != 0) {
		at = strchr(at + 1, '<');
		assert_non_null(at);
	}
	return at + strlen(end);
}

unsigned announcing_seen(struct announcing *f, const char *feed, unsigned count,
			 const char *part)
{
	const char *at = recorder_bytes(f->link)->data;
	bool *seen = xcalloc(count, sizeof(*seen));
	char begin[128];
	unsigned n = 0;
	snprintf(begin, sizeof(begin), "<presence from='%s@" DOMAIN "/belfry' to='c",
		 feed);
	while (at != NULL && *at != '\0') {
		/* A copy: to search in all that follows takes too long. */
		const char *end = stanza_end(at);
		char *stanza = xmemdup0(at, (size_t)(end - at));
		if (strncmp(stanza, begin, strlen(begin)) == 0) {
			unsigned long i = strtoul(stanza + strlen(begin), NULL, 10);
			assert_true(i < count);
			seen[i] = strstr(stanza, part) != NULL;
		}
		free(stanza);
		at = end;
	}
	for (unsigned i = 0; i < count; i++)
		n += seen[i];
	free(seen);
	return n;
}

static void turn(struct announcing *f, unsigned ticks)
{
	while (ticks--) {
		world_skip(TICK_MS);
		world_turns(&f->w, 1);
	}
}

void announcing_pass(struct announcing *f, unsigned seconds)
{
	turn(f, seconds * 1000 / TICK_MS);
}

void announcing_settle(struct announcing *f)
{
	turn(f, SETTLED_TURNS);
}

static void on_plain(void *arg, enum belfry_err err)
{
	assert_int_equal(err, BELFRY_OK);
	*(bool *)arg = true;
}

void announcing_set_presence(struct announcing *f, const char *feed, const char *json)
{
	bool done = false;
	f->w.app->ops->presence_put(f->w.app, feed, json, on_plain, &done);
	world_until(&f->w, &done);
}

void announcing_set_face(struct announcing *f, const char *feed)
{
	static const struct store_face face = {"image/png", SHA1, "x", 1, 64, 64};
	bool done = false;
	f->w.app->ops->face_put(f->w.app, feed, &face, on_plain, &done);
	world_until(&f->w, &done);
}

#include "recorder.h"

#include <belfry/base/mem.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC 0x4ec04de4u
static const char opening[] = "<message";
static const char closing[] = "</message>";

struct asked {
	uint64_t number;
	size_t messages; /* sent before it */
	bool service;	 /* was pinged, too */
};

struct recorder {
	struct link link;
	unsigned magic;
	const struct link_handlers *handlers;
	void *arg;
	bool up, room, obliging, count_only;
	size_t group;
	unsigned opens, closes;
	struct buf bytes;
	uint64_t bytes_total;
	uint64_t asked, passed;
	struct asked *barriers; /* not yet served */
	size_t barrier_count;
	size_t *starts; /* where the whole messages in `bytes` begin, then where the rest
			 * does: so that looking at each is not quadratic */
	size_t message_count, start_cap;
};

static struct recorder *recorder_of(const struct link *l)
{
	union {
		const struct link *in;
		struct recorder *out;
	} u = {.in = l};
	assert(u.out->magic == MAGIC);
	return u.out;
}

static void record_open(struct link *l)
{
	struct recorder *r = recorder_of(l);
	assert(!r->up);
	r->opens++;
	if (r->obliging)
		recorder_up(l);
}

static void record_close(struct link *l)
{
	struct recorder *r = recorder_of(l);
	r->closes++;
	if (r->obliging)
		recorder_down(l, LINK_END_ASKED, "");
}

static bool record_is_up(const struct link *l)
{
	return recorder_of(l)->up;
}

static void record_send(struct link *l, const char *data, size_t len)
{
	struct recorder *r = recorder_of(l);
	if (!r->up)
		return;
	r->bytes_total += len;
	if (!r->count_only)
		buf_add(&r->bytes, data, len);
}

static bool record_room(const struct link *l)
{
	const struct recorder *r = recorder_of(l);
	return r->up && r->room;
}

static void record_barrier(struct link *l, uint64_t number)
{
	struct recorder *r = recorder_of(l);
	if (!r->up)
		return;
	assert(number > r->asked);
	r->asked = number;
	r->barriers =
		xreallocarray(r->barriers, r->barrier_count + 1, sizeof(*r->barriers));
	r->barriers[r->barrier_count++] = (struct asked){
		number, r->count_only ? 0 : recorder_messages(l), r->group > 0};
}

static size_t record_group(const struct link *l)
{
	return recorder_of(l)->group;
}

static void record_ungroup(struct link *l)
{
	recorder_of(l)->group = 0;
}

static void record_destroy(struct link *l)
{
	if (l == NULL)
		return;
	struct recorder *r = recorder_of(l);
	buf_free(&r->bytes);
	free(r->barriers);
	free(r->starts);
	r->magic = 0;
	free(r);
}

static const struct link_ops ops = {
	.open = record_open,
	.close = record_close,
	.is_up = record_is_up,
	.send = record_send,
	.room = record_room,
	.barrier = record_barrier,
	.group = record_group,
	.ungroup = record_ungroup,
	.destroy = record_destroy,
};

struct link *recorder_create(const struct link_handlers *handlers, void *arg)
{
	struct recorder *r = xcalloc(1, sizeof(*r));
	r->link.ops = &ops;
	r->magic = MAGIC;
	r->handlers = handlers;
	r->arg = arg;
	r->room = true;
	return &r->link;
}

void recorder_obliging(struct link *l, bool on)
{
	recorder_of(l)->obliging = on;
}

bool recorder_oldest(const struct link *l, size_t *messages)
{
	const struct recorder *r = recorder_of(l);
	if (!r->up || r->barrier_count == 0)
		return false;
	*messages = r->barriers[0].messages;
	return true;
}

bool recorder_oldest_service(const struct link *l)
{
	return recorder_of(l)->barriers[0].service;
}

void recorder_serve_one(struct link *l)
{
	struct recorder *r = recorder_of(l);
	uint64_t number = r->barriers[0].number;
	r->barrier_count--;
	memmove(r->barriers, r->barriers + 1, r->barrier_count * sizeof(*r->barriers));
	recorder_pass(l, number);
}

size_t recorder_serve(struct link *l)
{
	size_t served = 0, messages;
	/* A handler may ask for more, or lose the link. */
	while (recorder_oldest(l, &messages)) {
		served++;
		recorder_serve_one(l);
	}
	return served;
}

unsigned recorder_opens(const struct link *l)
{
	return recorder_of(l)->opens;
}

unsigned recorder_closes(const struct link *l)
{
	return recorder_of(l)->closes;
}

const struct buf *recorder_bytes(const struct link *l)
{
	return &recorder_of(l)->bytes;
}

void recorder_forget(struct link *l)
{
	struct recorder *r = recorder_of(l);
	buf_clear(&r->bytes);
	r->message_count = 0;
}

void recorder_count_only(struct link *l, bool on)
{
	recorder_of(l)->count_only = on;
}

unsigned recorder_told(const struct link *l, const char *part)
{
	const char *at = recorder_bytes(l)->data;
	unsigned n = 0;
	while (at != NULL && (at = strstr(at, part)) != NULL) {
		at += strlen(part);
		n++;
	}
	return n;
}

uint64_t recorder_bytes_total(const struct link *l)
{
	return recorder_of(l)->bytes_total;
}

/* A sanitizer looks at all that is searched, so little at a time. */
static const char *message_end(const struct recorder *r, size_t from)
{
	size_t rest = r->bytes.len - from, part = 1024;
	const char *end = NULL;
	for (bool all = false; !end && !all; part *= 2) {
		all = part >= rest;
		end = memmem(r->bytes.data + from, all ? rest : part, closing,
			     sizeof(closing) - 1);
	}
	return end;
}

size_t recorder_messages(const struct link *l)
{
	struct recorder *r = recorder_of(l);
	for (;;) {
		if (r->message_count + 2 > r->start_cap) {
			r->start_cap = r->start_cap ? 2 * r->start_cap : 64;
			r->starts =
				xreallocarray(r->starts, r->start_cap, sizeof(size_t));
		}
		if (r->message_count == 0)
			r->starts[0] = 0;
		size_t from = r->starts[r->message_count];
		const char *end = from < r->bytes.len ? message_end(r, from) : NULL;
		if (end == NULL)
			return r->message_count;
		r->starts[++r->message_count] =
			(size_t)(end - r->bytes.data) + sizeof(closing) - 1;
	}
}

const char *recorder_message(const struct link *l, size_t index, size_t *len)
{
	if (index >= recorder_messages(l))
		return NULL;
	const struct recorder *r = recorder_of(l);
	const char *end = r->bytes.data + r->starts[index + 1];
	const char *from = r->bytes.data + r->starts[index];
	const char *start =
		memmem(from, (size_t)(end - from), opening, sizeof(opening) - 1);
	if (start == NULL)
		return NULL;
	*len = (size_t)(end - start);
	return start;
}

char *recorder_attribute(const struct link *l, size_t index, const char *name)
{
	size_t len, name_len = strlen(name);
	const char *p = recorder_message(l, index, &len);
	const char *end = p != NULL ? memchr(p, '>', len) : NULL;
	for (; p != NULL && p < end; p++) {
		if (*p != ' ' || strncmp(p + 1, name, name_len) != 0 ||
		    p[1 + name_len] != '=')
			continue;
		const char *value = p + name_len + 3;
		const char *quote = strchr(value, value[-1]);
		return quote != NULL ? xmemdup0(value, (size_t)(quote - value)) : NULL;
	}
	return NULL;
}

char *recorder_receiver(const struct link *l, size_t index, size_t n)
{
	static const char address[] = "<address type='bcc' jid='";
	size_t len;
	const char *p = recorder_message(l, index, &len), *end = p + len;
	if (memmem(p, len, "<addresses ", strlen("<addresses ")) == NULL)
		return n == 0 ? recorder_attribute(l, index, "to") : NULL;
	while ((p = memmem(p, (size_t)(end - p), address, sizeof(address) - 1)) != NULL) {
		p += sizeof(address) - 1;
		if (n-- == 0)
			return xmemdup0(p, strcspn(p, "'"));
	}
	return NULL;
}

uint64_t recorder_barrier_asked(const struct link *l)
{
	return recorder_of(l)->asked;
}

uint64_t recorder_barrier_passed(const struct link *l)
{
	return recorder_of(l)->passed;
}

void recorder_up(struct link *l)
{
	struct recorder *r = recorder_of(l);
	r->up = true;
	r->handlers->up(r->arg);
}

void recorder_down(struct link *l, enum link_end end, const char *condition)
{
	struct recorder *r = recorder_of(l);
	r->up = false;
	r->barrier_count = 0;
	r->handlers->down(
		r->arg,
		&(struct link_down){.end = end, .condition = condition, .text = ""});
}

void recorder_pass(struct link *l, uint64_t number)
{
	struct recorder *r = recorder_of(l);
	r->passed = number;
	r->handlers->barrier(r->arg, number);
}

void recorder_bounce(struct link *l, const char *id, const char *from,
		     enum bounce_class class, const char *condition)
{
	struct recorder *r = recorder_of(l);
	r->handlers->bounce(r->arg, &(struct link_bounce){.id = id,
							  .from = from,
							  .class = class,
							  .condition = condition});
}

void recorder_received(struct link *l, const char *id, const char *from)
{
	struct recorder *r = recorder_of(l);
	r->handlers->received(r->arg, id, from);
}

void recorder_set_group(struct link *l, size_t most)
{
	recorder_of(l)->group = most;
}

void recorder_set_room(struct link *l, bool room)
{
	struct recorder *r = recorder_of(l);
	bool before = r->room;
	r->room = room;
	if (room && !before && r->up)
		r->handlers->room(r->arg);
}

#include "store/redis_reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES ((size_t)256 * 1024)
#define ELEMENTS_MAX 4000000u /* of one array; more is no answer to what we ask */

struct arena_block {
	struct arena_block *next;
	size_t size;
	max_align_t data[];
};

static void *arena_get(struct arena *a, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	a->bytes += size;
	if (!a->blocks || a->blocks->size - a->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
		struct arena_block *b = xmalloc(sizeof *b + room);
		b->next = a->blocks;
		b->size = room;
		a->blocks = b;
		a->used = 0;
	}
	void *p = (char *)a->blocks->data + a->used;
	a->used += size;
	return p;
}

/* Keeps the first block, if it is of the usual size. */
void arena_reset(struct arena *a)
{
	while (a->blocks && (a->blocks->next || a->blocks->size > BLOCK_BYTES)) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->used = a->bytes = 0;
}

void arena_free(struct arena *a)
{
	while (a->blocks) {
		struct arena_block *next = a->blocks->next;
		free(a->blocks);
		a->blocks = next;
	}
	a->used = 0;
}

static redisReply *make(const redisReadTask *task)
{
	redisReply *r = arena_get(task->privdata, sizeof *r);
	*r = (redisReply){.type = task->type};
	if (task->parent) {
		redisReply *parent = task->parent->obj;
		parent->element[task->idx] = r;
	}
	return r;
}

static void *make_string(const redisReadTask *task, char *str, size_t len)
{
	redisReply *r = make(task);
	r->str = arena_get(task->privdata, len + 1);
	memcpy(r->str, str, len);
	r->str[len] = '\0';
	r->len = len;
	return r;
}

static void *make_array_of(const redisReadTask *task, size_t elements)
{
	const struct arena *a = task->privdata;
	if (elements > (a->elements_max ? a->elements_max : ELEMENTS_MAX))
		return NULL; /* which the reader takes for an error */
	redisReply *r = make(task);
	if (elements) {
		r->element = arena_get(task->privdata, elements * sizeof(redisReply *));
		memset(r->element, 0, elements * sizeof(redisReply *));
	}
	r->elements = elements;
	return r;
}

static void *make_integer(const redisReadTask *task, long long value)
{
	redisReply *r = make(task);
	r->integer = value;
	return r;
}

static void *make_nil(const redisReadTask *task)
{
	redisReply *r = make(task);
	r->type = REDIS_REPLY_NIL; /* the task's type is what it might have been */
	return r;
}

static void free_nothing(void *reply)
{
	(void)reply;
}

/* The table's types differ between hiredis 0.14 (Debian 12) and 1.x (Debian 13). */
#if HIREDIS_MAJOR >= 1
static void *make_array(const redisReadTask *task, size_t elements)
{
	return make_array_of(task, elements);
}
static void *make_double(const redisReadTask *task, double value, char *str, size_t len)
{
	(void)value;
	return make_string(task, str, len);
}
static void *make_bool(const redisReadTask *task, int value)
{
	return make_integer(task, value);
}
#else
static void *make_array(const redisReadTask *task, int elements)
{
	return make_array_of(task, elements > 0 ? (size_t)elements : 0);
}
#endif

static redisReplyObjectFunctions functions = {
	.createString = make_string,
	.createArray = make_array,
	.createInteger = make_integer,
#if HIREDIS_MAJOR >= 1
	.createDouble = make_double,
	.createBool = make_bool,
#endif
	.createNil = make_nil,
	.freeObject = free_nothing,
};

redisReader *reply_reader_create(struct arena *a)
{
	redisReader *r = redisReaderCreateWithFunctions(&functions);
	if (!r)
		abort();
	r->privdata = a;
	r->maxbuf = 1024 * 1024;
	return r;
}

bool reply_is_text(const redisReply *r)
{
	return r && (r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_STATUS);
}

bool reply_is_array(const redisReply *r, size_t at_least)
{
	return r && r->type == REDIS_REPLY_ARRAY && r->elements >= at_least;
}

bool reply_is(const redisReply *r, const char *text)
{
	return reply_is_text(r) && text_is(r->str, r->len, text);
}

bool reply_has_prefix(const redisReply *r, const char *prefix)
{
	return r && r->str && strncmp(r->str, prefix, strlen(prefix)) == 0;
}

int reply_u64(const redisReply *r, uint64_t *out)
{
	if (r && r->type == REDIS_REPLY_INTEGER && r->integer >= 0) {
		*out = (uint64_t)r->integer;
		return 0;
	}
	return reply_is_text(r) ? parse_u64(r->str, r->len, UINT64_MAX, out) : -1;
}

int reply_u32(const redisReply *r, uint32_t *out)
{
	uint64_t v;
	if (reply_u64(r, &v) < 0 || v > UINT32_MAX)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

int reply_pos(const redisReply *r, struct pos *out)
{
	return reply_is_text(r) ? pos_parse(r->str, r->len, out) : -1;
}

int reply_time_ms(const redisReply *r, uint64_t *out)
{
	uint64_t seconds, us;
	if (!reply_is_array(r, 2) || reply_u64(r->element[0], &seconds) < 0 ||
	    reply_u64(r->element[1], &us) < 0)
		return -1;
	*out = seconds * 1000 + us / 1000;
	return 0;
}

const char *reply_str(const redisReply *r)
{
	return reply_is_text(r) && strlen(r->str) == r->len ? r->str : NULL;
}

int name_list_add(struct name_list *l, const redisReply *r)
{
	if (!reply_is_array(r, 0))
		return -1;
	for (size_t i = 0; i < r->elements; i++) {
		const char *name = reply_str(r->element[i]);
		if (!name || strlen(name) > FEED_NAME_MAX)
			continue;
		l->names = xreallocarray(l->names, l->count + 1, sizeof *l->names);
		l->names[l->count++] = xstrdup(name);
	}
	return 0;
}

void name_list_free(struct name_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->names[i]);
	free(l->names);
}

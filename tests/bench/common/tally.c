#include "tally.h"

#include <belfry/base/mem.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 16384
#define SLOTS (4 * EVENTS_MAX) /* a power of two */
#define KEY_SIZE 96
#define ITEM_SIZE 48

/* FEED~EPOCH-N: what the stanza ids of an event begin with. */
struct event {
	char key[KEY_SIZE], item[ITEM_SIZE];
	size_t key_len;
	uint64_t count, distinct, sum; /* sum: of the receivers' numbers */
	uint64_t first_us, last_us;
	uint64_t *seen; /* bits by number */
	size_t seen_words;
};

struct tally {
	struct event *events;
	size_t event_count;
	uint32_t slots[SLOTS]; /* index of the event + 1; 0: free */
	struct event *last;
	uint64_t messages, bytes, strange; /* strange: without number or event */
	struct buf sample;
};

/* ---- Stanzas ---------------------------------------------------------------------- */

static bool is_end(const char *data, size_t at, size_t len)
{
	static const char end[] = "</message>";
	const size_t n = sizeof(end) - 1;
	return at <= len && at >= n && memcmp(data + at - n, end, n) == 0 &&
	       (at == len || data[at] == '<');
}

/* How long the stanza is whose start tag has TAG_LEN bytes; 0: not whole. */
static size_t whole(struct stanza_hint *hint, const char *data, size_t len,
		    size_t tag_len, const char *name, size_t name_len)
{
	char end[32];
	if (data[tag_len - 2] == '/')
		return tag_len;
	bool message = name_len == 7 && memcmp(name, "message", 7) == 0;
	if (message && hint->rest_len && is_end(data, tag_len + hint->rest_len, len))
		return tag_len + hint->rest_len;
	if (name_len > sizeof(end) - 3)
		abort();
	memcpy(end, "</", 2);
	memcpy(end + 2, name, name_len);
	end[name_len + 2] = '>';
	const char *found = memmem(data + tag_len, len - tag_len, end, name_len + 3);
	if (!found)
		return 0;
	size_t all = (size_t)(found - data) + name_len + 3;
	if (message)
		hint->rest_len = all - tag_len;
	return all;
}

static void take_attribute(struct stanza *s, const char *name, size_t name_len,
			   const char *value, size_t len)
{
	if (name_len != 2)
		return;
	if (memcmp(name, "to", 2) == 0) {
		s->to = value;
		s->to_len = len;
	} else if (memcmp(name, "id", 2) == 0) {
		s->id = value;
		s->id_len = len;
	}
}

/* Attributes from AT on; the length of the start tag, 0: not whole. */
static size_t read_tag(struct stanza *s, const char *data, size_t at, size_t len)
{
	while (at < len && data[at] != '>') {
		if (data[at] == ' ' || data[at] == '/' || data[at] == '\n') {
			at++;
			continue;
		}
		const char *name = data + at;
		const char *is = memchr(name, '=', len - at);
		if (!is || is + 1 >= data + len)
			return 0;
		const char *value = is + 2;
		const char *end = memchr(value, is[1], (size_t)(data + len - value));
		if (!end)
			return 0;
		take_attribute(s, name, (size_t)(is - name), value,
			       (size_t)(end - value));
		at = (size_t)(end - data) + 1;
	}
	return at < len ? at + 1 : 0;
}

bool stanza_read(struct stanza_hint *hint, const char *data, size_t len,
		 struct stanza *out)
{
	size_t at = 1;
	*out = (struct stanza){0};
	while (at < len && data[at] != ' ' && data[at] != '>' && data[at] != '/')
		at++;
	const char *name = data + 1;
	size_t name_len = at - 1;
	size_t tag_len = at < len ? read_tag(out, data, at, len) : 0;
	if (tag_len < 2)
		return false;
	out->message = name_len == 7 && memcmp(name, "message", 7) == 0;
	out->len = whole(hint, data, len, tag_len, name, name_len);
	return out->len > 0;
}

/* ---- Counting --------------------------------------------------------------------- */

struct tally *tally_create(void)
{
	struct tally *t = xcalloc(1, sizeof(*t));
	t->events = xcalloc(EVENTS_MAX, sizeof(*t->events));
	return t;
}

void tally_reset(struct tally *t)
{
	struct event *events = t->events;
	for (size_t i = 0; i < t->event_count; i++)
		free(events[i].seen);
	memset(events, 0, t->event_count * sizeof(*events));
	buf_free(&t->sample);
	*t = (struct tally){.events = events};
}

void tally_destroy(struct tally *t)
{
	tally_reset(t);
	free(t->events);
	free(t);
}

static void find_item(struct event *e, const char *data, size_t len)
{
	static const char before[] = "<item id=";
	const size_t n = sizeof(before) - 1;
	const char *found = memmem(data, len, before, n);
	if (!found || (size_t)(found - data) + n + ITEM_SIZE > len)
		return;
	const char *end = memchr(found + n + 1, found[n], ITEM_SIZE - 1);
	if (end)
		memcpy(e->item, found + n + 1, (size_t)(end - found) - n - 1);
}

static struct event *event_of(struct tally *t, const char *data, const struct stanza *s,
			      size_t key_len)
{
	struct event *e = t->last;
	if (e && e->key_len == key_len && memcmp(e->key, s->id, key_len) == 0)
		return e;
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < key_len; i++)
		h = (h ^ (unsigned char)s->id[i]) * 16777619u;
	for (;; h++) {
		uint32_t *slot = &t->slots[h % SLOTS];
		if (!*slot && t->event_count < EVENTS_MAX && key_len < KEY_SIZE) {
			e = &t->events[t->event_count++];
			memcpy(e->key, s->id, key_len);
			e->key_len = key_len;
			find_item(e, data, s->len);
			*slot = (uint32_t)t->event_count;
			return e;
		}
		if (!*slot)
			return NULL;
		e = &t->events[*slot - 1];
		if (e->key_len == key_len && memcmp(e->key, s->id, key_len) == 0)
			return e;
	}
}

static bool number_of(const struct stanza *s, uint32_t *out)
{
	size_t i = 0, digits = 0;
	uint32_t n = 0;
	while (i < s->to_len && (s->to[i] < '0' || s->to[i] > '9'))
		i++;
	for (; i < s->to_len && s->to[i] >= '0' && s->to[i] <= '9'; i++, digits++)
		n = n * 10 + (uint32_t)(s->to[i] - '0');
	*out = n;
	return digits > 0 && digits < 9;
}

static void mark(struct event *e, uint32_t number)
{
	size_t word = number / 64;
	uint64_t bit = (uint64_t)1 << number % 64;
	if (word >= e->seen_words) {
		size_t words = word < 64 ? 128 : 2 * word;
		e->seen = xreallocarray(e->seen, words, sizeof(*e->seen));
		memset(e->seen + e->seen_words, 0,
		       (words - e->seen_words) * sizeof(*e->seen));
		e->seen_words = words;
	}
	e->distinct += !(e->seen[word] & bit);
	e->seen[word] |= bit;
	e->sum += number;
}

void tally_add(struct tally *t, const char *data, const struct stanza *s, uint64_t now_us)
{
	const char *end = s->id ? memrchr(s->id, '~', s->id_len) : NULL;
	uint32_t number;
	if (!t->messages++)
		buf_add(&t->sample, data, s->len);
	t->bytes += s->len;
	struct event *e = end ? event_of(t, data, s, (size_t)(end - s->id)) : NULL;
	if (!e || !number_of(s, &number)) {
		t->strange++;
		return;
	}
	t->last = e;
	if (!e->count++)
		e->first_us = now_us;
	e->last_us = now_us;
	mark(e, number);
}

uint64_t tally_messages(const struct tally *t)
{
	return t->messages;
}

const struct buf *tally_sample(const struct tally *t)
{
	return t->sample.len ? &t->sample : NULL;
}

void tally_report(const struct tally *t, struct buf *out)
{
	buf_printf(out,
		   "\"messages\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"strange\":%" PRIu64
		   ",\"events\":[",
		   t->messages, t->bytes, t->strange);
	for (size_t i = 0; i < t->event_count; i++) {
		const struct event *e = &t->events[i];
		buf_printf(out,
			   "%s{\"key\":\"%s\",\"item\":\"%s\",\"count\":%" PRIu64
			   ",\"distinct\":%" PRIu64 ",\"sum\":%" PRIu64
			   ",\"first_us\":%" PRIu64 ",\"last_us\":%" PRIu64 "}",
			   i ? "," : "", e->key, e->item, e->count, e->distinct, e->sum,
			   e->first_us, e->last_us);
	}
	buf_adds(out, "]");
}

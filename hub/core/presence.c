#include <belfry/core/presence.h>

#include "core/doc.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SHOWN_MAX 64 /* bytes of a stranger's member name in an error */

static const char *const show_texts[] = {
	[SHOW_AVAILABLE] = "available",
	[SHOW_CHAT] = "chat",
	[SHOW_AWAY] = "away",
	[SHOW_XA] = "xa",
	[SHOW_DND] = "dnd",
};
#define SHOWS (sizeof show_texts / sizeof show_texts[0])

const char *feed_show_text(enum feed_show show)
{
	return (size_t)show < SHOWS ? show_texts[show] : show_texts[SHOW_AVAILABLE];
}

int feed_show_parse(const char *s, size_t len, enum feed_show *out)
{
	for (size_t i = 0; i < SHOWS; i++) {
		if (text_is(s, len, show_texts[i])) {
			*out = (enum feed_show)i;
			return 0;
		}
	}
	return -1;
}

void feed_presence_free(struct feed_presence *p)
{
	free(p->status);
	*p = (struct feed_presence){0};
}

bool feed_presence_is_default(const struct feed_presence *p)
{
	return p->show == SHOW_AVAILABLE && !p->status;
}

/* C0, DEL and C1; and what XML cannot carry. */
static bool is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0xfffe || cp == 0xffff;
}

int feed_presence_set_status(struct feed_presence *p, const char *status, size_t len,
			     char *why, size_t why_size)
{
	uint32_t cp;

	if (len > PRESENCE_STATUS_MAX) {
		snprintf(why, why_size, "status must be at most %d bytes long, it is %zu",
			 PRESENCE_STATUS_MAX, len);
		return -1;
	}
	for (size_t i = 0, n; i < len; i += n) {
		n = utf8_decode(status + i, len - i, &cp);
		if (!n || is_control(cp)) {
			snprintf(why, why_size,
				 "status must be UTF-8 without control characters");
			return -1;
		}
	}
	free(p->status);
	p->status = len ? xmemdup0(status, len) : NULL;
	return 0;
}

static int take_show(struct feed_presence *p, const json_t *v, char *why, size_t why_size)
{
	if (json_is_null(v) ||
	    (json_is_string(v) &&
	     feed_show_parse(json_string_value(v), json_string_length(v), &p->show) == 0))
		return 0;
	snprintf(why, why_size,
		 "show must be \"chat\", \"available\", \"away\", \"xa\" or \"dnd\"");
	return -1;
}

static int take_status(struct feed_presence *p, const json_t *v, char *why,
		       size_t why_size)
{
	if (json_is_null(v))
		return 0;
	if (json_is_string(v))
		return feed_presence_set_status(p, json_string_value(v),
						json_string_length(v), why, why_size);
	snprintf(why, why_size, "status must be a string, it is %s", doc_type_text(v));
	return -1;
}

static int take_member(struct feed_presence *p, const char *name, const json_t *v,
		       char *why, size_t why_size)
{
	if (strcmp(name, "show") == 0)
		return take_show(p, v, why, why_size);
	if (strcmp(name, "status") == 0)
		return take_status(p, v, why, why_size);
	snprintf(why, why_size, "unknown member \"%.*s\": a presence has show and status",
		 (int)utf8_cut(name, strlen(name), NAME_SHOWN_MAX), name);
	return -1;
}

int feed_presence_parse(struct feed_presence *p, const char *json, size_t len, char *why,
			size_t why_size)
{
	json_t *root = doc_load(json, len, 0, why, why_size), *v;
	const char *name;
	int bad = root ? 0 : -1;

	*p = (struct feed_presence){0};
	json_object_foreach(root, name, v)
	{
		bad = take_member(p, name, v, why, why_size);
		if (bad)
			break;
	}
	json_decref(root);
	if (bad)
		feed_presence_free(p);
	return bad;
}

char *feed_presence_json(const struct feed_presence *p)
{
	struct buf out = {0};

	buf_printf(&out, "{\"show\":\"%s\",\"status\":", feed_show_text(p->show));
	if (p->status)
		doc_quote(&out, p->status, strlen(p->status));
	else
		buf_adds(&out, "null");
	buf_addc(&out, '}');
	return buf_steal(&out);
}

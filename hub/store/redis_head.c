#include "store/redis_internal.h"

#include <belfry/base/text.h>

#include <string.h>

/* Adds " PRIO AT[ ITEM]"; what stands there is told in docs/redis.md. */
void event_head_add(struct buf *out, const struct store_commit *c)
{
	char text[64] = " ";
	size_t len = 1 + format_u64((uint64_t)c->priority, text + 1);

	if (c->expires_ms) {
		text[len++] = 'x';
		len += format_u64(c->expires_ms, text + len);
	}
	text[len++] = ' ';
	len += format_u64(c->at_ms, text + len);
	buf_add(out, text, len);
	if (strcmp(c->item, c->id) != 0) {
		buf_addc(out, ' ');
		buf_adds(out, c->item);
	}
}

static int next_number(char **text, uint64_t max, uint64_t *out)
{
	const char *word = strsep(text, " ");
	return word ? parse_u64(word, strlen(word), max, out) : -1;
}

/* "17-9,17-3:1763812345123" */
static int parse_retracted(char *s, struct store_retracted *out)
{
	char *versions = strsep(&s, ":");
	size_t n = 0;
	if (!s || parse_u64(s, strlen(s), UINT64_MAX, &out->at_ms) < 0)
		return -1;
	for (const char *v; (v = strsep(&versions, ",")); n++)
		if (n == STORE_VERSIONS || pos_parse(v, strlen(v), &out->versions[n]) < 0)
			return -1;
	return 0;
}

/* "2", "2x1763812345678", "2r17-9:1763812345123" */
static int parse_prio(char *word, struct store_event *out)
{
	if (!word || word[0] < '0' || word[0] > '0' + PRIORITY_URGENT)
		return -1;
	out->priority = (enum event_priority)(word[0] - '0');
	if (word[1] == 'x')
		return parse_u64(word + 2, strlen(word + 2), UINT64_MAX,
				 &out->expires_ms);
	if (word[1] == 'r') {
		out->kind = EVENT_RETRACT;
		return parse_retracted(word + 2, &out->retracted);
	}
	return word[1] ? -1 : 0;
}

int event_head_parse(char *text, const char *id, struct store_event *out)
{
	out->id = id;
	if (parse_prio(strsep(&text, " "), out) < 0 ||
	    next_number(&text, UINT64_MAX, &out->at_ms) < 0)
		return -1;
	out->item = text ? text : id;
	return 0;
}

int event_parse(const redisReply *entry, struct store_event *out)
{
	*out = (struct store_event){0};
	if (!reply_is_array(entry, 2) || reply_pos(entry->element[0], &out->pos) < 0 ||
	    !reply_is_array(entry->element[1], 2))
		return -1;
	redisReply *const *e = entry->element[1]->element;
	if (!reply_str(e[0]) || !reply_is_text(e[1]))
		return -1;
	char *head = e[0]->str;
	if (next_number(&head, UINT64_MAX, &out->subscribers) < 0)
		return -1;
	const char *id = strsep(&head, " ");
	if (event_head_parse(head, id, out) < 0)
		return -1;
	out->doc = e[1]->str;
	out->doc_len = e[1]->len;
	return 0;
}

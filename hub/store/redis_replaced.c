#include "store/redis_internal.h"

#include <belfry/base/mem.h>

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "[EPOCH-N": positions in `r` have as many digits as Lua's numbers may have. */
#define KEY_DIGITS 16
#define KEY_LEN ((size_t)(2 * KEY_DIGITS + 1))

void cmd_replaced(struct call *c, const char *feed, struct pos from, bool newest,
		  size_t count)
{
	struct redis_store *s = c->s;
	char key[64];
	bool all = newest && !from.epoch && !from.n;
	snprintf(key, sizeof key, "(%0*" PRIu64 "-%0*" PRIu64 "%s", KEY_DIGITS,
		 from.epoch, KEY_DIGITS, from.n, newest ? "" : "!");
	cmd_begin(s, newest ? "ZREVRANGEBYLEX" : "ZRANGEBYLEX");
	cmd_feed_key(s, "r", feed);
	cmd_text(s, all ? "+" : key);
	cmd_text(s, newest ? "-" : "+");
	cmd_text(s, "LIMIT");
	cmd_u64(s, 0);
	cmd_u64(s, count);
	cmd_end(c);
}

static size_t zeros(const char *s, size_t len)
{
	size_t n = 0;
	while (n + 1 < len && s[n] == '0')
		n++;
	return n;
}

/* "0000001763812345-0000000000000017 1763812345-20r" */
static int parse(const redisReply *r, struct replaced *out)
{
	char text[KEY_LEN + 1];
	if (!reply_is_text(r) || r->len < KEY_LEN + 2 || r->str[KEY_LEN] != ' ' ||
	    r->str[KEY_DIGITS] != '-')
		return -1;
	size_t epoch = zeros(r->str, KEY_DIGITS);
	const char *n = r->str + KEY_DIGITS + 1;
	n += zeros(n, KEY_DIGITS);
	size_t epoch_len = KEY_DIGITS + 1 - epoch;
	size_t n_len = (size_t)(r->str + KEY_LEN - n);
	memcpy(text, r->str + epoch, epoch_len);
	memcpy(text + epoch_len, n, n_len);
	out->gone = r->str[r->len - 1] == 'r';
	return pos_parse(text, epoch_len + n_len, &out->pos) < 0 ||
			       pos_parse(r->str + KEY_LEN + 1,
					 r->len - KEY_LEN - 1 - out->gone, &out->by) < 0
		       ? -1
		       : 0;
}

enum belfry_err replaced_parse(const redisReply *reply, struct replaced **out,
			       size_t *count)
{
	if (!reply_is_array(reply, 0))
		return reply_broken("what was replaced");
	if (!reply->elements)
		return BELFRY_OK;
	*out = xcalloc(reply->elements, sizeof **out);
	*count = reply->elements;
	for (size_t i = 0; i < reply->elements; i++)
		if (parse(reply->element[i], &(*out)[i]) < 0)
			return reply_broken("what was replaced");
	return BELFRY_OK;
}

/* Both are in the order of the log, or both are newest first. */
void replaced_tell(const struct replaced *list, size_t list_count,
		   struct store_event *events, size_t count)
{
	bool newest = count > 1 && pos_cmp(events[0].pos, events[1].pos) > 0;
	size_t k = 0;
	for (size_t i = 0; i < list_count; i++) {
		int order = 1;
		for (; k < count; k++) {
			order = pos_cmp(events[k].pos, list[i].pos);
			if (newest ? order <= 0 : order >= 0)
				break;
		}
		if (k == count)
			return;
		if (order == 0) {
			events[k].superseded = list[i].by;
			events[k].gone = list[i].gone;
		}
	}
}

int item_pos(const redisReply *value, struct pos *out)
{
	if (!reply_is_text(value))
		return -1;
	return pos_parse(value->str, strspn(value->str, "0123456789-"), out);
}

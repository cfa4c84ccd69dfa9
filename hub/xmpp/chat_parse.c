#include "chat.h"

#include <belfry/base/text.h>

#include <string.h>
#include <strings.h>

#define WORDS_MAX 3

static const struct {
	const char *word;
	enum chat_verb verb;
} words[] = {
	{"help", CHAT_HELP},
	{"?", CHAT_HELP},
	{"list", CHAT_LIST},
	{"subscribe", CHAT_SUBSCRIBE},
	{"unsubscribe", CHAT_UNSUBSCRIBE},
	{"last", CHAT_LAST},
};

struct word {
	const char *s;
	size_t len;
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Returns the number of words; WORDS_MAX + 1: too many. */
static size_t split(const char *text, struct word out[WORDS_MAX])
{
	size_t n = 0;
	while (*text != '\0') {
		if (is_space(*text)) {
			text++;
			continue;
		}
		if (n == WORDS_MAX)
			return WORDS_MAX + 1;
		out[n].s = text;
		while (*text != '\0' && !is_space(*text))
			text++;
		out[n].len = (size_t)(text - out[n].s);
		n++;
	}
	return n;
}

static enum chat_verb verb_of(const struct word *w)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (w->len == strlen(words[i].word) &&
		    strncasecmp(w->s, words[i].word, w->len) == 0)
			return words[i].verb;
	return CHAT_UNKNOWN;
}

/* A feed's name as people write it: upper case is folded. */
static bool take_feed(struct chat_command *c, const struct word *w)
{
	if (w->len > FEED_NAME_MAX)
		return false;
	for (size_t i = 0; i < w->len; i++) {
		char ch = w->s[i];
		c->feed[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch + 'a' - 'A') : ch;
	}
	c->feed[w->len] = '\0';
	return feed_name_valid(c->feed, w->len);
}

static bool take_count(struct chat_command *c, const struct word *w)
{
	uint64_t count;
	if (parse_u64(w->s, w->len, CHAT_LAST_MAX, &count) != 0 || count == 0)
		return false;
	c->count = count;
	return true;
}

/* last; last N; last FEED; last FEED N. A lone number is N. */
static bool take_last(struct chat_command *c, const struct word *args, size_t n,
		      bool implied)
{
	c->count = 1;
	if (n == 0)
		return true;
	if (n == 1)
		return take_count(c, &args[0]) || (!implied && take_feed(c, &args[0]));
	return n == 2 && !implied && take_feed(c, &args[0]) && take_count(c, &args[1]);
}

static bool take_args(struct chat_command *c, const struct word *args, size_t n,
		      bool implied)
{
	switch (c->verb) {
	case CHAT_HELP:
		return n == 0;
	case CHAT_LIST:
		return n == 0 || (n == 1 && !implied && take_feed(c, &args[0]));
	case CHAT_SUBSCRIBE:
	case CHAT_UNSUBSCRIBE:
		return implied ? n == 0 : n == 1 && take_feed(c, &args[0]);
	case CHAT_LAST:
		return take_last(c, args, n, implied);
	case CHAT_UNKNOWN:
		break;
	}
	return false;
}

void chat_parse(struct chat_command *c, const char *text, const char *feed)
{
	struct word w[WORDS_MAX];
	size_t n = split(text, w);
	*c = (struct chat_command){.verb = CHAT_UNKNOWN};
	if (n > 0 && n <= WORDS_MAX)
		c->verb = verb_of(&w[0]);
	if (c->verb != CHAT_UNKNOWN && !take_args(c, w + 1, n - 1, feed != NULL))
		*c = (struct chat_command){.verb = CHAT_UNKNOWN};
	/* What was written to may be longer than a feed's name can be. */
	if (c->feed[0] == '\0' && feed != NULL && strlen(feed) <= FEED_NAME_MAX)
		memcpy(c->feed, feed, strlen(feed) + 1);
}

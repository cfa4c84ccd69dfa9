#include "chat.h"

#include <belfry/base/text.h>

#include <string.h>
#include <strings.h>

/* only FEED, tags, a priority */
#define WORDS_MAX (2 + SUB_TAGS_MAX + 1)

struct word {
	const char *s;
	size_t len;
};

/* What phones and people put around a command: spaces (one that does not break a line
 * among them), and the quotes of our own texts. */
static const char *const around[] = {
	" ",
	"\t",
	"\r",
	"\n",
	"\xc2\xa0",
	"'",
	"\"",
	"`",
	"\xe2\x80\x98",
	"\xe2\x80\x99",
	"\xe2\x80\x9a",
	"\xe2\x80\x9c",
	"\xe2\x80\x9d",
	"\xe2\x80\x9e",
	"\xc2\xab",
	"\xc2\xbb",
	NULL,
};
static const char *const behind[] = {"!", "?", ",", ";", ":", "\xe2\x80\xa6", NULL};

/* The bytes of what W begins with, or ends with, of LIST; never all of W. */
static size_t edge(const struct word *w, const char *const *list, bool end)
{
	for (; *list != NULL; list++) {
		size_t len = strlen(*list);
		if (len < w->len &&
		    memcmp(end ? w->s + w->len - len : w->s, *list, len) == 0)
			return len;
	}
	return 0;
}

static struct word trimmed(struct word w)
{
	size_t len;
	while ((len = edge(&w, around, false)) > 0) {
		w.s += len;
		w.len -= len;
	}
	while ((len = edge(&w, around, true)) > 0 || (len = edge(&w, behind, true)) > 0)
		w.len -= len;
	return w;
}

static size_t space(const char *s, size_t len)
{
	if (len >= 2 && memcmp(s, "\xc2\xa0", 2) == 0)
		return 2;
	return len > 0 && (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n');
}

/* Returns the number of words; WORDS_MAX + 1: more than are written to OUT. */
static size_t split(struct word text, struct word out[WORDS_MAX])
{
	const char *s = text.s, *end = text.s + text.len;
	size_t n = 0, gap;
	while (s < end) {
		if ((gap = space(s, (size_t)(end - s))) > 0) {
			s += gap;
			continue;
		}
		if (n == WORDS_MAX)
			return WORDS_MAX + 1;
		out[n].s = s;
		while (s < end && space(s, (size_t)(end - s)) == 0)
			s++;
		out[n].len = (size_t)(s - out[n].s);
		n++;
	}
	return n;
}

static struct word without_stops(struct word w)
{
	while (w.len > 1 && w.s[w.len - 1] == '.')
		w.len--;
	return w;
}

/* 'yes'. */
static struct word plain(struct word w)
{
	return trimmed(without_stops(trimmed(w)));
}

static enum command_problem take(struct command_args *a, enum param_kind kind,
				 struct word w)
{
	if (kind == PARAM_WHAT || kind == PARAM_JID)
		w = plain(w);
	else if (kind != PARAM_FEED && kind != PARAM_NAME)
		w = without_stops(w);
	return param_take(a, kind, w.s, w.len);
}

static enum command_problem take_rest(struct command_args *a, const struct word *w,
				      size_t n)
{
	enum command_problem p = COMMAND_FINE;
	for (size_t i = 0; i < n && p == COMMAND_FINE; i++)
		p = take(a, PARAM_WHAT, w[i]);
	return p == COMMAND_FINE ? param_what_end(a) : p;
}

/* W: the N words behind the command. */
static enum command_problem match(struct command_args *a, const enum param_kind *kinds,
				  size_t count, const struct word *w, size_t n)
{
	command_args_init(a);
	if (count == 1 && kinds[0] == PARAM_ANY)
		return n > 0 ? COMMAND_FINE : COMMAND_BAD_FORM;
	bool rest = count > 0 && kinds[count - 1] == PARAM_WHAT;
	if (rest && n > WORDS_MAX - 1) /* they are not all in W */
		return COMMAND_BAD_WHAT;
	if (rest ? n < count : n != count)
		return COMMAND_BAD_FORM;
	for (size_t i = 0; i < count; i++) {
		enum command_problem p = kinds[i] == PARAM_WHAT
						 ? take_rest(a, w + i, n - i)
						 : take(a, kinds[i], w[i]);
		if (p != COMMAND_FINE)
			return p;
	}
	return param_when_end(a);
}

static bool resembles(enum param_kind kind, struct word w)
{
	w = without_stops(w);
	return param_resembles(kind, w.s, w.len);
}

/* The command is known; the N words behind it decide. */
static enum command_problem match_any(struct command_args *a, const struct command *c,
				      bool to_feed, const struct word *w, size_t n)
{
	enum command_problem problem = COMMAND_BAD_FORM;
	const struct command_usage *u = command_usages(c, to_feed);
	for (; u->params != NULL; u++) {
		enum param_kind kinds[USAGE_PARAMS_MAX];
		size_t count = usage_params(u, kinds);
		enum command_problem p = match(a, kinds, count, w, n);
		if (p == COMMAND_FINE)
			return p;
		if (p == COMMAND_BAD_FORM)
			continue;
		problem = p;
		/* A number where N may stand is N, and no feed. */
		if (n == count && resembles(kinds[n - 1], w[n - 1]))
			break;
	}
	return problem;
}

static bool names(struct word w, const char *feed)
{
	struct word bare = without_stops(w);
	size_t len = strlen(feed);
	return (len == w.len && strncasecmp(w.s, feed, len) == 0) ||
	       (len == bare.len && strncasecmp(bare.s, feed, len) == 0);
}

/* The words that a command may have are foreign: "only deploys" names a tag, and in "when
 * chat online" there is no feed. */
static bool takes_all(const struct command *c)
{
	enum param_kind kinds[USAGE_PARAMS_MAX];
	size_t n = c->feed[0].params != NULL ? usage_params(&c->feed[0], kinds) : 0;
	return n > 0 && (kinds[n - 1] == PARAM_WHAT || kinds[n - 1] == PARAM_SHOWS);
}

static enum command_problem match_to_feed(struct chat_command *c, const char *feed,
					  const struct word *w, size_t n)
{
	bool named = n > 0 && n < WORDS_MAX && names(w[0], feed);
	if (named && n > 1 && takes_all(c->command))
		return match_any(&c->args, c->command, true, w + 1, n - 1);
	enum command_problem problem = match_any(&c->args, c->command, true, w, n);
	if (problem == COMMAND_FINE)
		return problem;
	if (named)
		return match_any(&c->args, c->command, true, w + 1, n - 1);
	struct command_args other;
	if (!takes_all(c->command) &&
	    match_any(&other, c->command, false, w, n) == COMMAND_FINE)
		return COMMAND_FOR_HUB;
	return problem;
}

/* The words of TEXT as split() gives them, the first one bare. */
static size_t words_of(const char *text, struct word w[WORDS_MAX])
{
	size_t n = split(trimmed((struct word){text, strlen(text)}), w);
	if (n > 0)
		w[0] = plain(w[0]);
	return n;
}

void chat_parse(struct chat_command *c, const char *text, const char *feed)
{
	struct word w[WORDS_MAX];
	size_t n = words_of(text, w);
	*c = (struct chat_command){0};
	if (n > 0)
		c->command = command_find(w[0].s, w[0].len);
	if (c->command == NULL)
		return;
	if (feed != NULL)
		c->problem = match_to_feed(c, feed, w + 1, n - 1);
	else
		c->problem = match_any(&c->args, c->command, false, w + 1, n - 1);
}

size_t chat_first_word(const char *text, const char **word)
{
	struct word w[WORDS_MAX];
	if (words_of(text, w) == 0)
		return 0;
	*word = w[0].s;
	return w[0].len;
}

void chat_usage(struct buf *out, const struct command *c, bool to_feed)
{
	const struct command_usage *u = command_usages(c, to_feed);
	for (; u->params != NULL; u++)
		if (u->what != NULL)
			buf_printf(out, "\n%s%s%s - %s", c->name,
				   u->params[0] != '\0' ? " " : "", u->params, u->what);
}

#include "chat.h"

#include <belfry/base/text.h>

#include <string.h>
#include <strings.h>

#define WORDS_MAX 3

enum { TO_HUB = 1, TO_FEED = 2 };

/*
 * Every way to write a command, in the order of the help, which shows those that say what
 * they do. FEED and N stand for a feed's name and a number; ANY for whatever follows.
 */
static const struct usage {
	enum chat_verb verb;
	unsigned to;
	const char *form, *what;
} usages[] = {
	{CHAT_LIST, TO_HUB | TO_FEED, "list", "the feeds there are"},
	{CHAT_LIST, TO_HUB | TO_FEED, "list FEED", NULL},
	{CHAT_SUBSCRIBE, TO_HUB, "subscribe FEED", "follow a feed"},
	{CHAT_SUBSCRIBE, TO_FEED, "subscribe", "follow this feed"},
	{CHAT_UNSUBSCRIBE, TO_HUB, "unsubscribe FEED", "stop following it"},
	{CHAT_UNSUBSCRIBE, TO_FEED, "unsubscribe", "stop following it"},
	{CHAT_LAST, TO_HUB, "last FEED N",
	 "the last N events of a feed (at most " CHAT_LAST_MAX_TEXT ")"},
	{CHAT_LAST, TO_HUB, "last N", "the same of all feeds that you follow"},
	{CHAT_LAST, TO_HUB, "last FEED", NULL},
	{CHAT_LAST, TO_FEED, "last N",
	 "its last N events (at most " CHAT_LAST_MAX_TEXT ")"},
	{CHAT_LAST, TO_HUB | TO_FEED, "last", NULL},
	{CHAT_HELP, TO_HUB | TO_FEED, "help", "this text"},
	{CHAT_HELP, TO_HUB | TO_FEED, "help ANY", NULL},
	{CHAT_HELP, TO_HUB | TO_FEED, "?", NULL},
};
#define USAGES (sizeof(usages) / sizeof(usages[0]))

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

static bool begins(const struct usage *u, struct word verb)
{
	size_t len = strcspn(u->form, " ");
	return verb.len == len && strncasecmp(verb.s, u->form, len) == 0;
}

/* A feed's name as people write it: upper case is folded. */
static bool take_feed(struct chat_command *c, struct word w)
{
	if (w.len > FEED_NAME_MAX)
		return false;
	for (size_t i = 0; i < w.len; i++) {
		char ch = w.s[i];
		c->feed[i] = ch >= 'A' && ch <= 'Z' ? (char)(ch + 'a' - 'A') : ch;
	}
	c->feed[w.len] = '\0';
	return feed_name_valid(c->feed, w.len);
}

static bool take_count(struct chat_command *c, struct word w)
{
	w = without_stops(w);
	return parse_u64(w.s, w.len, CHAT_LAST_MAX, &c->count) == 0 && c->count > 0;
}

/* Meant as a number, if not as one that there is. */
static bool is_number(struct word w)
{
	w = without_stops(w);
	size_t sign = w.len > 1 && (w.s[0] == '-' || w.s[0] == '+');
	for (size_t i = sign; i < w.len; i++)
		if (w.s[i] < '0' || w.s[i] > '9')
			return false;
	return true;
}

static enum chat_problem match(struct chat_command *c, const struct usage *u,
			       const struct word *w, size_t n)
{
	struct word form[WORDS_MAX];
	size_t count = split((struct word){u->form, strlen(u->form)}, form);
	c->count = 1;
	c->feed[0] = '\0';
	if (count == 2 && text_is(form[1].s, form[1].len, "ANY"))
		return CHAT_FINE;
	if (count != n)
		return CHAT_BAD_FORM;
	for (size_t i = 1; i < n; i++) {
		if (form[i].s[0] == 'N' && !take_count(c, w[i]))
			return CHAT_BAD_COUNT;
		if (form[i].s[0] == 'F' && !take_feed(c, w[i]))
			return CHAT_BAD_NAME;
	}
	return CHAT_FINE;
}

/* The verb is known; what stands behind it decides. */
static enum chat_problem match_any(struct chat_command *c, unsigned to,
				   const struct word *w, size_t n)
{
	enum chat_problem problem = CHAT_BAD_FORM;
	for (size_t i = 0; i < USAGES; i++) {
		if (!(usages[i].to & to) || !begins(&usages[i], w[0]))
			continue;
		enum chat_problem p = match(c, &usages[i], w, n);
		if (p != CHAT_BAD_FORM)
			problem = p;
		/* A number where N may stand is N, and no feed. */
		if (p == CHAT_FINE || (p == CHAT_BAD_COUNT && is_number(w[n - 1])))
			break;
	}
	return problem;
}

static bool names(struct word w, const char *feed)
{
	struct word plain = without_stops(w);
	size_t len = strlen(feed);
	return (len == w.len && strncasecmp(w.s, feed, len) == 0) ||
	       (len == plain.len && strncasecmp(plain.s, feed, len) == 0);
}

static enum chat_problem match_to_feed(struct chat_command *c, const char *feed,
				       struct word *w, size_t n)
{
	enum chat_problem problem = match_any(c, TO_FEED, w, n);
	if (problem == CHAT_FINE)
		return problem;
	if (n > 1 && n <= WORDS_MAX && names(w[1], feed)) {
		memmove(w + 1, w + 2, (n - 2) * sizeof(*w));
		return match_any(c, TO_FEED, w, n - 1);
	}
	struct chat_command other;
	if (match_any(&other, TO_HUB, w, n) == CHAT_FINE)
		return CHAT_FOR_HUB;
	return problem;
}

/* The words of TEXT as split() gives them, the first one bare. */
static size_t words_of(const char *text, struct word w[WORDS_MAX])
{
	size_t n = split(trimmed((struct word){text, strlen(text)}), w);
	if (n > 0)
		w[0] = without_stops(trimmed(w[0]));
	return n;
}

void chat_parse(struct chat_command *c, const char *text, const char *feed)
{
	struct word w[WORDS_MAX];
	size_t n = words_of(text, w);
	*c = (struct chat_command){.verb = CHAT_UNKNOWN};
	for (size_t i = 0; n > 0 && i < USAGES && c->verb == CHAT_UNKNOWN; i++)
		if (begins(&usages[i], w[0]))
			c->verb = usages[i].verb;
	if (c->verb == CHAT_UNKNOWN)
		return;
	c->problem =
		feed != NULL ? match_to_feed(c, feed, w, n) : match_any(c, TO_HUB, w, n);
}

size_t chat_first_word(const char *text, const char **word)
{
	struct word w[WORDS_MAX];
	if (words_of(text, w) == 0)
		return 0;
	*word = w[0].s;
	return w[0].len;
}

void chat_usage(struct buf *out, enum chat_verb verb, bool to_feed)
{
	for (size_t i = 0; i < USAGES; i++) {
		const struct usage *u = &usages[i];
		if ((u->to & (to_feed ? TO_FEED : TO_HUB)) && u->what != NULL &&
		    (verb == CHAT_UNKNOWN || verb == u->verb))
			buf_printf(out, "\n%s - %s", u->form, u->what);
	}
}

#include <belfry/core/subscription.h>

#include <belfry/base/text.h>

#include <stdio.h>
#include <string.h>

/*
 * The options of a row are words: "a" (a contact), "p3" (at least this priority),
 * "m1763812345678" (muted until), "z" (paused), "q1320-420/Europe/Berlin" (quiet hours,
 * in minutes since midnight), "u" (urgent events pass them), "o" (kept while it is
 * offline), "s3" (what it is to show, in bits), "g2" (may its presence be seen), "d60" (a
 * digest of so many minutes), "d@480/Europe/Berlin" (one a day), "tTAG" (one each; blanks
 * and per cent signs as %20 and %25), "r" (is asked for receipts; "r0": is not; neither:
 * as the feed says), "v12-3" (has given one, and is to give them for what is behind
 * that). The scripts know their first letters alone
 * (hub/store/scripts/join.lua); "h" is that of a hold.
 */
struct word {
	const char *s;
	size_t len;
};
/* The tags' part of the text: the rest always has room beside it. */
#define TAGS_SIZE (SUB_OPTIONS_SIZE - 201)

/* The next word of [*S, END); false: there is none. */
static bool next_word(const char **s, const char *end, struct word *out)
{
	while (*s < end && **s == ' ')
		(*s)++;
	const char *space = memchr(*s, ' ', (size_t)(end - *s));
	out->s = *s;
	out->len = (size_t)((space ? space : end) - *s);
	*s += out->len;
	return out->len > 0;
}

static char folded(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* ---- Reading --------------------------------------------------------------------- */

/* The next byte of an escaped tag. */
static char unescaped(const char **s, const char *end)
{
	char c = *(*s)++;
	if (c == '%' && end - *s >= 2) {
		c = (*s)[1] == '0' ? ' ' : '%';
		*s += 2;
	}
	return c;
}

/* Is TAG what W, without its letter, stands for? */
static bool tag_is(struct word w, const char *tag)
{
	const char *s = w.s + 1, *end = w.s + w.len;
	while (s < end && *tag)
		if (folded(unescaped(&s, end)) != folded(*tag++))
			return false;
	return s == end && !*tag;
}

static bool number(struct word w, uint64_t max, uint64_t *out)
{
	return parse_u64(w.s + 1, w.len - 1, max, out) == 0;
}

static void read_tag(struct sub_options *o, struct word w)
{
	char tag[SUB_TAG_MAX + 1];
	const char *s = w.s + 1, *end = w.s + w.len;
	size_t len = 0;
	while (s < end && len < sizeof tag)
		tag[len++] = unescaped(&s, end);
	if (s == end)
		sub_options_tag(o, tag, len);
}

/* A word that is its letter alone: the option it switches on. */
static void read_letter(struct sub_options *o, char letter)
{
	if (letter == 'a')
		o->contact = true;
	else if (letter == 'z')
		o->paused = true;
	else if (letter == 'u')
		o->urgent_passes = true;
	else if (letter == 'r')
		o->receipt = true;
	else if (letter == 'o')
		o->hold_offline = true;
}

/* Up to the byte STOP, which is passed over: minutes since midnight. */
static bool read_minute(const char **s, const char *end, char stop, unsigned *out)
{
	const char *at = memchr(*s, stop, (size_t)(end - *s));
	uint64_t n;
	if (!at || parse_u64(*s, (size_t)(at - *s), SUB_DAY_MINUTES - 1, &n) != 0)
		return false;
	*s = at + 1;
	*out = (unsigned)n;
	return true;
}

/* What is left of a word. */
static bool read_zone(const char *s, const char *end, char out[SUB_ZONE_MAX + 1])
{
	if (s == end || end - s > SUB_ZONE_MAX)
		return false;
	memcpy(out, s, (size_t)(end - s));
	return true;
}

static void read_quiet(struct sub_options *o, struct word w)
{
	struct sub_quiet q = {.set = true};
	const char *s = w.s + 1, *end = w.s + w.len;
	if (!read_minute(&s, end, '-', &q.from) || !read_minute(&s, end, '/', &q.to) ||
	    q.from == q.to || !read_zone(s, end, q.zone))
		return;
	o->quiet = q;
}

static void read_digest(struct sub_options *o, struct word w)
{
	struct sub_digest d = {.daily = w.len > 1 && w.s[1] == '@'};
	const char *s = w.s + 2, *end = w.s + w.len;
	uint64_t n;
	if (d.daily) {
		if (!read_minute(&s, end, '/', &d.at) || !read_zone(s, end, d.zone))
			return;
	} else {
		if (!number(w, SUB_DIGEST_MAX, &n) || n < SUB_DIGEST_MIN)
			return;
		d.every_min = (unsigned)n;
	}
	o->digest = d;
}

void sub_options_read(const struct sub *sub, struct sub_options *out)
{
	const char *s = sub->options, *end = s ? s + sub->options_len : NULL;
	struct word w;
	uint64_t n;
	*out = (struct sub_options){0};
	while (s && next_word(&s, end, &w)) {
		if (w.len == 1)
			read_letter(out, w.s[0]);
		else if (w.s[0] == 'p' && number(w, PRIORITY_URGENT, &n))
			out->at_least = (enum event_priority)n;
		else if (w.s[0] == 'm' && number(w, UINT64_MAX, &n))
			out->muted_until_ms = n;
		else if (w.s[0] == 's' && number(w, SHOWS_ALL, &n))
			out->shows = (unsigned)n;
		else if (w.s[0] == 'g' && number(w, GRANT_REFUSED, &n))
			out->grant = (enum sub_grant)n;
		else if (w.s[0] == 'q')
			read_quiet(out, w);
		else if (w.s[0] == 'd')
			read_digest(out, w);
		else if (w.s[0] == 't')
			read_tag(out, w);
		else if (w.len == 2 && memcmp(w.s, "r0", 2) == 0)
			out->no_receipt = true;
		else if (w.s[0] == 'v')
			pos_parse(w.s + 1, w.len - 1, &out->proven);
	}
}

bool sub_asks(const struct sub *sub, bool by_feed)
{
	const char *s = sub->options, *end = s ? s + sub->options_len : NULL;
	struct word w;
	bool asks = by_feed, chosen = false;
	if (sub->format != FORMAT_CHAT)
		return false;
	while (s && next_word(&s, end, &w)) {
		if (w.s[0] == 'd')
			return false;
		if (w.s[0] == 'r') {
			chosen = true;
			asks = w.len == 1;
		}
		asks |= !chosen && w.s[0] == 'v';
	}
	return asks;
}

bool sub_wants_receipts(const struct sub *sub)
{
	struct sub_options o;
	if (sub_asks(sub, false))
		return true;
	if (!sub->options_len || sub->format != FORMAT_CHAT)
		return false;
	sub_options_read(sub, &o);
	return o.receipt;
}

bool sub_proven(const struct sub *sub, struct pos *since)
{
	const char *s = sub->options, *end = s ? s + sub->options_len : NULL;
	struct word w;
	struct pos pos;
	if (!sub_asks(sub, false))
		return false;
	while (next_word(&s, end, &w)) {
		if (w.s[0] != 'v' || pos_parse(w.s + 1, w.len - 1, &pos))
			continue;
		if (since)
			*since = pos;
		return true;
	}
	return false;
}

bool sub_may_wait(const struct sub *sub)
{
	const char *s = sub->options, *end = s ? s + sub->options_len : NULL;
	struct word w;
	while (s && next_word(&s, end, &w))
		if (w.s[0] == 'z' || w.s[0] == 'q' || w.s[0] == 'd')
			return true;
	return false;
}

bool sub_minds_presence(const struct sub *sub)
{
	const char *s = sub->options, *end = s ? s + sub->options_len : NULL;
	struct word w;
	while (s && next_word(&s, end, &w))
		if (w.s[0] == 'o' || w.s[0] == 's' || w.s[0] == 'g' ||
		    (w.s[0] == 'r' && w.len == 1))
			return true;
	return false;
}

bool sub_chooses_presence(const struct sub_options *o)
{
	return o->hold_offline || o->shows || o->receipt;
}

static bool has_tag(const struct event *e, struct word w)
{
	for (char **tag = e->tags; tag && *tag; tag++)
		if (tag_is(w, *tag))
			return true;
	return false;
}

bool sub_passes(const struct sub *sub, const struct event *e, uint64_t at_ms)
{
	const char *s = sub->options, *end = s ? s + sub->options_len : NULL;
	bool tags = false, tagged = false;
	struct word w;
	uint64_t n;
	while (s && next_word(&s, end, &w)) {
		if (w.s[0] == 'p' && number(w, PRIORITY_URGENT, &n) && e->priority < n)
			return false;
		if (w.s[0] == 'm' && number(w, UINT64_MAX, &n) && at_ms < n)
			return false;
		if (w.s[0] == 't') {
			tags = true;
			tagged = tagged || has_tag(e, w);
		}
	}
	return tagged || !tags;
}

/* ---- Writing --------------------------------------------------------------------- */

static bool tag_fit(const char *tag, size_t len)
{
	if (len == 0 || len > SUB_TAG_MAX || !utf8_valid(tag, len))
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)tag[i] < 0x20 || tag[i] == 0x7f)
			return false;
	return true;
}

static bool same_tag(const char *a, const char *b)
{
	while (*a && folded(*a) == folded(*b)) {
		a++;
		b++;
	}
	return folded(*a) == folded(*b);
}

int sub_options_tag(struct sub_options *o, const char *tag, size_t len)
{
	if (!tag_fit(tag, len) || o->tag_count == SUB_TAGS_MAX)
		return -1;
	char *to = o->tags[o->tag_count];
	memcpy(to, tag, len);
	to[len] = '\0';
	for (size_t i = 0; i < o->tag_count; i++)
		if (same_tag(o->tags[i], to))
			return 0;
	o->tag_count++;
	return 0;
}

/* Appends to OUT, of which LEN bytes are used; the new length, or -1: no room. */
static int append(char out[SUB_OPTIONS_SIZE], int len, const char *word)
{
	int n = len < 0 ? -1
			: snprintf(out + len, SUB_OPTIONS_SIZE - (size_t)len, "%s%s",
				   len ? " " : "", word);
	return n < 0 || n >= SUB_OPTIONS_SIZE - len ? -1 : len + n;
}

static int append_tag(char out[SUB_OPTIONS_SIZE], int len, const char *tag)
{
	char word[3 * SUB_TAG_MAX + 2], *w = word;
	*w++ = 't';
	for (; *tag; tag++) {
		if (*tag == ' ' || *tag == '%') {
			memcpy(w, *tag == ' ' ? "%20" : "%25", 3);
			w += 3;
		} else {
			*w++ = *tag;
		}
	}
	*w = '\0';
	return append(out, len, word);
}

static int append_quiet(char out[SUB_OPTIONS_SIZE], int len, const struct sub_quiet *q)
{
	char word[SUB_ZONE_MAX + 16];
	if (!q->set)
		return len;
	snprintf(word, sizeof word, "q%u-%u/%s", q->from % SUB_DAY_MINUTES,
		 q->to % SUB_DAY_MINUTES, q->zone);
	return append(out, len, word);
}

static int append_receipt(char out[SUB_OPTIONS_SIZE], int len,
			  const struct sub_options *o)
{
	static const struct pos never;
	char word[POS_TEXT_SIZE + 1] = "v";
	if (o->receipt || o->no_receipt)
		len = append(out, len, o->receipt ? "r" : "r0");
	if (pos_cmp(o->proven, never) == 0)
		return len;
	pos_format(o->proven, word + 1);
	return append(out, len, word);
}

/* Unless it is 0. */
static int append_number(char out[SUB_OPTIONS_SIZE], int len, char letter, unsigned n)
{
	char word[16];
	snprintf(word, sizeof word, "%c%u", letter, n);
	return n ? append(out, len, word) : len;
}

static int append_digest(char out[SUB_OPTIONS_SIZE], int len, const struct sub_digest *d)
{
	char word[SUB_ZONE_MAX + 16];
	if (d->daily)
		snprintf(word, sizeof word, "d@%u/%s", d->at % SUB_DAY_MINUTES, d->zone);
	else if (d->every_min)
		snprintf(word, sizeof word, "d%u", d->every_min);
	else
		return len;
	return append(out, len, word);
}

int sub_options_text(const struct sub_options *o, char out[SUB_OPTIONS_SIZE])
{
	char word[24];
	int len = 0;
	out[0] = '\0';
	if (o->contact)
		len = append(out, len, "a");
	if (o->at_least > PRIORITY_LOW) {
		snprintf(word, sizeof word, "p%u", (unsigned)o->at_least);
		len = append(out, len, word);
	}
	if (o->muted_until_ms) {
		snprintf(word, sizeof word, "m%llu",
			 (unsigned long long)o->muted_until_ms);
		len = append(out, len, word);
	}
	if (o->paused)
		len = append(out, len, "z");
	len = append_quiet(out, len, &o->quiet);
	if (o->urgent_passes)
		len = append(out, len, "u");
	len = append_receipt(out, len, o);
	if (o->hold_offline)
		len = append(out, len, "o");
	len = append_number(out, len, 's', o->shows & SHOWS_ALL);
	len = append_number(out, len, 'g', o->grant);
	len = append_digest(out, len, &o->digest);
	int tags = len;
	for (size_t i = 0; i < o->tag_count; i++)
		len = append_tag(out, len, o->tags[i]);
	/* Whatever stands before them, as that may change. */
	return len - tags - (tags > 0) < TAGS_SIZE ? len : -1;
}

bool sub_change_unproves(const struct sub_change *c)
{
	return ((c->set & SUB_SET_RECEIPT) && !c->options.receipt) ||
	       ((c->set & SUB_SET_DIGEST) && sub_digest_set(&c->options.digest)) ||
	       ((c->set & SUB_SET_FORMAT) && c->format != FORMAT_CHAT);
}

void sub_change_apply(const struct sub_change *c, struct sub_options *o)
{
	if (c->set & SUB_SET_RECEIPT) {
		o->receipt = c->options.receipt;
		o->no_receipt = c->options.no_receipt;
	}
	if (sub_change_unproves(c))
		o->proven = (struct pos){0, 0};
	if (c->set & SUB_SET_CONTACT)
		o->contact = c->options.contact;
	if (c->set & SUB_SET_MUTED)
		o->muted_until_ms = c->options.muted_until_ms;
	if (c->set & SUB_SET_PRIORITY)
		o->at_least = c->options.at_least;
	if (c->set & SUB_SET_PAUSED)
		o->paused = c->options.paused;
	if (c->set & SUB_SET_QUIET)
		o->quiet = c->options.quiet;
	if (c->set & SUB_SET_URGENT)
		o->urgent_passes = c->options.urgent_passes;
	if (c->set & SUB_SET_OFFLINE)
		o->hold_offline = c->options.hold_offline;
	if (c->set & SUB_SET_SHOWS)
		o->shows = c->options.shows;
	if (c->set & SUB_SET_GRANT)
		o->grant = c->options.grant;
	if (c->set & SUB_SET_DIGEST)
		o->digest = c->options.digest;
	if (c->set & SUB_SET_TAGS) {
		o->tag_count = c->options.tag_count;
		memcpy(o->tags, c->options.tags, sizeof o->tags);
	}
}

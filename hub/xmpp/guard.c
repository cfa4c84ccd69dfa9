#include "guard.h"

#include <string.h>

enum state {
	TEXT,
	OPEN, /* behind '<' */
	START_NAME,
	ATTRIBUTES, /* in a start tag, between attributes */
	ATTRIBUTE_NAME,
	ATTRIBUTE_EQUALS,
	ATTRIBUTE_VALUE,
	EMPTY, /* behind the '/' of a start tag */
	END_TAG,
	DECLARATION, /* <?xml ... ?> */
	BANG,	     /* behind "<!" */
	CDATA,
};
static const char cdata_start[] = "[CDATA[";
static const char cdata_end[] = "]]>";

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* The attributes by which stanzas are believed. */
static bool name_matters(const struct guard *g)
{
	static const char *const names[] = {"from", "to", "id", "type"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strlen(names[i]) == g->name_len &&
		    memcmp(names[i], g->name, g->name_len) == 0)
			return true;
	return false;
}

static bool is_xmlns(const struct guard *g)
{
	return g->name_len == 5 && memcmp(g->name, "xmlns", 5) == 0;
}

static int on_open(struct guard *g, char c)
{
	if (c != '!')
		g->text = 0;
	if (c == '/') {
		g->state = END_TAG;
	} else if (c == '!') {
		g->state = BANG;
		g->matched = 0;
	} else if (c == '?') {
		g->state = DECLARATION;
		return g->depth == 0 ? 0 : -1;
	} else {
		g->state = START_NAME;
		g->depth++;
		if (g->depth > GUARD_DEPTH_MAX || ++g->nodes > GUARD_NODES_MAX)
			g->bad = true;
	}
	return 0;
}

static void on_start_tag(struct guard *g, char c)
{
	if (is_space(c)) {
		g->state = ATTRIBUTES;
	} else if (c == '>') {
		g->state = TEXT;
	} else if (c == '/') {
		g->state = EMPTY;
	} else if (g->state == ATTRIBUTES) {
		g->state = ATTRIBUTE_NAME;
		g->prefixed = g->declares = false;
		g->name[0] = c;
		g->name_len = 1;
	}
}

static int on_attribute_name(struct guard *g, char c)
{
	if (c == '=' || is_space(c)) {
		if (g->depth == 2 && g->prefixed && name_matters(g))
			g->bad = true;
		if (++g->nodes > GUARD_NODES_MAX)
			g->bad = true;
		g->declares = g->declares || (!g->prefixed && is_xmlns(g));
		g->state = ATTRIBUTE_EQUALS;
	} else if (c == ':') {
		g->declares = is_xmlns(g);
		g->prefixed = true;
		g->name_len = 0;
	} else if (c == '>' || c == '<') {
		return -1;
	} else if (g->name_len < sizeof(g->name)) {
		g->name[g->name_len++] = c;
	}
	return 0;
}

static int on_attribute_equals(struct guard *g, char c)
{
	if (c == '\'' || c == '"') {
		g->quote = c;
		g->value_len = 0;
		g->state = ATTRIBUTE_VALUE;
	} else if (c != '=' && !is_space(c)) {
		return -1;
	}
	return 0;
}

static int on_end(struct guard *g, char c)
{
	if (c != '>')
		return g->state == END_TAG ? 0 : -1;
	if (g->depth == 0)
		return -1;
	g->depth--;
	g->state = TEXT;
	return 0;
}

static int on_bang(struct guard *g, char c)
{
	if (c != cdata_start[g->matched])
		return -1; /* XMPP has no comments and no DTD: RFC 6120 11.1 */
	if (cdata_start[++g->matched] == '\0') {
		g->state = CDATA;
		g->matched = 0;
	}
	return 0;
}

static void on_cdata(struct guard *g, char c)
{
	if (c == cdata_end[g->matched])
		g->matched++;
	else if (c == ']' && g->matched == 2)
		; /* "]]]": the last two may still be the end */
	else
		g->matched = c == ']' ? 1 : 0;
	if (g->matched == sizeof(cdata_end) - 1)
		g->state = TEXT;
}

static int step(struct guard *g, char c)
{
	switch ((enum state)g->state) {
	case TEXT:
		if (c == '<')
			g->state = OPEN;
		return 0;
	case OPEN:
		return on_open(g, c);
	case START_NAME:
	case ATTRIBUTES:
		on_start_tag(g, c);
		return 0;
	case ATTRIBUTE_NAME:
		return on_attribute_name(g, c);
	case ATTRIBUTE_EQUALS:
		return on_attribute_equals(g, c);
	case ATTRIBUTE_VALUE:
		if (c == g->quote)
			g->state = ATTRIBUTES;
		else if (++g->value_len > GUARD_NS_MAX && g->declares)
			g->bad = true;
		return 0;
	case EMPTY:
	case END_TAG:
		return on_end(g, c);
	case DECLARATION:
		if (c == '>')
			g->state = TEXT;
		return 0;
	case BANG:
		return on_bang(g, c);
	case CDATA:
		on_cdata(g, c);
		return 0;
	}
	return -1;
}

/* Where Expat hands over the text in front of C, or C, as a part of its own. */
static bool ends_part(const struct guard *g, char c)
{
	return (g->state == TEXT && (c == '\n' || c == '\r' || c == '&')) ||
	       (g->state == CDATA && (c == '\n' || c == '\r' || c == ']'));
}

/* A reference stands for one byte, or with a number for up to four. */
static void count_text(struct guard *g, char c)
{
	if (g->state != TEXT && g->state != CDATA)
		return;
	if (g->reference) {
		g->text += c == '#' ? 3 : 0;
		g->reference = c != ';';
		return;
	}
	g->reference = c == '&' && g->state == TEXT;
	g->text++;
}

static void keep(struct guard *g, char c)
{
	if (g->bad)
		return;
	if (ends_part(g, c) && (g->walked += g->text) > GUARD_WALK_MAX)
		g->bad = true;
	count_text(g, c);
	buf_addc(&g->piece, c);
	if (g->piece.len > GUARD_STANZA_MAX)
		g->bad = true;
}

static void begin_piece(struct guard *g)
{
	g->bad = g->whole = false;
	g->nodes = 0;
	g->text = g->walked = 0;
	g->reference = false;
	if (g->piece.cap > GUARD_STANZA_MAX / 32)
		buf_free(&g->piece);
	buf_clear(&g->piece);
}

int guard_next(struct guard *g, const char **data, size_t *len)
{
	if (g->whole)
		begin_piece(g);
	for (; *len > 0; ++*data, --*len) {
		int before = g->state;
		if (step(g, **data) != 0)
			return -1;
		/* White space between stanzas keeps the connection alive, no more. */
		if (before == TEXT && g->state == TEXT && g->depth <= 1)
			continue;
		keep(g, **data);
		if (g->state != TEXT || g->depth > 1)
			continue;
		if (!g->bad) {
			g->whole = true;
			++*data;
			--*len;
			return 1;
		}
		g->left_out++;
		begin_piece(g);
	}
	return 0;
}

void guard_free(struct guard *g)
{
	buf_free(&g->piece);
}

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

static int on_open(struct guard *g, char c)
{
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
		g->prefixed = false;
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
		g->state = ATTRIBUTE_EQUALS;
	} else if (c == ':') {
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

static void keep(struct guard *g, char c)
{
	if (g->bad)
		return;
	buf_addc(&g->piece, c);
	if (g->piece.len > GUARD_STANZA_MAX)
		g->bad = true;
}

static void begin_piece(struct guard *g)
{
	g->bad = g->whole = false;
	g->nodes = 0;
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

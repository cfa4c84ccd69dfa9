#include "xml_check.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 64
#define ATTRIBUTES_MAX 16

static const struct {
	const char *name;
	char c;
} entities[] = {{"&amp;", '&'},	 {"&lt;", '<'},	  {"&gt;", '>'},   {"&apos;", '\''},
		{"&quot;", '"'}, {"&#13;", '\r'}, {"&#39;", '\''}, {"&#34;", '"'}};
#define ENTITIES (sizeof entities / sizeof entities[0])

static bool legal(uint32_t cp)
{
	if (cp < 0x20)
		return cp == '\t' || cp == '\n' || cp == '\r';
	return cp != 0xfffe && cp != 0xffff;
}

static const char *check_characters(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		size_t n = utf8_decode(s + i, len - i, &cp);
		if (n == 0)
			return "not UTF-8";
		if (!legal(cp))
			return "a character that XML cannot carry";
		i += n;
	}
	return NULL;
}

/* The length of the entity that S begins with, 0 if there is none that we write. */
static size_t entity(const char *s, char *c)
{
	for (size_t i = 0; i < ENTITIES; i++) {
		if (strncmp(s, entities[i].name, strlen(entities[i].name)) == 0) {
			*c = entities[i].c;
			return strlen(entities[i].name);
		}
	}
	return 0;
}

static const char *check_escapes(const char *s, const char *end)
{
	char c;

	for (; s < end; s++) {
		if (*s == '<')
			return "a bare <";
		if (*s == '&' && !entity(s, &c))
			return "an unknown entity";
		if (end - s >= 3 && memcmp(s, "]]>", 3) == 0)
			return "]]> in text";
	}
	return NULL;
}

static size_t name_len(const char *s)
{
	return strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ:-");
}

struct name {
	const char *s;
	size_t len;
};

static bool same(struct name a, struct name b)
{
	return a.len == b.len && memcmp(a.s, b.s, a.len) == 0;
}

/* *s stands behind the element's name; leaves it behind the attributes. */
static const char *check_attributes(const char **s)
{
	struct name seen[ATTRIBUTES_MAX];
	size_t count = 0;

	while (**s == ' ') {
		struct name name = {*s + 1, name_len(*s + 1)};
		char quote = name.s[name.len + 1];
		if (!name.len || name.s[name.len] != '=' ||
		    (quote != '\'' && quote != '"') || count == ATTRIBUTES_MAX)
			return "a malformed attribute";
		for (size_t i = 0; i < count; i++)
			if (same(seen[i], name))
				return "an attribute twice";
		seen[count++] = name;
		const char *value = name.s + name.len + 2;
		const char *end = strchr(value, quote);
		if (!end)
			return "an open attribute";
		const char *wrong = check_escapes(value, end);
		if (wrong)
			return wrong;
		*s = end + 1;
	}
	return NULL;
}

/* *s stands at '<'. Pushes or pops. */
static const char *check_tag(const char **s, struct name *stack, size_t *depth)
{
	bool closing = (*s)[1] == '/';
	struct name name = {*s + 1 + closing, name_len(*s + 1 + closing)};

	if (!name.len)
		return "a tag without a name";
	*s = name.s + name.len;
	if (closing) {
		if (!*depth || !same(stack[--*depth], name))
			return "an end tag that matches nothing";
		return *(*s)++ == '>' ? NULL : "a malformed end tag";
	}
	const char *wrong = check_attributes(s);
	if (wrong)
		return wrong;
	if ((*s)[0] == '/' && (*s)[1] == '>') {
		*s += 2;
		return NULL;
	}
	if (**s != '>' || *depth == DEPTH_MAX)
		return "a malformed start tag";
	(*s)++;
	stack[(*depth)++] = name;
	return NULL;
}

const char *xml_check(const char *xml, size_t len)
{
	struct name stack[DEPTH_MAX];
	size_t depth = 0;
	const char *s = xml, *end = xml + len;
	const char *wrong = check_characters(xml, len);

	if (strlen(xml) != len)
		return "a NUL";
	if (!wrong && *s != '<')
		wrong = "no element";
	while (!wrong && s < end) {
		const char *tag = strchr(s, '<');
		if (!tag)
			tag = end;
		wrong = check_escapes(s, tag);
		s = tag;
		if (!wrong && s < end)
			wrong = check_tag(&s, stack, &depth);
		if (!wrong && depth == 0 && s < end)
			wrong = "something behind the element";
	}
	return wrong ? wrong : depth ? "an element without an end" : NULL;
}

static char *unescape(const char *s, size_t len)
{
	struct buf out = {0};

	buf_adds(&out, "");
	for (const char *end = s + len; s < end;) {
		char c = *s;
		size_t n = *s == '&' ? entity(s, &c) : 1;
		buf_addc(&out, c);
		s += n ? n : 1;
	}
	return buf_steal(&out);
}

char *xml_content(const char *xml, const char *name)
{
	char start[64], end[64];

	snprintf(start, sizeof start, "<%s", name);
	snprintf(end, sizeof end, "</%s>", name);
	const char *s = xml;
	do {
		s = strstr(s, start);
		if (!s)
			return NULL;
		s += strlen(start);
	} while (*s != '>' && *s != ' ');
	s = strchr(s, '>') + 1;
	const char *stop = strstr(s, end);
	return stop ? unescape(s, (size_t)(stop - s)) : NULL;
}

char *xml_attribute(const char *xml, const char *name)
{
	char start[64];

	snprintf(start, sizeof start, " %s='", name);
	const char *s = strstr(xml, start);
	if (!s)
		return NULL;
	s += strlen(start);
	return unescape(s, strcspn(s, "'"));
}

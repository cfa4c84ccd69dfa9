#include "query.h"

#include "router.h"

#include <stdlib.h>
#include <string.h>

static const char *param_add(struct query *q, const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);
	size_t name_len = equals ? (size_t)(equals - text) : len;
	const char *value = equals ? equals + 1 : text + len;
	size_t i = q->count;

	if (i == QUERY_PARAMS_MAX)
		return "The query has too many parameters.";
	char *name = percent_decode(text, name_len, true);
	if (name && query_get(q, name)) {
		free(name);
		return "A query parameter is given twice.";
	}
	q->params[i].name = name;
	q->params[i].value = percent_decode(value, (size_t)(text + len - value), true);
	q->count++;
	if (!q->params[i].name || !q->params[i].value)
		return "The query has a broken percent-escape, or is not UTF-8.";
	return NULL;
}

const char *query_parse(struct query *q, const char *text)
{
	memset(q, 0, sizeof *q);
	while (text && *text) {
		size_t len = strcspn(text, "&");
		const char *why = len ? param_add(q, text, len) : NULL;

		if (why)
			return why;
		text += len + (text[len] == '&');
	}
	return NULL;
}

const char *query_get(const struct query *q, const char *name)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->params[i].name && !strcmp(q->params[i].name, name))
			return q->params[i].value;
	return NULL;
}

static int listed(const char *name, const char *names)
{
	size_t len = strlen(name);

	while (*names) {
		size_t n = strcspn(names, " ");

		if (n == len && !memcmp(name, names, n))
			return 1;
		names += n + (names[n] == ' ');
	}
	return 0;
}

const char *query_unknown(const struct query *q, const char *names)
{
	for (size_t i = 0; i < q->count; i++)
		if (!listed(q->params[i].name, names))
			return q->params[i].name;
	return NULL;
}

void query_free(struct query *q)
{
	for (size_t i = 0; i < q->count; i++) {
		free(q->params[i].name);
		free(q->params[i].value);
	}
	memset(q, 0, sizeof *q);
}

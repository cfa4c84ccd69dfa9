#include "check.h"
#include "http/guard.h"
#include "http/query.h"
#include "http/router.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/http/json.h>

#include <string.h>

static void nothing(void *arg, struct http_request *req)
{
	(void)arg;
	(void)req;
}

static const struct http_route routes[] = {
	{"GET", "/a", nothing, NULL, false, 0},
	{"GET", "/v1/{x}", nothing, NULL, false, 0},
	{"PUT", "/v1/{x}/b/{y}", nothing, NULL, false, 0},
	{0},
};

static void check_target(char *text)
{
	struct router_match match;
	struct query query;
	struct buf allow = {0};
	char *mark = strchr(text, '?');

	if (!query_parse(&query, mark ? mark + 1 : NULL))
		for (size_t i = 0; i < query.count; i++) {
			const char *value = query.params[i].value;

			CHECK(utf8_valid(value, strlen(value)));
			CHECK(query_get(&query, query.params[i].name) == value);
		}
	query_free(&query);
	if (mark)
		*mark = '\0';
	if (router_find(routes, "GET", text, &match, &allow) == ROUTER_FOUND)
		CHECK(!match.params[0] || (match.params[0][0] && !match.params[1]));
	router_match_free(&match);
	buf_free(&allow);
}

/* A line a header; the first colon ends the name. */
static void check_headers(char *text)
{
	struct guard_header headers[GUARD_HEADERS_MAX];
	struct guard_head head = {"HTTP/1.1", headers, 0};
	struct guard_facts facts;
	char *save = NULL;

	for (char *line = strtok_r(text, "\n", &save);
	     line && head.count < GUARD_HEADERS_MAX; line = strtok_r(NULL, "\n", &save)) {
		char *colon = strchr(line, ':');

		if (colon)
			*colon = '\0';
		headers[head.count++] =
			(struct guard_header){line, colon ? colon + 1 : ""};
	}
	if (!guard_head_check(&head, &facts))
		CHECK(!(facts.chunked && facts.has_length));
}

static void check_words(const char *text, size_t len)
{
	char type[GUARD_MEDIA_MAX], charset[GUARD_MEDIA_MAX];
	struct buf json = {0};

	if (!guard_media_type(text, type, charset))
		CHECK(strchr(type, '/') && strlen(charset) < sizeof charset);
	json_add_string(&json, text, len);
	CHECK(utf8_valid(json.data, json.len));
	buf_free(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = xmemdup0((const char *)data, size);

	check_words(text, size);
	check_target(text);
	free(text);
	text = xmemdup0((const char *)data, size);
	check_headers(text);
	free(text);
	return 0;
}

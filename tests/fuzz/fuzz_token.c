#include "check.h"

#include <belfry/core/token.h>

#include <string.h>

static void check_split(const char *s, size_t len)
{
	char id[TOKEN_ID_SIZE], hash[TOKEN_HASH_SIZE];

	if (token_split(s, len, id, hash))
		return;
	CHECK(len == TOKEN_TEXT_SIZE - 1);
	CHECK(strlen(id) == TOKEN_ID_SIZE - 1 && memcmp(s + 7, id, strlen(id)) == 0);
	CHECK(strlen(hash) == TOKEN_HASH_SIZE - 1 && token_hash_equal(hash, hash));
}

static void check_parse(const char *s, size_t len)
{
	struct token t, again;

	if (token_parse(&t, "0123456789ab", s, len))
		return;
	char *json = token_json(&t);
	CHECK(token_parse(&again, t.id, json, strlen(json)) == 0);
	CHECK(strcmp(t.hash, again.hash) == 0 && t.scopes == again.scopes);
	CHECK(strcmp(t.feeds, again.feeds) == 0 && strcmp(t.note, again.note) == 0);
	CHECK(t.created_ms == again.created_ms);
	CHECK(t.rate.events == again.rate.events && t.rate.burst == again.rate.burst);
	CHECK(t.rate.period_s == again.rate.period_s);
	CHECK(t.scopes & SCOPE_ADMIN || !token_allows(&t, SCOPE_MANAGE, NULL));
	token_allows(&t, SCOPE_PUBLISH, "deploys");
	free(json);
	token_free(&t);
	token_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[256];
	unsigned scopes;

	check_split((const char *)data, size);
	check_parse((const char *)data, size);
	if (size < sizeof text) {
		memcpy(text, data, size);
		text[size] = '\0';
		if (token_scopes_parse(text, &scopes) == 0)
			CHECK(scopes && scopes < 8);
	}
	return 0;
}

#include "auth_cache.h"

#include <belfry/base/mem.h>
#include <belfry/base/random.h>

#include <stdlib.h>
#include <string.h>

struct known {
	struct token token;
	uint64_t until_ms; /* 0: empty */
};

struct unknown {
	char id[TOKEN_ID_SIZE];
	uint64_t until_ms;
};

/* Each id has one place; whoever comes later takes it. */
struct auth_cache {
	uint64_t salt;
	struct known known[AUTH_CACHE_ENTRIES];
	struct unknown unknown[AUTH_CACHE_ENTRIES];
};

struct auth_cache *auth_cache_create(void)
{
	struct auth_cache *c = xcalloc(1, sizeof *c);

	random_fill(&c->salt, sizeof c->salt);
	return c;
}

void auth_cache_destroy(struct auth_cache *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < AUTH_CACHE_ENTRIES; i++)
		token_free(&c->known[i].token);
	free(c);
}

/* FNV-1a; salted, so that nobody can aim at the place of another's token. */
static size_t place(const struct auth_cache *c, const char *id)
{
	uint64_t h = 14695981039346656037u ^ c->salt;

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * 1099511628211u;
	return (size_t)((h ^ h >> 32) % AUTH_CACHE_ENTRIES);
}

enum auth_cached auth_cache_find(struct auth_cache *c, const char *id, uint64_t now_ms,
				 const struct token **token)
{
	size_t i = place(c, id);
	const struct known *k = &c->known[i];

	if (k->until_ms > now_ms && !strcmp(k->token.id, id)) {
		*token = &k->token;
		return AUTH_KNOWN;
	}
	if (c->unknown[i].until_ms > now_ms && !strcmp(c->unknown[i].id, id))
		return AUTH_UNKNOWN;
	return AUTH_ASK;
}

const struct token *auth_cache_put(struct auth_cache *c, struct token *token,
				   uint64_t now_ms)
{
	struct known *k = &c->known[place(c, token->id)];

	token_free(&k->token);
	k->token = *token;
	k->until_ms = now_ms + AUTH_CACHE_LIFE_MS;
	memset(token, 0, sizeof *token);
	return &k->token;
}

void auth_cache_put_unknown(struct auth_cache *c, const char *id, uint64_t now_ms)
{
	size_t i = place(c, id);
	struct known *k = &c->known[i];

	if (!strcmp(k->token.id, id))
		k->until_ms = 0;
	memcpy(c->unknown[i].id, id, strnlen(id, TOKEN_ID_SIZE - 1));
	c->unknown[i].id[strnlen(id, TOKEN_ID_SIZE - 1)] = '\0';
	c->unknown[i].until_ms = now_ms + AUTH_CACHE_LIFE_MS;
}

#ifndef BELFRY_HUB_SERVE_AUTH_CACHE_H
#define BELFRY_HUB_SERVE_AUTH_CACHE_H

#include <belfry/core/token.h>

#include <stdint.h>

/*
 * What the store said about tokens, for AUTH_CACHE_LIFE_MS: so long a revoked token may
 * still work. Bounded; unknown ids have a place of their own, so that guessing does not
 * push out what is known. Pure: time is handed in.
 */
#define AUTH_CACHE_ENTRIES 1024
#define AUTH_CACHE_LIFE_MS 2000

struct auth_cache;
struct auth_cache *auth_cache_create(void);
void auth_cache_destroy(struct auth_cache *c);

enum auth_cached { AUTH_ASK, AUTH_KNOWN, AUTH_UNKNOWN };
/* AUTH_KNOWN: *token is the cache's, valid until the next call. */
enum auth_cached auth_cache_find(struct auth_cache *c, const char *id, uint64_t now_ms,
				 const struct token **token);
/* Takes what TOKEN holds, and leaves it empty. */
const struct token *auth_cache_put(struct auth_cache *c, struct token *token,
				   uint64_t now_ms);
void auth_cache_put_unknown(struct auth_cache *c, const char *id, uint64_t now_ms);

#endif

#ifndef BELFRY_CORE_TOKEN_H
#define BELFRY_CORE_TOKEN_H

#include <belfry/core/rate.h>

#include <stdbool.h>
#include <stddef.h>

/*
 * A bearer token is "belfry_ID_SECRET": 12 and 43 characters of [0-9A-Za-z_-] (the id
 * hexadecimal). Only the hash of the secret is kept.
 */
#define TOKEN_ID_SIZE 13
#define TOKEN_TEXT_SIZE 64
#define TOKEN_HASH_SIZE 65 /* BLAKE2b-256 in hexadecimal, and a NUL */

enum token_scope { SCOPE_PUBLISH = 1, SCOPE_MANAGE = 2, SCOPE_ADMIN = 4 };

struct token {
	char id[TOKEN_ID_SIZE];
	char hash[TOKEN_HASH_SIZE];
	unsigned scopes; /* of enum token_scope; admin may all on every feed */
	char *feeds;	 /* globs of feed names, separated by spaces; malloc'ed */
	char *note; /* what it is for; malloc'ed, may be empty; UTF-8, else it is not kept
		     */
	struct rate rate; /* of events that it may post; none: no limit */
	unsigned long long created_ms;
};

/* Makes id, hash and TEXT, the only place where the secret ever stands. */
void token_make(struct token *t, char text[TOKEN_TEXT_SIZE]);
/* Splits a presented token; 0, or -1 if it has not the form. Foreign input. */
int token_split(const char *text, size_t len, char id[TOKEN_ID_SIZE],
		char hash[TOKEN_HASH_SIZE]);
/* Compares in constant time. */
bool token_hash_equal(const char *a, const char *b);
/* May it do SCOPE on FEED (NULL: on no feed in particular, for which admin is needed)? */
bool token_allows(const struct token *t, enum token_scope scope, const char *feed);
/* "publish,manage": 0 or -1. And back. */
int token_scopes_parse(const char *s, unsigned *out);
void token_scopes_format(unsigned scopes, char out[32]);
void token_free(struct token *t); /* what it holds */

/* The kept form: one line of JSON without the id. malloc'ed. And back: 0 or -1. */
char *token_json(const struct token *t);
int token_parse(struct token *t, const char *id, const char *json, size_t len);

#endif

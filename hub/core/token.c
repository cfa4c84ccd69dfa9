#include <belfry/core/token.h>

#include "core/doc.h"

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/base/random.h>
#include <belfry/base/text.h>

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "belfry_"
#define PREFIX_LEN (sizeof PREFIX - 1)
#define ID_LEN (TOKEN_ID_SIZE - 1)
#define SECRET_BYTES 32
#define SECRET_LEN 43 /* SECRET_BYTES in base64url without padding */
#define TEXT_LEN (PREFIX_LEN + ID_LEN + 1 + SECRET_LEN)

_Static_assert(TEXT_LEN + 1 == TOKEN_TEXT_SIZE, "the parts make the whole");

static const struct {
	enum token_scope scope;
	const char *text;
} scopes_table[] = {
	{SCOPE_PUBLISH, "publish"},
	{SCOPE_MANAGE, "manage"},
	{SCOPE_ADMIN, "admin"},
};
#define SCOPES (sizeof scopes_table / sizeof scopes_table[0])

static void hash_secret(const char *secret, char hash[TOKEN_HASH_SIZE])
{
	unsigned char digest[32];

	crypto_generichash(digest, sizeof digest, (const unsigned char *)secret,
			   SECRET_LEN, NULL, 0);
	sodium_bin2hex(hash, TOKEN_HASH_SIZE, digest, sizeof digest);
}

void token_make(struct token *t, char text[TOKEN_TEXT_SIZE])
{
	unsigned char secret[SECRET_BYTES];

	random_hex(t->id, ID_LEN / 2);
	random_fill(secret, sizeof secret);
	int n = snprintf(text, TOKEN_TEXT_SIZE, PREFIX "%s_", t->id);
	sodium_bin2base64(text + n, SECRET_LEN + 1, secret, sizeof secret,
			  sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	sodium_memzero(secret, sizeof secret);
	hash_secret(text + n, t->hash);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

static bool is_base64url(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool all_of(const char *s, size_t len, bool (*allowed)(char c))
{
	for (size_t i = 0; i < len; i++)
		if (!allowed(s[i]))
			return false;
	return true;
}

int token_split(const char *text, size_t len, char id[TOKEN_ID_SIZE],
		char hash[TOKEN_HASH_SIZE])
{
	if (len != TEXT_LEN || memcmp(text, PREFIX, PREFIX_LEN) != 0)
		return -1;
	const char *secret = text + PREFIX_LEN + ID_LEN + 1;
	if (secret[-1] != '_' || !all_of(text + PREFIX_LEN, ID_LEN, is_hex) ||
	    !all_of(secret, SECRET_LEN, is_base64url))
		return -1;
	memcpy(id, text + PREFIX_LEN, ID_LEN);
	id[ID_LEN] = '\0';
	hash_secret(secret, hash);
	return 0;
}

bool token_hash_equal(const char *a, const char *b)
{
	if (strlen(a) != TOKEN_HASH_SIZE - 1 || strlen(b) != TOKEN_HASH_SIZE - 1)
		return false;
	return sodium_memcmp(a, b, TOKEN_HASH_SIZE - 1) == 0;
}

static bool feeds_match(const char *globs, const char *feed)
{
	while (*(globs += strspn(globs, " "))) {
		size_t len = strcspn(globs, " ");
		char *glob = xmemdup0(globs, len);
		bool match = glob_match(glob, feed);
		free(glob);
		if (match)
			return true;
		globs += len;
	}
	return false;
}

bool token_allows(const struct token *t, enum token_scope scope, const char *feed)
{
	if (t->scopes & SCOPE_ADMIN)
		return true;
	return feed && (t->scopes & scope) && t->feeds && feeds_match(t->feeds, feed);
}

static unsigned scope_of(const char *s, size_t len)
{
	for (size_t i = 0; i < SCOPES; i++)
		if (text_is(s, len, scopes_table[i].text))
			return scopes_table[i].scope;
	return 0;
}

int token_scopes_parse(const char *s, unsigned *out)
{
	unsigned scopes = 0;

	for (;; s++) {
		size_t len = strcspn(s, ",");
		unsigned scope = scope_of(s, len);
		if (!scope)
			return -1;
		scopes |= scope;
		s += len;
		if (!*s)
			break;
	}
	*out = scopes;
	return 0;
}

void token_scopes_format(unsigned scopes, char out[32])
{
	size_t len = 0;

	out[0] = '\0';
	for (size_t i = 0; i < SCOPES; i++)
		if (scopes & scopes_table[i].scope)
			len += (size_t)snprintf(out + len, 32 - len, "%s%s",
						len ? "," : "", scopes_table[i].text);
}

void token_free(struct token *t)
{
	free(t->feeds);
	free(t->note);
	*t = (struct token){0};
}

static void add_member(struct buf *out, const char *name, const char *value)
{
	if (!value || !utf8_valid(value, strlen(value)))
		value = "";
	buf_printf(out, "\"%s\":", name);
	doc_quote(out, value, strlen(value));
	buf_addc(out, ',');
}

char *token_json(const struct token *t)
{
	struct buf out = {0};
	char scopes[32], rate[RATE_TEXT_SIZE];

	token_scopes_format(t->scopes, scopes);
	buf_addc(&out, '{');
	add_member(&out, "hash", t->hash);
	add_member(&out, "scopes", scopes);
	add_member(&out, "feeds", t->feeds);
	add_member(&out, "note", t->note);
	if (t->rate.events) {
		rate_format(&t->rate, rate);
		add_member(&out, "rate", rate);
		buf_printf(&out, "\"burst\":%" PRIu32 ",", rate_burst(&t->rate));
	}
	buf_printf(&out, "\"created_ms\":%llu}", t->created_ms);
	return buf_steal(&out);
}

/* Both, or none. */
static int take_rate(struct rate *r, const json_t *text, const json_t *burst)
{
	json_int_t n = json_integer_value(burst);

	if (!text && !burst)
		return 0;
	if (!json_is_string(text) || n < 1 || n > RATE_MAX ||
	    rate_parse(r, json_string_value(text), json_string_length(text)))
		return -1;
	r->burst = (uint32_t)n;
	return 0;
}

static int take(struct token *t, const json_t *root)
{
	const char *hash = json_string_value(json_object_get(root, "hash"));
	const char *scopes = json_string_value(json_object_get(root, "scopes"));
	const char *feeds = json_string_value(json_object_get(root, "feeds"));
	const char *note = json_string_value(json_object_get(root, "note"));
	const json_t *created = json_object_get(root, "created_ms");

	if (!hash || !scopes || !feeds || !note || !json_is_integer(created))
		return -1;
	if (strlen(hash) != TOKEN_HASH_SIZE - 1 ||
	    !all_of(hash, TOKEN_HASH_SIZE - 1, is_hex) ||
	    token_scopes_parse(scopes, &t->scopes) || json_integer_value(created) < 0 ||
	    take_rate(&t->rate, json_object_get(root, "rate"),
		      json_object_get(root, "burst")))
		return -1;
	memcpy(t->hash, hash, TOKEN_HASH_SIZE);
	t->feeds = xstrdup(feeds);
	t->note = xstrdup(note);
	t->created_ms = (unsigned long long)json_integer_value(created);
	return 0;
}

int token_parse(struct token *t, const char *id, const char *json, size_t len)
{
	char why[DOC_WHY_SIZE];
	json_t *root = NULL;

	*t = (struct token){0};
	if (strlen(id) != ID_LEN || !all_of(id, ID_LEN, is_hex))
		return -1;
	memcpy(t->id, id, TOKEN_ID_SIZE);
	root = doc_load(json, len, 0, why, sizeof why);
	int rc = root ? take(t, root) : -1;
	json_decref(root);
	if (rc)
		token_free(t);
	return rc;
}

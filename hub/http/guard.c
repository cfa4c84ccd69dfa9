#include "guard.h"

#include <belfry/base/text.h>

#include <string.h>
#include <strings.h>

#define FRAMING "bad-request", "Malformed request"
static const struct guard_fault bad_name = {
	400, FRAMING,
	"A header's name is not a token (RFC 9110 5.1), or has a space before its colon.",
	true};
static const struct guard_fault bad_value = {
	400, FRAMING, "A header's value contains a control character.", true};
static const struct guard_fault bad_host = {
	400, FRAMING, "Send exactly one Host header; HTTP/1.1 requires it.", true};
static const struct guard_fault both_framings = {
	400, FRAMING, "Send either Content-Length or Transfer-Encoding, not both.", true};
static const struct guard_fault bad_coding = {
	400, FRAMING,
	"The only Transfer-Encoding taken is one header saying 'chunked', on HTTP/1.1.",
	true};
static const struct guard_fault bad_length = {
	400, FRAMING, "Send one Content-Length at most, of decimal digits only.", true};
static const struct guard_fault bad_expect = {
	417, "expectation", "Expectation not met",
	"The only expectation met here is 100-continue.", true};
static const struct guard_fault too_many = {431, "headers-too-large", "Headers too large",
					    "Send at most 64 headers and 12 KiB of them.",
					    true};
static const struct guard_fault too_large = {
	413, "body-too-large", "Body too large",
	"The body is larger than http.max_body_bytes. Post the text here and the bulk "
	"elsewhere, with its url.",
	false};
static const struct guard_fault too_large_here = {
	413, "body-too-large", "Body too large",
	"The body is larger than is taken here. An image may have 65536 bytes: 192 pixels "
	"a side are enough.",
	false};
const struct guard_fault guard_empty = {400, "empty-body", "Empty body",
					"This request needs a body.", false};
static const struct guard_fault needs_length = {
	411, "length-required", "Length required",
	"This request needs a body: send Content-Length, or Transfer-Encoding: chunked.",
	false};
static const struct guard_fault unexpected = {400, "unexpected-body", "Unexpected body",
					      "This request takes no body.", false};
static const struct guard_fault bad_media = {
	415, "media-type", "Unsupported media type",
	"The Content-Type is missing, malformed or not taken here; events are "
	"application/json or text/plain, avatars image/png or image/svg+xml, all else is "
	"application/json.",
	false};
static const struct guard_fault bad_charset = {415, "media-type",
					       "Unsupported media type",
					       "The only charset taken is UTF-8.", false};
static const struct guard_fault bad_encoding = {
	415, "media-type", "Unsupported media type",
	"Send the body without a Content-Encoding.", false};

static bool is_token_char(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool token_valid(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if (!is_token_char((unsigned char)*s))
			return false;
	return true;
}

static bool value_valid(const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* The headers that decide where a request ends and whom it is for. */
struct framing {
	const char *host, *coding, *length, *expect;
	unsigned hosts, codings, lengths, expects;
};

static const struct guard_fault *framing_read(const struct guard_head *head,
					      struct framing *f)
{
	size_t bytes = 0;

	if (head->count > GUARD_HEADERS_MAX)
		return &too_many;
	for (size_t i = 0; i < head->count; i++) {
		const struct guard_header *h = &head->headers[i];

		bytes += strlen(h->name) + strlen(h->value);
		if (!token_valid(h->name))
			return &bad_name;
		if (!value_valid(h->value))
			return &bad_value;
		if (guard_named(h, "Host"))
			f->hosts++, f->host = h->value;
		else if (guard_named(h, "Transfer-Encoding"))
			f->codings++, f->coding = h->value;
		else if (guard_named(h, "Content-Length"))
			f->lengths++, f->length = h->value;
		else if (guard_named(h, "Expect"))
			f->expects++, f->expect = h->value;
	}
	return bytes > GUARD_HEAD_BYTES_MAX ? &too_many : NULL;
}

const struct guard_fault *guard_head_check(const struct guard_head *head,
					   struct guard_facts *facts)
{
	bool http11 = !strcmp(head->version, "HTTP/1.1");
	struct framing f = {0};
	const struct guard_fault *fault = framing_read(head, &f);

	memset(facts, 0, sizeof *facts);
	if (fault)
		return fault;
	if (f.hosts > 1 || (http11 && !f.hosts) || (f.host && strpbrk(f.host, " ,/@")))
		return &bad_host;
	if (f.codings && f.lengths)
		return &both_framings;
	if (f.codings > 1 || (f.coding && (!http11 || strcasecmp(f.coding, "chunked"))))
		return &bad_coding;
	if (f.lengths > 1 || (f.length && parse_u64(f.length, strlen(f.length),
						    UINT64_MAX / 2, &facts->length)))
		return &bad_length;
	if (f.expects > 1 || (f.expect && strcasecmp(f.expect, "100-continue")))
		return &bad_expect;
	facts->chunked = f.codings;
	facts->has_length = f.lengths;
	facts->expects_continue = f.expects;
	return NULL;
}

/* Copies a token or quoted string from *P, lower-cased; -1 if there is none. */
static int take_word(const char **p, const char *stop, char out[GUARD_MEDIA_MAX])
{
	const char *s = *p;
	bool quoted = *s == '"';
	size_t n = 0;

	s += quoted;
	for (; *s && (quoted ? *s != '"' : !strchr(stop, *s)); s++) {
		if (n + 1 >= GUARD_MEDIA_MAX ||
		    (!is_token_char((unsigned char)*s) && *s != '/'))
			return -1;
		out[n++] = (char)(*s >= 'A' && *s <= 'Z' ? *s + 32 : *s);
	}
	if (quoted && *s++ != '"')
		return -1;
	out[n] = 0;
	*p = s;
	return n ? 0 : -1;
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

int guard_media_type(const char *value, char type[GUARD_MEDIA_MAX],
		     char charset[GUARD_MEDIA_MAX])
{
	const char *s = skip_space(value);
	char name[GUARD_MEDIA_MAX], word[GUARD_MEDIA_MAX];

	charset[0] = 0;
	if (*s == '"' || take_word(&s, "; \t", type) || !strchr(type, '/'))
		return -1;
	for (s = skip_space(s); *s == ';'; s = skip_space(s)) {
		s = skip_space(s + 1);
		if (!*s || *s == ';')
			continue;
		if (*s == '"' || take_word(&s, "= \t;", name) || *s++ != '=' ||
		    take_word(&s, "; \t", word))
			return -1;
		if (!strcmp(name, "charset")) {
			if (charset[0])
				return -1;
			memcpy(charset, word, sizeof word);
		}
	}
	return *s ? -1 : 0;
}

static bool media_listed(const char *type, const char *list)
{
	size_t len = strlen(type);

	for (const char *s = list; s; s = strchr(s, ' ')) {
		s = skip_space(s);
		if (!strncmp(s, type, len) && (!s[len] || s[len] == ' '))
			return true;
	}
	return false;
}

static const struct guard_fault *media_check(const struct guard_body *body)
{
	char type[GUARD_MEDIA_MAX], charset[GUARD_MEDIA_MAX];

	if (!body->content_type || guard_media_type(body->content_type, type, charset) ||
	    !media_listed(type, body->accepts))
		return &bad_media;
	if (charset[0] && strcmp(charset, "utf-8") && strcmp(charset, "utf8") &&
	    strcmp(charset, "us-ascii"))
		return &bad_charset;
	if (body->content_encoding && strcasecmp(body->content_encoding, "identity"))
		return &bad_encoding;
	return NULL;
}

const struct guard_fault *guard_too_large(bool own)
{
	return own ? &too_large_here : &too_large;
}

uint64_t guard_body_max(const struct guard_body *body)
{
	return body->own_max_bytes ? body->own_max_bytes : body->max_bytes;
}

const struct guard_fault *guard_body_check(const struct guard_body *body,
					   const struct guard_facts *facts)
{
	bool none = !facts->chunked && !facts->length;

	if (none && (!body->accepts || body->optional))
		return NULL;
	if (!body->accepts)
		return &unexpected;
	if (!facts->chunked && !facts->has_length)
		return &needs_length;
	if (none)
		return &guard_empty;
	if (facts->length > guard_body_max(body))
		return guard_too_large(body->own_max_bytes);
	return media_check(body);
}

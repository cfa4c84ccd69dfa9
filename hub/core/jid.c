#include <belfry/core/jid.h>

#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/base/text.h>

#include <arpa/inet.h>
#include <idn-free.h>
#include <idna.h>
#include <stdlib.h>
#include <string.h>
#include <stringprep.h>

#define PART_MAX 1023 /* bytes of each part */
#define LABEL_MAX 63  /* bytes of a DNS label in its ASCII form */

struct part {
	const char *s;
	size_t len;
};

static bool all_ascii(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] >= 0x80)
			return false;
	return true;
}

/* What most JIDs are made of: every profile leaves it as it is, after some microseconds.
 */
static bool all_plain(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!(s[i] >= 'a' && s[i] <= 'z') && !(s[i] >= '0' && s[i] <= '9') &&
		    s[i] != '.' && s[i] != '-' && s[i] != '_')
			return false;
	return true;
}

/*
 * Runs a stringprep PROFILE over IN into OUT. Unassigned code points pass, as on today's
 * servers: Unicode 3.2, which stringprep knows, is older than every emoji.
 */
static int prepare(struct part in, const Stringprep_profile *profile,
		   char out[PART_MAX + 1])
{
	if (in.len > PART_MAX)
		return -1;
	memcpy(out, in.s, in.len);
	out[in.len] = '\0';
	if (all_plain(in.s, in.len))
		return 0;
	return stringprep(out, PART_MAX + 1, 0, profile) == STRINGPREP_OK ? 0 : -1;
}

static const char *prepare_local(struct part in, char out[PART_MAX + 1])
{
	if (in.len == 0)
		return "there is nothing before the @";
	if (in.len > PART_MAX)
		return "the part before the @ is longer than 1023 bytes";
	if (prepare(in, stringprep_xmpp_nodeprep, out))
		return "the part before the @ contains a character that is not allowed "
		       "there, or is too long";
	if (!*out)
		return "there is nothing before the @";
	return NULL;
}

static const char *prepare_resource(struct part in, char out[PART_MAX + 1])
{
	if (in.len == 0)
		return "there is nothing behind the /";
	if (in.len > PART_MAX)
		return "the part behind the / is longer than 1023 bytes";
	if (prepare(in, stringprep_xmpp_resourceprep, out))
		return "the part behind the / contains a character that is not allowed "
		       "there, or is too long";
	if (!*out)
		return "there is nothing behind the /";
	return NULL;
}

/* "[...]" with an IPv6 address in it, which is written in its shortest form. */
static const char *prepare_ipv6(struct part in, char out[PART_MAX + 1])
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;

	if (in.len < 3 || in.len - 2 >= sizeof text || in.s[in.len - 1] != ']')
		return "the domain is not an IPv6 address in brackets";
	memcpy(text, in.s + 1, in.len - 2);
	text[in.len - 2] = '\0';
	if (inet_pton(AF_INET6, text, &addr) != 1 ||
	    !inet_ntop(AF_INET6, &addr, text, sizeof text))
		return "the domain is not an IPv6 address in brackets";
	size_t len = strlen(text);
	out[0] = '[';
	memcpy(out + 1, text, len);
	memcpy(out + 1 + len, "]", 2);
	return NULL;
}

/* U+3002, the ideographic full stop, separates labels as well (RFC 3490 3.1). */
static void unify_dots(char *domain)
{
	char *dot;

	while ((dot = strstr(domain, "\xe3\x80\x82")) != NULL) {
		dot[0] = '.';
		memmove(dot + 1, dot + 3, strlen(dot + 3) + 1);
	}
}

static bool labels_valid(const char *domain)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyz0123456789-_.";

	for (const char *c = domain; *c; c++)
		if ((unsigned char)*c < 0x80 && !strchr(allowed, *c))
			return false;
	for (const char *label = domain;; label++) {
		size_t len = strcspn(label, ".");
		if (len == 0 || (len > LABEL_MAX && all_ascii(label, len)))
			return false;
		label += len;
		if (!*label)
			return true;
	}
}

static bool has_ascii_form(const char *domain)
{
	char *ascii = NULL;
	int rc = idna_to_ascii_8z(domain, &ascii, IDNA_ALLOW_UNASSIGNED);

	idn_free(ascii);
	return rc == IDNA_SUCCESS;
}

static const char *prepare_domain(struct part in, char out[PART_MAX + 1])
{
	static const char wrong[] = "the domain is not a valid host name";

	if (in.len == 0)
		return "there is no domain";
	if (in.len > PART_MAX)
		return "the domain is longer than 1023 bytes";
	if (in.s[0] == '[')
		return prepare_ipv6(in, out);
	if (prepare(in, stringprep_nameprep, out))
		return wrong;
	unify_dots(out);
	size_t len = strlen(out);
	if (len > 1 && out[len - 1] == '.')
		out[--len] = '\0';
	if (!labels_valid(out) || (!all_ascii(out, len) && !has_ascii_form(out)))
		return wrong;
	return NULL;
}

/* Local and resource have s = NULL where they are absent. */
static void split(const char *s, size_t len, struct part *local, struct part *domain,
		  struct part *resource)
{
	const char *slash = len ? memchr(s, '/', len) : NULL;
	size_t bare_len = slash ? (size_t)(slash - s) : len;
	const char *at = bare_len ? memchr(s, '@', bare_len) : NULL;
	size_t before = at ? (size_t)(at - s) + 1 : 0;

	*local = at ? (struct part){s, before - 1} : (struct part){NULL, 0};
	*domain = (struct part){s + before, bare_len - before};
	*resource = slash ? (struct part){slash + 1, len - bare_len - 1}
			  : (struct part){NULL, 0};
}

static const char *append_parts(struct buf *out, const char *s, size_t len)
{
	struct part local, domain, resource;
	char prepared[PART_MAX + 1];
	const char *wrong;

	split(s, len, &local, &domain, &resource);
	if (local.s) {
		if ((wrong = prepare_local(local, prepared)) != NULL)
			return wrong;
		buf_adds(out, prepared);
		buf_addc(out, '@');
	}
	if ((wrong = prepare_domain(domain, prepared)) != NULL)
		return wrong;
	buf_adds(out, prepared);
	if (resource.s) {
		if ((wrong = prepare_resource(resource, prepared)) != NULL)
			return wrong;
		buf_addc(out, '/');
		buf_adds(out, prepared);
	}
	return NULL;
}

char *jid_normalize(const char *s, size_t len, const char **why)
{
	struct buf out = {0};

	if (len == 0)
		*why = "it is empty";
	else if (len > JID_MAX)
		*why = "it is longer than 3071 bytes";
	else if (memchr(s, '\0', len) || !utf8_valid(s, len))
		*why = "it is not valid UTF-8";
	else
		*why = append_parts(&out, s, len);
	if (*why) {
		buf_free(&out);
		return NULL;
	}
	return buf_steal(&out);
}

size_t jid_bare_len(const char *jid)
{
	return strcspn(jid, "/");
}

char *jid_bare(const char *jid)
{
	return xmemdup0(jid, jid_bare_len(jid));
}

const char *jid_domain(const char *jid, size_t *len)
{
	size_t bare_len = jid_bare_len(jid);
	const char *at = memchr(jid, '@', bare_len);
	const char *domain = at ? at + 1 : jid;

	*len = bare_len - (size_t)(domain - jid);
	return domain;
}

char *jid_local(const char *jid)
{
	const char *at = memchr(jid, '@', jid_bare_len(jid));

	return at ? xmemdup0(jid, (size_t)(at - jid)) : NULL;
}

bool jid_has_resource(const char *jid)
{
	return jid[jid_bare_len(jid)] == '/';
}

bool jid_matches(const char *jid, const char *bare_or_domain)
{
	size_t len = jid_bare_len(jid);

	if (strchr(bare_or_domain, '@'))
		return text_is(jid, len, bare_or_domain);
	const char *domain = jid_domain(jid, &len);
	return text_is(domain, len, bare_or_domain);
}

bool jid_domain_in(const char *jid, char *const *list)
{
	size_t len;
	const char *domain = jid_domain(jid, &len);

	for (; list && *list; list++)
		if (text_is(domain, len, *list))
			return true;
	return false;
}

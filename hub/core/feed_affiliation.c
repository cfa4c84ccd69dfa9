#include <belfry/core/feed.h>

#include <belfry/base/mem.h>
#include <belfry/core/jid.h>

#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {
	[AFFILIATION_NONE] = "none",
	[AFFILIATION_OUTCAST] = "outcast",
	[AFFILIATION_MEMBER] = "member",
	[AFFILIATION_OWNER] = "owner",
};

const char *feed_affiliation_text(enum feed_affiliation a)
{
	return texts[a];
}

int feed_affiliation_parse(const char *s, enum feed_affiliation *out)
{
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		if (strcmp(s, texts[i]) == 0) {
			*out = (enum feed_affiliation)i;
			return 0;
		}
	}
	return -1;
}

/* ---- Who is what ------------------------------------------------------------------ */

/* In LIST by itself or, with DOMAIN, as one of a domain. */
static bool listed(char *const *list, const char *jid, bool domain)
{
	for (; list && *list; list++)
		if (!strchr(*list, '@') == domain && jid_matches(jid, *list))
			return true;
	return false;
}

/* What is said of one JID counts before what is said of its domain. */
enum feed_affiliation feed_affiliation_of(const struct feed_config *c, const char *jid)
{
	if (listed(c->owners, jid, false))
		return AFFILIATION_OWNER;
	for (int domain = 0; domain < 2; domain++) {
		if (listed(c->outcasts, jid, domain))
			return AFFILIATION_OUTCAST;
		if (listed(c->whitelist, jid, domain))
			return AFFILIATION_MEMBER;
	}
	return AFFILIATION_NONE;
}

/* What the feed's access says of who is none of these. */
static enum feed_admission admits_others(const struct feed_config *c, const char *jid,
					 char *const *own_domains)
{
	switch (c->access) {
	case ACCESS_OPEN:
		return ADMIT_YES;
	case ACCESS_LOCAL:
		return jid_domain_in(jid, own_domains) ? ADMIT_YES : ADMIT_NO;
	case ACCESS_WHITELIST:
		return ADMIT_NO;
	case ACCESS_AUTHORIZE:
		return ADMIT_ASK;
	}
	return ADMIT_NO;
}

enum feed_admission feed_admits(const struct feed_config *c, const char *jid,
				char *const *own_domains)
{
	bool listing = c->access == ACCESS_WHITELIST || c->access == ACCESS_AUTHORIZE;

	switch (feed_affiliation_of(c, jid)) {
	case AFFILIATION_OWNER:
		return ADMIT_YES;
	case AFFILIATION_OUTCAST:
		return ADMIT_NO;
	case AFFILIATION_MEMBER:
		if (listing)
			return ADMIT_YES;
		break;
	case AFFILIATION_NONE:
		break;
	}
	return admits_others(c, jid, own_domains);
}

bool feed_shows(const struct feed_config *c, const char *jid, char *const *own_domains)
{
	return feed_admits(c, jid, own_domains) != ADMIT_NO;
}

/* ---- Changing it ------------------------------------------------------------------ */

static size_t count_of(char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

/* Does exactly JID stand in LIST? */
static bool has(char *const *list, const char *jid)
{
	for (; list && *list; list++)
		if (strcmp(*list, jid) == 0)
			return true;
	return false;
}

static void take_out(char ***list, const char *jid)
{
	size_t kept = 0;

	for (size_t i = 0; *list && (*list)[i]; i++) {
		if (strcmp((*list)[i], jid) == 0)
			free((*list)[i]);
		else
			(*list)[kept++] = (*list)[i];
	}
	if (*list)
		(*list)[kept] = NULL;
	if (!kept) {
		free(*list);
		*list = NULL;
	}
}

static void put_in(char ***list, const char *jid)
{
	size_t count = count_of(*list);

	*list = xreallocarray(*list, count + 2, sizeof **list);
	(*list)[count] = xstrdup(jid);
	(*list)[count + 1] = NULL;
}

enum belfry_err feed_affiliate(struct feed_config *c, const char *jid,
			       enum feed_affiliation a)
{
	const struct {
		char ***list;
		size_t max;
	} lists[] = {
		[AFFILIATION_NONE] = {NULL, 0},
		[AFFILIATION_OUTCAST] = {&c->outcasts, FEED_OUTCASTS_MAX},
		[AFFILIATION_MEMBER] = {&c->whitelist, FEED_WHITELIST_MAX},
		[AFFILIATION_OWNER] = {&c->owners, FEED_OWNERS_MAX},
	};
	char ***to = lists[a].list;
	bool there = to && has(*to, jid);

	if (jid_has_resource(jid) || (a == AFFILIATION_OWNER && !strchr(jid, '@')))
		return BELFRY_EINVAL;
	if (to && !there && count_of(*to) >= lists[a].max)
		return BELFRY_EFULL;
	for (size_t i = AFFILIATION_OUTCAST; i <= AFFILIATION_OWNER; i++)
		if (lists[i].list != to)
			take_out(lists[i].list, jid);
	if (to && !there)
		put_in(to, jid);
	return BELFRY_OK;
}

/* Is anybody in LIST who is not in OTHER? */
static bool adds(char *const *list, char *const *other)
{
	for (; list && *list; list++)
		if (!has(other, *list))
			return true;
	return false;
}

/* Who is an owner or a member no more may be at a domain of outcasts. */
bool feed_casts_out(const struct feed_config *before, const struct feed_config *after)
{
	return after->outcasts && (adds(after->outcasts, before->outcasts) ||
				   adds(before->whitelist, after->whitelist) ||
				   adds(before->owners, after->owners));
}

#ifndef BELFRY_CORE_FEED_H
#define BELFRY_CORE_FEED_H

#include <belfry/base/err.h>
#include <belfry/core/rate.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FEED_NAME_MAX 64
#define FEED_WHITELIST_MAX 1000
#define FEED_OWNERS_MAX 20
#define FEED_OUTCASTS_MAX 1000
#define FEED_TITLE_MAX 256
#define FEED_DESCRIPTION_MAX 2048

/* XEP-0060 4.5; "local" is ours. AUTHORIZE: an owner lets each one in. */
enum feed_access { ACCESS_OPEN, ACCESS_LOCAL, ACCESS_WHITELIST, ACCESS_AUTHORIZE };

/* The configuration of a feed, as REST shows it and the store keeps it (JSON). */
struct feed_config {
	char *title;		 /* NULL: none */
	char *description;	 /* NULL: none */
	enum feed_access access; /* default: local */
	/*
	 * XEP-0060 4.1, normalized, NULL-terminated; or NULL. The whitelist are the
	 * members: bare JIDs and domains, as are the outcasts. Owners are bare JIDs.
	 */
	char **whitelist;
	char **owners;
	char **outcasts;
	uint64_t max_items; /* events kept as history; 1..1,000,000; default 1,000 */
	uint64_t max_age_s; /* seconds an event is kept; 0: for ever; default 30 days */
	unsigned weight;    /* share of the link beside other feeds; 1..100; default 10 */
	struct rate rate;   /* of events that may be posted to it; default: no limit */
	/* Chat rows that have not chosen are asked for receipts; default: they are not.
	 */
	bool ack_receipt;
};

/* [a-z0-9._-]{1,64}, but for "." and ".." */
bool feed_name_valid(const char *s, size_t len);
/* hub, help, admin and abuse are JIDs of the service, not feeds. */
bool feed_name_reserved(const char *name);

void feed_config_init(struct feed_config *c); /* the defaults */
void feed_config_free(struct feed_config *c); /* what it holds, not c itself */

/*
 * Applies the members of a JSON object to *c: absent members stay as they are, null sets
 * the default (RFC 7396 merge patch). An unknown member or a wrong type is an error: -1,
 * *c as it was, and WHY says what to do. The members: title, description, access ("open",
 * "local", "whitelist", "authorize"), whitelist, owners, outcasts (arrays of strings),
 * max_items, max_age (seconds), weight, rate ("10/s"), burst, ack ("server", "receipt").
 */
int feed_config_patch(struct feed_config *c, const char *json, size_t len, char *why,
		      size_t why_size);
/* Compact JSON of all members, malloc'ed; feed_config_patch() on the defaults undoes it.
 */
char *feed_config_json(const struct feed_config *c);

/*
 * May JID (normalized) follow this feed? ASK: when an owner says so. An owner always may,
 * an outcast never; a member of a feed with "whitelist" or "authorize" may. own_domains:
 * normalized names of the domains whose users "local" lets in, NULL-terminated.
 */
enum feed_admission { ADMIT_NO, ADMIT_ASK, ADMIT_YES };
enum feed_admission feed_admits(const struct feed_config *c, const char *jid,
				char *const *own_domains);
/* May it know that there is such a feed? With "authorize", everybody but outcasts. */
bool feed_shows(const struct feed_config *c, const char *jid, char *const *own_domains);

/* XEP-0060 4.1, as far as a feed has them. */
enum feed_affiliation {
	AFFILIATION_NONE,
	AFFILIATION_OUTCAST,
	AFFILIATION_MEMBER,
	AFFILIATION_OWNER,
};
/* Its own, or that of its domain; an outcast's counts before a member's. */
enum feed_affiliation feed_affiliation_of(const struct feed_config *c, const char *jid);
const char *feed_affiliation_text(enum feed_affiliation a); /* "none", ... */
int feed_affiliation_parse(const char *s, enum feed_affiliation *out);
/*
 * JID (bare, or a domain; normalized) has this affiliation from now on, and no other.
 * BELFRY_EINVAL: a domain cannot own. BELFRY_EFULL: too many of them. C->owners is NULL
 * where it was the last one.
 */
enum belfry_err feed_affiliate(struct feed_config *c, const char *jid,
			       enum feed_affiliation a);
/* With outcasts in AFTER: may somebody be one who was none in BEFORE? */
bool feed_casts_out(const struct feed_config *before, const struct feed_config *after);

#endif

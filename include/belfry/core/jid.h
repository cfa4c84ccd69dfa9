#ifndef BELFRY_CORE_JID_H
#define BELFRY_CORE_JID_H

#include <stdbool.h>
#include <stddef.h>

#define JID_MAX 3071 /* bytes of a whole JID; RFC 7622 3.1 */

/*
 * Checks and normalizes a JID by stringprep (nodeprep, nameprep, resourceprep: RFC 6122,
 * what today's servers do). Parts are at most 1023 bytes. Returns a malloc'ed string, or
 * NULL with *why set to a static sentence without a full stop.
 */
char *jid_normalize(const char *s, size_t len, const char **why);

/* The functions below take normalized JIDs. */

/* The part before the first '/': its length in bytes. */
size_t jid_bare_len(const char *jid);
/* malloc'ed copy of the bare JID. */
char *jid_bare(const char *jid);
/* Points into jid: the domain and its length. */
const char *jid_domain(const char *jid, size_t *len);
/* malloc'ed localpart, or NULL if there is none. */
char *jid_local(const char *jid);
bool jid_has_resource(const char *jid);
/* True if JID's bare part is exactly BARE, or its domain is, where BARE has no '@'. */
bool jid_matches(const char *jid, const char *bare_or_domain);
/* True if JID's domain stands in LIST (normalized names, NULL-terminated). */
bool jid_domain_in(const char *jid, char *const *list);

#endif

#ifndef BELFRY_CORE_JOIN_LINK_H
#define BELFRY_CORE_JOIN_LINK_H

#include <belfry/base/buf.h>
#include <belfry/core/qr.h>

/* Links by which people follow a feed: URIs of RFC 5122, with the queries of XEP-0147. */
enum join_link {
	JOIN_ROSTER, /* xmpp:FEED@DOMAIN?roster;name=TITLE: as a contact */
	JOIN_PUBSUB, /* xmpp:DOMAIN?pubsub;action=subscribe;node=FEED: XEP-0060 */
};
int join_link_parse(const char *word, enum join_link *out); /* "roster", ...; -1: none */
const char *join_link_word(enum join_link kind);

struct join_feed {
	const char *name;
	const char *domain; /* of the component, normalized */
	const char *title;  /* UTF-8; NULL: none */
};

/* The name that a link proposes for the contact is the title, cut at so many bytes. */
#define JOIN_LINK_NAME_MAX 96

/*
 * Appends the link. It is ASCII: what RFC 3986 does not leave unreserved is
 * percent-encoded, in a domain that is not ASCII as well.
 */
void join_link(struct buf *out, enum join_link kind, const struct join_feed *feed);

/*
 * The code of the link, which is appended to TEXT; where no code has room for it, both
 * are without the name. NULL: too long even so, and TEXT is as it was. Free with
 * qr_destroy().
 */
struct qr *join_link_qr(struct buf *text, enum join_link kind,
			const struct join_feed *feed);

#endif

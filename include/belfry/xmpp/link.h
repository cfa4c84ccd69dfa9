#ifndef BELFRY_XMPP_LINK_H
#define BELFRY_XMPP_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The way to the XMPP network. A struct of functions, as there is more than one: the
 * component (component.h) and a recorder for tests (tests/lib/work/recorder.h). One
 * stream at a time; the link itself never reconnects, its owner says when to.
 */
struct link;

enum link_end {
	LINK_END_ASKED,	   /* link_close() */
	LINK_END_CONNECT,  /* never came up: refused, no route, time-out */
	LINK_END_AUTH,	   /* the server refuses the secret or the name */
	LINK_END_LOST,	   /* the connection broke, or the stream was closed */
	LINK_END_ERROR,	   /* a stream error that may be due to what we sent */
	LINK_END_CONFLICT, /* another connection took the name */
};
struct link_down {
	enum link_end end;
	const char *condition; /* RFC 6120 4.9.3, "policy-violation"; "" */
	const char *text;      /* the server's words; "" */
};

/*
 * Beside what goes to one receiver each there may be groups (XEP-0033): one stanza to a
 * multicast service, with all receivers in it. What comes back of a group bears its id,
 * and comes from each receiver; or from the service, which has then served none of the
 * group. Stanzas of the two ways overtake one another.
 */

/* RFC 6120 8.3.3 as far as delivery tells them apart. */
enum bounce_class {
	BOUNCE_ENDS,	 /* gone, item-not-found; blocked: the subscription ends */
	BOUNCE_SUSPENDS, /* redirect: a dead letter at once */
	BOUNCE_RETRIES,	 /* all others: held, and tried again */
};
struct link_bounce {
	const char *id;	  /* of the stanza that came back */
	const char *from; /* whose it was; normalized JID */
	enum bounce_class class;
	const char *condition;
};

struct link_handlers {
	void (*up)(void *arg); /* authenticated: may send */
	/* After it nothing of the stream is left; unsent bytes are gone. */
	void (*down)(void *arg, const struct link_down *why);
	/* The result of barrier NUMBER: everything sent before it was taken, by the
	 * multicast service as well. */
	void (*barrier)(void *arg, uint64_t number);
	void (*bounce)(void *arg, const struct link_bounce *bounce);
	void (*room)(void *arg); /* link_room() is true again */
	/* FROM (a normalized JID) says that it has received what bore ID (XEP-0184).
	 * NULL: nobody asks. */
	void (*received)(void *arg, const char *id, const char *from);
};

struct link_ops {
	void (*open)(struct link *l);  /* one attempt; ends in up() or down() */
	void (*close)(struct link *l); /* says good-bye; down() follows */
	bool (*is_up)(const struct link *l);
	/* Whole stanzas, copied. Nothing happens unless up. */
	void (*send)(struct link *l, const char *data, size_t len);
	/* May more be sent now? False while the peer does not read: then wait for room().
	 */
	bool (*room)(const struct link *l);
	/* Asks for the result of a barrier behind all that was sent. Numbers grow. A
	 * barrier without a result may be asked for again with a larger number. */
	void (*barrier)(struct link *l, uint64_t number);
	/* How many receivers a group may have on this stream; 0: there is no service. */
	size_t (*group)(const struct link *l);
	/* No more groups on this stream, and a barrier was asked for behind the last;
	 * group() is 0 from now on. */
	void (*ungroup)(struct link *l);
	void (*destroy)(struct link *l); /* NULL is safe */
};
struct link {
	const struct link_ops *ops;
};

#endif

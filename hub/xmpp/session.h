#ifndef BELFRY_HUB_XMPP_SESSION_H
#define BELFRY_HUB_XMPP_SESSION_H

#include <belfry/base/buf.h>
#include <belfry/core/config.h>
#include <belfry/xmpp/hub.h>
#include <belfry/xmpp/link.h>

#include <strophe.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NS_PING "urn:xmpp:ping"
#define NS_VERSION "jabber:iq:version"
#define NS_PUBSUB "http://jabber.org/protocol/pubsub"
#define NS_PUBSUB_OWNER "http://jabber.org/protocol/pubsub#owner"
#define NS_PUBSUB_EVENT "http://jabber.org/protocol/pubsub#event"
#define NS_PUBSUB_ERRORS "http://jabber.org/protocol/pubsub#errors"
#define NS_RSM "http://jabber.org/protocol/rsm"
#define NS_COMMANDS "http://jabber.org/protocol/commands"
#define NS_FORM "jabber:x:data"
#define NS_VCARD "vcard-temp"
#define NS_VCARD4 "urn:ietf:params:xml:ns:vcard-4.0"
#define NS_RECEIPTS "urn:xmpp:receipts"
#define NS_ADDRESS "http://jabber.org/protocol/address"
#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

/*
 * What arrives on a stream, and what we answer: no connection in it, so that tests and
 * fuzzers can feed it. It lives as long as the link, across streams.
 */
struct session;

struct session_out {
	void (*send)(void *arg, const char *data, size_t len);
	/* May large answers be sent now? They wait behind what is delivered. */
	bool (*room)(void *arg);
	void (*barrier)(void *arg, uint64_t number);
	void (*bounce)(void *arg, const struct link_bounce *bounce);
	/*
	 * The multicast service answered the ping of barrier NUMBER. It is gone: that
	 * ping came back from where it is not (NUMBER 0: that of the question). It was
	 * asked: it serves groups of up to MOST, or 0 and the reason.
	 */
	void (*service_barrier)(void *arg, uint64_t number);
	void (*service_gone)(void *arg, uint64_t number, const char *condition);
	void (*service_says)(void *arg, size_t most, const char *trouble);
	/* The client of FROM has received what bore ID. */
	void (*received)(void *arg, const char *id, const char *from);
};
struct session_counters {
	uint64_t stanzas_received, bounces_received, iqs_answered, chats_answered;
	uint64_t presences_sent; /* as answers */
};

/* DOMAIN, HUB (NULL: none, as component.h says), OUT and ARG outlive it. */
struct session *session_create(const char *domain, size_t max_stanza_bytes,
			       const struct xmpp_hub *hub, const struct session_out *out,
			       void *arg);
void session_destroy(struct session *s); /* NULL is safe */
/* There is a multicast service: its JID, which outlives the session. */
void session_use_service(struct session *s, const char *service);
/* Whom to turn to: CONFIG's contact addresses; it outlives the session. NULL: nobody. */
void session_use_contacts(struct session *s, const struct config *config);
/*
 * A new stream, and the end of one: answers to what was asked on the one before are
 * dropped. Whoever then still waits to follow or to leave does so on the new one.
 */
void session_begin(struct session *s);
void session_end(struct session *s);
void session_stanza(struct session *s, xmpp_stanza_t *stanza);
/* Appends the ping to ourselves that is barrier NUMBER, or the keepalive where it is 0.
 */
void session_ping(const struct session *s, uint64_t number, struct buf *out);
/* The same to the multicast service; and the question what it does, behind ping 0. */
void session_ping_service(const struct session *s, uint64_t number, struct buf *out);
void session_ask_service(const struct session *s, struct buf *out);

/* ---- For the files of this folder ------------------------------------------------- */

#define SESSION_NONCE_BYTES 8
struct hint_entry;
struct session {
	unsigned magic;
	const char *domain;
	const char *service; /* of multicast; NULL: there is none */
	const struct config *contacts;
	size_t max_stanza_bytes;
	const struct xmpp_hub *hub;
	const struct session_out *out;
	void *arg;
	uint64_t stream; /* counts streams */
	/* Part of our pings' ids, so that nobody can forge their answers. */
	char nonce[2 * SESSION_NONCE_BYTES + 1];
	struct request *requests;
	struct presences *presences;
	uint64_t hint_seed;
	struct hint_entry *hints;
	uint64_t unsent_ms; /* when one that was too large was last told of; 0: none */
	struct session_counters counters;
};

enum place { PLACE_SERVICE, PLACE_HUB, PLACE_FEED };

/* A stanza that may be answered. JIDs are normalized; all are valid for the call. */
struct incoming {
	xmpp_stanza_t *stanza;
	xmpp_stanza_t *child;	 /* iq: the payload */
	const char *from, *bare; /* who asks: full JID, bare JID */
	const char *to;
	enum place place;
	const char *feed; /* PLACE_FEED: its name; may not exist */
	const char *id;	  /* iq: never NULL */
	bool set;	  /* iq: set, not get */
};

/*
 * What is written back as it came is bounded: escaped it may be six times as long, and
 * the server closes the stream on a stanza that is too large for it.
 */
#define ECHO_BYTES_MAX 512
void session_send(struct session *s, const struct buf *b);
/*
 * Is there room for an answer of LEN bytes? Small ones always have it: what is refused
 * has to be answered, too. SIZE_MAX: one that will be large.
 */
bool session_room(const struct session *s, size_t len);
/* How long a list in an answer may grow; the rest of the stanza has room beside it. */
size_t session_list_bytes(const struct session *s);

/* Some questions cost far more than others: of these fewer may be open. */
enum cost {
	COST_LITTLE,
	COST_OWN,   /* looks for what somebody follows, or owns */
	COST_FEEDS, /* looks through all feeds */
	COST_ITEMS, /* reads items */
	COSTS,
};
/* Why no other may be asked: who asks has asked enough, or all together have. */
enum crowd { CROWD_NONE, CROWD_OWN, CROWD_ALL };

/*
 * A question to the hub that is under way: what is needed to answer the stanza it came
 * from. request_create() answers the stanza and returns NULL where too many questions are
 * open. The hub's callback begins with request_live() and ends with request_free().
 */
struct request {
	struct session *session; /* NULL: gone */
	uint64_t stream;
	struct request *next, **link;
	char *from, *bare, *to, *id, *feed, *jid, *thread;
	char *after;	     /* of a list: the page begins after this name */
	bool paged, counted; /* it is asked for by XEP-0059; their number alone */
	enum place place;
	bool chat;
	bool presence; /* one of presence.c's: bounded there, not by request_create() */
	enum cost cost;
	char *text; /* chat: what is said if the feed is there; a command's node */
	struct command_call *call; /* a command: commands_int.h */
	struct buf found;	   /* what a search of several pages has so far */
	unsigned pages;
};
struct request *request_create(struct session *s, const struct incoming *in, bool chat);
/* The same, however many are open. */
struct request *request_make(struct session *s, const struct incoming *in, bool chat);
/* Of an IQ, one that costs COST; NULL also where there is no room for large answers. */
struct request *request_costly(struct session *s, const struct incoming *in,
			       enum cost cost);
/* May its answer still be sent? */
bool request_live(const struct request *r);
void request_free(struct request *r);
/* May BARE ask one more that costs COST? */
enum crowd session_crowd(const struct session *s, enum cost cost, const char *bare);

/*
 * Is it time to tell JID? That it was not understood: once an hour. Help: ten times, and
 * once more each six minutes; how what it wrote is rightly written, which it did not ask
 * for: three times, and once more each twenty minutes; encryption: once; why it may not
 * follow a feed: once an hour and feed; that it could not leave one, or did not answer
 * anything, or has to wait: as often as help, and as often is listened to what comes back
 * of invitations. 'last': ten times, and once more each minute; that it was too often:
 * once a minute. Yes counts as told. The table is bounded: a JID may be forgotten, and
 * told again.
 */
enum hint {
	HINT_UNKNOWN,
	HINT_HELP,
	HINT_MISUSED,
	HINT_ENCRYPTED,
	HINT_REFUSED,
	HINT_STAYS,
	HINT_ANSWERED,
	HINT_BOUNCED,
	HINT_CROWD,
	HINT_LAST,
	HINT_LAST_ENDS,
};
bool session_hint_due(struct session *s, enum hint kind, const char *bare);

/* ---- Presence -------------------------------------------------------------------- */

struct presences *presences_create(void);
/* Nothing more is looked at until there is a stream again. What waits is then, but for
 * probes: all contacts are told anyway. */
void presences_hold(struct session *s);
void presences_begin(struct session *s);
void presences_destroy(struct presences *p);
/*
 * JID left R's feed by another way than its contact list, SUB being what it was: the
 * contact list is told, where the feed was in it; on another stream as well.
 */
void presence_left(const struct request *r, const char *jid, const struct sub *sub);
/* JID answered FEED's invitation by another way: its contact list need not ask. */
void presence_withdraw(struct session *s, const char *feed, const char *jid);

/* ---- Handlers --------------------------------------------------------------------- */

typedef void (*iq_handler)(struct session *s, const struct incoming *in);
void disco_info(struct session *s, const struct incoming *in);
void disco_items(struct session *s, const struct incoming *in);
void answer_ping(struct session *s, const struct incoming *in);
void answer_version(struct session *s, const struct incoming *in);
void pubsub_request(struct session *s, const struct incoming *in);
void pubsub_owner_request(struct session *s, const struct incoming *in);
void chat_message(struct session *s, const struct incoming *in);
/* Malloc'ed; "" if there is none, or none that anybody would write. */
char *chat_thread(const struct incoming *in);
/* An owner's answer to a request (XEP-0060 8.6); true: it was one. */
bool authorize_answer(struct session *s, const struct incoming *in);
void commands_request(struct session *s, const struct incoming *in);
/* Is it about the commands' nodes? Then it has been answered. */
bool commands_info(struct session *s, const struct incoming *in);
bool commands_items(struct session *s, const struct incoming *in);
void vcard_temp(struct session *s, const struct incoming *in);
void vcard4(struct session *s, const struct incoming *in);
/* Items of a feed's or the hub's own nodes: vCard, avatar. False: none of them. */
bool vcard_items(struct session *s, const struct incoming *in);
void presence_subscribe(struct session *s, const struct incoming *in);
void presence_unsubscribe(struct session *s, const struct incoming *in);
void presence_probe(struct session *s, const struct incoming *in);
/* The answers to an invitation. */
void presence_subscribed(struct session *s, const struct incoming *in);
void presence_unsubscribed(struct session *s, const struct incoming *in);
/* What people show of themselves; and what comes back of ours. */
void presence_available(struct session *s, const struct incoming *in);
void presence_unavailable(struct session *s, const struct incoming *in);
void presence_error(struct session *s, const struct incoming *in);
/* NULL-terminated: what the hub and the feeds can. */
const char *const *disco_bot_features(void);
/* An answer of the multicast service to what we asked; true: it was one. */
bool service_answer(struct session *s, xmpp_stanza_t *stanza);

/*
 * Is it what we asked on this stream, or an answer to it? Its id is "WORD-NONCE-NUMBER".
 */
#define BARRIER_WORD "barrier"
bool session_is_own_iq(const struct session *s, xmpp_stanza_t *stanza, const char *word,
		       uint64_t *number);

/* The condition of a stanza error. */
const char *error_condition(xmpp_stanza_t *stanza);

/* ---- Reading stanzas -------------------------------------------------------------- */

/* The first child element; the next element after CHILD. */
xmpp_stanza_t *element_first(xmpp_stanza_t *stanza);
xmpp_stanza_t *element_next(xmpp_stanza_t *child);
bool element_is(xmpp_stanza_t *e, const char *name, const char *ns);
xmpp_stanza_t *element_find(xmpp_stanza_t *parent, const char *name, const char *ns);
/* All character data directly in E, malloc'ed; "" where there is none or E is NULL. */
char *element_text(xmpp_stanza_t *e);

#endif

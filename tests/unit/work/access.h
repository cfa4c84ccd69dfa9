#ifndef BELFRY_TESTS_UNIT_WORK_ACCESS_H
#define BELFRY_TESTS_UNIT_WORK_ACCESS_H

#include "work/hub.h"
#include "work/sweeps.h"
#include "world.h"

/* A hub whose feeds do not let everybody in. */
#define OWNER "olga@example.org"
#define OWNER2 "otto@example.org"
#define PERSON "petra@example.net"
#define OUTCAST "oscar@example.net"
/* A feed "asks", of these; and one "ours", of example.org, with OUTCAST. */
struct access {
	struct world w;
	struct hub h;
	struct sweeps *sweeps;
};

int access_set_up(void **state);
int access_tear_down(void **state);

/* What came back; of one that is under way, not yet. */
struct result {
	bool done, created, has_sub, more;
	enum belfry_err err;
	struct sub sub;
	struct sub_options options;
	size_t count;
	char text[1024];
};

/* Each begins: wait with access_wait(). OUT lives until it is done. */
void access_subscribe(struct access *f, const char *jid, const char *feed,
		      const struct sub_change *change, struct result *out);
void access_unsubscribe(struct access *f, const char *jid, const char *feed,
			struct result *out);
void access_subscription(struct access *f, const char *jid, const char *feed,
			 struct result *out);
void access_answer(struct access *f, const char *jid, const char *feed, bool yes,
		   struct result *out);
void access_decide(struct access *f, const char *owner, const char *feed, const char *jid,
		   bool allow, struct result *out);
/* Over REST, or on the command line. */
void access_allow(struct access *f, const char *feed, const char *jid,
		  struct result *out);
enum belfry_err access_wait(struct access *f, struct result *out);

/* JID, in chat, and the answer. */
enum belfry_err access_chat(struct access *f, const char *jid, const char *feed);

/* ---- The store ---- */

/* As over REST. */
void access_invite(struct access *f, const char *feed, const char *jid);
void access_put(struct access *f, const char *feed, const char *jid,
		enum pending_state state, uint64_t at_ms);
enum belfry_err access_move(struct access *f, const char *feed, const char *jid,
			    enum pending_state from, enum pending_state to);
char access_state(struct access *f, const char *feed, const char *jid); /* '-': none */
struct store_pending access_pending(struct access *f, const char *feed, const char *jid);
bool access_follows(struct access *f, const char *feed, const char *jid);
/* "KIND JID" of each notice, in order, each with "=FORMAT" where that is said ("=c+": as
 * a contact), and a blank behind it; then they are gone. */
const char *access_notices(struct access *f);
/* The notices that say that outcasts are to be looked for are taken ... */
void access_take_sweeps(struct access *f);
/* ... and it is waited until they were. */
void access_sweep(struct access *f);
void access_delete(struct access *f, const char *feed);

#endif

#ifndef TESTS_STORE_SYNC_PENDING_H
#define TESTS_STORE_SYNC_PENDING_H

#include <belfry/store/store.h>

/* As sync.h: who is not let in yet, and who is to be told. */

enum { SYNC_PENDINGS = 1024, SYNC_NOTICES = 1024 };
struct sync_pendings {
	size_t count;
	uint64_t next;
	struct {
		char jid[80];
		enum pending_state state;
	} p[SYNC_PENDINGS];
};
struct sync_notices {
	size_t count;
	struct {
		char id[80], feed[80], jid[80];
		enum notice_kind kind;
		enum sub_format format;
		bool contact;
	} n[SYNC_NOTICES];
};

enum belfry_err sync_pending_put(struct store *s, const char *feed,
				 const struct store_pending *p, enum pending_state expect,
				 enum notice_kind notice);
enum belfry_err sync_admit(struct store *s, const char *feed, const char *jid,
			   const struct sub_change *change,
			   const struct store_pending *seen, enum notice_kind notice);
/* OUT's JID lives until the next call. */
enum belfry_err sync_pending_get(struct store *s, const char *feed, const char *jid,
				 struct store_pending *out);
enum belfry_err sync_pending_list(struct store *s, const char *feed, uint64_t cursor,
				  size_t limit, struct sync_pendings *out);
enum belfry_err sync_notice_put(struct store *s, const char *feed, const char *jid,
				enum notice_kind kind);
enum belfry_err sync_notice_put_as(struct store *s, const struct store_notice *n);
enum belfry_err sync_notices(struct store *s, size_t limit, struct sync_notices *out);
enum belfry_err sync_notice_done(struct store *s, const char *id);

#endif

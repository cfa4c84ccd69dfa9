#ifndef STORE_SCRIPTS_H
#define STORE_SCRIPTS_H

/* The Lua scripts of hub/store/scripts, in the order of the table in scripts.c. */
enum script {
	S_ADMIT,
	S_ADMIT_TELL,
	S_COMMIT,
	S_DONE,
	S_EVENT,
	S_EXPEL,
	S_FACE_GET,
	S_FACE_PUT,
	S_FEED_DELETE,
	S_FEED_GONE,
	S_FEED_NOTE,
	S_FEED_PUT,
	S_HOLD_ORDER,
	S_JOIN,
	S_LATE_BOUNCE,
	S_LEASE_BEAT,
	S_LEASE_FENCE,
	S_LEASE_TAKE,
	S_LEAVE,
	S_NOTICE_PUT,
	S_PENDING_GET,
	S_PENDING_LIST,
	S_PENDING_MOVE,
	S_PENDING_PUT,
	S_ROW,
	S_SETTLE,
	S_SPLIT,
	S_TRIM,
	S_UNLINK,
	SCRIPT_COUNT
};

const char *script_text(enum script s);

#endif

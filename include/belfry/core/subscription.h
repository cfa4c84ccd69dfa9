#ifndef BELFRY_CORE_SUBSCRIPTION_H
#define BELFRY_CORE_SUBSCRIPTION_H

#include <belfry/core/availability.h>
#include <belfry/core/event.h>
#include <belfry/core/pos.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a follower wants it. The letter is what a row keeps. */
enum sub_format {
	FORMAT_CHAT = 'c',
	FORMAT_EVENT = 'e',
	FORMAT_HEADLINE = 'h',
	FORMAT_NORMAL = 'n',
};
const char *sub_format_text(enum sub_format f); /* "chat", ... */
int sub_format_parse(const char *s, size_t len, enum sub_format *out);

/*
 * What a subscription has beside its format; most have none of it. An event is for it if
 * it bears one of the tags (where there are any; upper and lower case of a-z are one),
 * is as urgent as AT_LEAST, and was committed after MUTED_UNTIL_MS.
 */
#define SUB_TAGS_MAX 8
#define SUB_TAG_MAX 64 /* bytes of a tag */
/* Each day from FROM to TO (minutes since midnight, there), which may be past midnight.
 * They differ. */
#define SUB_DAY_MINUTES 1440
#define SUB_ZONE_MAX 32 /* bytes of "Europe/Berlin" */
struct sub_quiet {
	bool set;
	unsigned from, to;
	char zone[SUB_ZONE_MAX + 1]; /* base/zone.h */
};
/* Whether the feed may see its presence. The number is what a row keeps. */
enum sub_grant {
	GRANT_NONE,    /* it was not asked */
	GRANT_ASKED,   /* ... and has not answered */
	GRANT_YES,     /* it may */
	GRANT_REFUSED, /* or taken back: it is not asked again, unless it chooses anew */
};
/*
 * Events come together: all of EVERY_MIN minutes from the first one on, or of a day up to
 * AT (minutes since midnight, there).
 */
#define SUB_DIGEST_MIN 1
#define SUB_DIGEST_MAX (7 * SUB_DAY_MINUTES)
struct sub_digest {
	unsigned every_min; /* 0: daily, or not at all */
	bool daily;
	unsigned at;
	char zone[SUB_ZONE_MAX + 1];
};
bool sub_digest_set(const struct sub_digest *d);
/* "5m", "1h", "2d": minutes, from SUB_DIGEST_MIN to SUB_DIGEST_MAX. 0, or -1. */
int sub_digest_every_parse(const char *s, size_t len, unsigned *minutes);
#define SUB_DIGEST_TEXT_SIZE 16
void sub_digest_every_text(unsigned minutes, char out[SUB_DIGEST_TEXT_SIZE]);
struct sub_options {
	bool contact; /* the feed is in its roster, and our presence was granted */
	enum event_priority at_least; /* PRIORITY_LOW: all */
	uint64_t muted_until_ms;      /* wall clock; 0: not muted */
	bool paused; /* by its person: nothing is sent, nothing skipped */
	struct sub_quiet quiet;
	/* Urgent events do not wait for the quiet hours to end, nor for another presence
	 * or a digest. */
	bool urgent_passes;
	bool hold_offline; /* what comes while it is offline is kept */
	unsigned shows;	   /* only while it shows one of them; 0: whatever it shows */
	enum sub_grant grant;
	struct sub_digest digest;
	/* Chat, without a digest: is asked to confirm (XEP-0184), or is not; neither: as
	 * the feed says. */
	bool receipt, no_receipt;
	/* It has done so: what is later, and was sent, is kept until it is confirmed.
	 * 0-0: it has not. */
	struct pos proven;
	size_t tag_count;
	char tags[SUB_TAGS_MAX][SUB_TAG_MAX + 1];
};

/*
 * Why a row has left the common pace of its bucket and has a position of its own. When it
 * is due it is served from there on, and comes back to the common pace when it has caught
 * up. The letter is what the row keeps.
 */
enum hold_reason {
	HOLD_NONE = 0,
	HOLD_BOUNCED = 'b', /* came back: is tried again, one event at a time */
	HOLD_DEAD = 'd',    /* a dead letter: no due time until somebody redrives it */
	HOLD_DROPPED = 'x', /* a dead letter given up: what it missed is not sent */
	HOLD_PAUSED = 'p',
	HOLD_QUIET = 'q',
	HOLD_OFFLINE = 'o', /* it chose so, and is offline */
	HOLD_SHOW = 's',    /* it shows none of what it chose */
	HOLD_DIGEST = 'g',  /* what comes is sent together, later */
	/* At the common pace, but what came back late is not forgotten until it is due: a
	 * remote server's refusal comes after the barrier. */
	HOLD_PROVING = 'k',
	/* Sent, and not confirmed. While COUNTED is its bucket's cursor, and there is
	 * room, it is sent what is new like the others. */
	HOLD_CONFIRM = 'c',
};
const char *hold_reason_text(enum hold_reason r); /* "bounced", ... */
#define HOLD_CONDITION_MAX 32			  /* bytes, [a-z-] */
struct sub_hold {
	enum hold_reason reason;
	/* It has had what is up to here. PROVING: of no meaning. */
	struct pos pos;
	uint64_t due_ms; /* by Redis' clock; 0: it has none */
	/* That failed in a row. With a condition the event behind POS came back; without
	 * one the last try went well, but what failed has come back late, and may again.
	 */
	unsigned tries;
	uint64_t first_ms; /* when the first of them failed; 0: none did */
	/*
	 * What is up to here is in the event's counters as taken (but for the event
	 * behind POS, if it came back): it is sent again, and not counted again. What is
	 * later is there as held. 0-0: all is.
	 */
	struct pos counted;
	/* Urgent events behind POS were sent all the same, as far as its bucket's
	 * cursor. */
	bool urgent;
	char condition[HOLD_CONDITION_MAX + 1]; /* of the last bounce; "": none */
	/* What is behind POS up to here is on its way, as one: 0-0: nothing is. */
	struct pos end;
	/*
	 * Of events behind POS up to SPAN_TO those are left out whose item was replaced
	 * or retracted up to there, and so are retractions of what it has not had up to
	 * SPAN_FROM. 0-0: nothing was left out yet.
	 */
	struct pos span_from, span_to;
	/*
	 * ... as a digest, of these events: bit I of the number (its epoch's 32 bits,
	 * then those of its n) is the event I before END, which itself is one. 0-0: it is
	 * none. With a condition it is they that came back, and not the event behind POS.
	 */
	struct pos members;
	/*
	 * Of what is behind POS, up to COUNTED, only this is sent again, as it is not
	 * confirmed: bit i stands for POS + 1 + i, and bit 0 is set. 0: all of it is.
	 * (With it, END is how far that has got, and there are no members.)
	 */
	uint64_t awaited;
	uint64_t again_ms;   /* then it is, by Redis' clock; 0: not by itself */
	uint64_t resends;    /* that nobody has answered */
	uint64_t give_up_ms; /* it keeps the rest waiting: not longer than until then */
};
#define SUB_MEMBERS_MAX 64
/* As a number, and back. */
uint64_t sub_hold_members(const struct sub_hold *h);
void sub_hold_digest(struct sub_hold *h, struct pos end, uint64_t members);
/* Is the event at POS, behind the hold's, of the digest that is on its way? */
bool sub_hold_member(const struct sub_hold *h, struct pos pos);
/* Is the event at POS, behind the hold's, in its counters as something else than held? */
bool sub_hold_counted(const struct sub_hold *h, struct pos pos);
/* Positions behind POS that may be on their way, unconfirmed. */
#define HOLD_WINDOW 16
#define HOLD_AWAITED_MAX 32 /* bits of `awaited` */
/* Is POS among what is awaited? */
bool hold_awaits(const struct sub_hold *h, struct pos pos);
/* What it has had, or what is on its way to it. */
struct pos hold_reached(const struct sub_hold *h);
/* Adds POS, which is behind all that is; where nothing is, POS of H is put before it.
 * False: it is too far away. */
bool hold_await(struct sub_hold *h, struct pos pos);
/* What is up to POS is no longer awaited; then POS of H is before what is, or COUNTED. */
void hold_forget(struct sub_hold *h, struct pos pos);
/*
 * The text of a hold, a word of the row:
 * "hREASON[u]:POS:DUE:TRIES:FIRST:CONDITION:COUNTED[:MORE]", as lib/hold.lua knows it.
 * MORE: what most holds have not, each with its letter, ";eEND;wAWAITED". Its length.
 */
#define HOLD_TEXT_SIZE 512
size_t sub_hold_text(const struct sub_hold *h, char out[HOLD_TEXT_SIZE]);
int sub_hold_parse(const char *s, size_t len, struct sub_hold *out);

/* A subscription as it stands in its bucket. */
struct sub {
	enum sub_format format;
	struct pos since; /* made at this position: later events are its */
	const char *hold; /* its text, inside of what was parsed; NULL: none */
	size_t hold_len;
	const char *options; /* as in the row, inside of what was parsed; NULL: none */
	size_t options_len;
};

/*
 * The value of a row: "c 12-3", "c 12-3 hb:12-8:...", "c 12-3 hp:... a p3 tprod". -1 if
 * it is not one. The hold, where there is one, is the first word behind SINCE. (A
 * position there is what earlier versions wrote, and is passed over.) OUT's hold and
 * options point into S.
 */
int sub_parse(const char *s, size_t len, struct sub *out);
#define SUB_OPTIONS_SIZE 368 /* of the options' text, with its NUL */
#define SUB_TEXT_SIZE (POS_TEXT_SIZE + 4 + HOLD_TEXT_SIZE + SUB_OPTIONS_SIZE)
/* S's options are shorter than SUB_OPTIONS_SIZE. */
size_t sub_format_row(const struct sub *s, char out[SUB_TEXT_SIZE]);

/* What the row's text says; words that it does not know are left out. */
void sub_options_read(const struct sub *s, struct sub_options *out);
/* Is it paused, has it quiet hours, or digests? Quick: most rows have none of it. */
bool sub_may_wait(const struct sub *s);
/* Is it sent messages that ask for a receipt? BY_FEED: if it has not chosen. Who has
 * answered one is, until he chooses otherwise. Who has digests is not. */
bool sub_asks(const struct sub *s, bool by_feed);
/* Is it, or has it chosen so, though it has digests? */
bool sub_wants_receipts(const struct sub *s);
/* ... and has it answered one? Then its `proven` is in SINCE, unless that is NULL. */
bool sub_proven(const struct sub *s, struct pos *since);
/* Does it choose by presence, or was asked for it? As quick. */
bool sub_minds_presence(const struct sub *s);
bool sub_chooses_presence(const struct sub_options *o);
/* Its hold; reason HOLD_NONE where there is none, or what stands there is not one. */
void sub_hold_read(const struct sub *s, struct sub_hold *out);
/* Has it left the common pace? (PROVING has not.) */
bool sub_held(const struct sub *s);
/* The text of O, NUL-terminated; its length, or -1: the tags are too long in all. */
int sub_options_text(const struct sub_options *o, char out[SUB_OPTIONS_SIZE]);
/*
 * Adds a tag, unless it is there. -1: empty, longer than SUB_TAG_MAX, not UTF-8, with a
 * control character, or one too many.
 */
int sub_options_tag(struct sub_options *o, const char *tag, size_t len);
/* Is E, committed at AT_MS, for it? */
bool sub_passes(const struct sub *s, const struct event *e, uint64_t at_ms);

/* What is to be changed of a row, or in making it; the rest stays as it is. */
enum {
	SUB_SET_FORMAT = 1,  /* without it the format counts for a new row alone */
	SUB_SET_CONTACT = 2, /* these are the members of sub_options */
	SUB_SET_PRIORITY = 4,
	SUB_SET_TAGS = 8,
	SUB_SET_MUTED = 16,
	SUB_SET_PAUSED = 32,
	SUB_SET_QUIET = 64,
	SUB_SET_URGENT = 128,
	/* `receipt` and `no_receipt`. Who is no longer asked, no longer gets chat, or has
	 * chosen digests, has to prove it anew. */
	SUB_SET_RECEIPT = 4096,
	SUB_SET_OFFLINE = 256,
	SUB_SET_SHOWS = 512,
	SUB_SET_GRANT = 1024,
	SUB_SET_DIGEST = 2048,
};
struct sub_change {
	unsigned set;
	enum sub_format format;
	bool only_existing; /* none is made */
	/* Of the feed (store_feed) whose configuration lets it in; 0: not compared. */
	uint64_t casts;
	struct sub_options options;
};
/* Follows, or goes on, in FORMAT. */
#define SUB_FOLLOW(as) (&(struct sub_change){.set = SUB_SET_FORMAT, .format = (as)})
/* Is what shows that it gives receipts forgotten? */
bool sub_change_unproves(const struct sub_change *c);
/* O after the change. */
void sub_change_apply(const struct sub_change *c, struct sub_options *o);

/*
 * Rows live in buckets by linear hashing. SALT (1..2^21-1) is random, one a feed, so that
 * nobody can choose JIDs that fall into one bucket. The Lua scripts compute the same
 * (hub/store/scripts/split.lua): h = (h * salt + byte) mod 4294967291 over the key's
 * bytes, from h = 5381. Small salts (below 64) and powers of two spread badly: draw
 * from 2^16 on.
 */
uint32_t row_hash(uint32_t salt, const char *key, size_t len);
/* The bucket of a hash where there are BUCKETS >= 1: h mod 2^(l+1) if that is < BUCKETS,
 * else h mod 2^l, 2^l being the largest power of two <= BUCKETS. */
uint32_t bucket_of(uint32_t hash, uint32_t buckets);
/* The bucket that is split to make bucket NEW (NEW >= 1): NEW less its highest bit. */
uint32_t bucket_parent(uint32_t new_bucket);
/* Where the rows of BUCKET were when there were only OLD_BUCKETS. */
uint32_t bucket_ancestor(uint32_t bucket, uint32_t old_buckets);

#define BUCKET_ROWS 100 /* rows a bucket, on average, before one is split */

#endif

#ifndef BELFRY_CORE_SUBSCRIPTION_H
#define BELFRY_CORE_SUBSCRIPTION_H

#include <belfry/core/pos.h>

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

/* A subscription as it stands in its bucket. */
struct sub {
	enum sub_format format;
	struct pos since;   /* made at this position: later events are its */
	struct pos bounced; /* the newest event that bounced; 0-0: none */
};

/* The value of a row: "c 12-3" or "c 12-3 12-9". -1 if it is not one. */
int sub_parse(const char *s, size_t len, struct sub *out);
#define SUB_TEXT_SIZE (2 * POS_TEXT_SIZE + 4)
size_t sub_format_row(const struct sub *s, char out[SUB_TEXT_SIZE]);

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

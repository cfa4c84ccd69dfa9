#ifndef STORE_REDIS_REPLY_H
#define STORE_REDIS_REPLY_H

#include <belfry/core/pos.h>

#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdint.h>

/* Where the replies of one connection are made: emptied after each whole reply. */
struct arena {
	struct arena_block *blocks; /* the newest first */
	size_t used;		    /* of the newest block */
	size_t bytes;		    /* handed out since the last reset */
	unsigned elements_max;	    /* of one array; 0: millions */
};
void arena_reset(struct arena *a);
void arena_free(struct arena *a);
/* A reader whose replies live in A; redisReaderFree() it before the arena. */
redisReader *reply_reader_create(struct arena *a);

/* What stands in a reply came from outside: each of these says no to what does not fit.
 */
bool reply_is_text(const redisReply *r); /* a string or a status */
bool reply_is_array(const redisReply *r, size_t at_least);
bool reply_is(const redisReply *r, const char *text);
bool reply_has_prefix(const redisReply *r, const char *prefix);
int reply_u64(const redisReply *r, uint64_t *out); /* integer, or digits */
int reply_u32(const redisReply *r, uint32_t *out);
int reply_pos(const redisReply *r, struct pos *out);
int reply_time_ms(const redisReply *r, uint64_t *out); /* of TIME */
/* A string without a NUL in it; else NULL. */
const char *reply_str(const redisReply *r);

/* Names of feeds, gathered from one reply or several; zeroed to begin with. */
struct name_list {
	char **names;
	size_t count;
};
/* Adds the names of an array; -1: it is none. What no feed can be called is left out. */
int name_list_add(struct name_list *l, const redisReply *r);
void name_list_free(struct name_list *l);

#endif

#ifndef BELFRY_HUB_CORE_CONFIG_TABLE_H
#define BELFRY_HUB_CORE_CONFIG_TABLE_H

#include <belfry/base/buf.h>
#include <belfry/core/config.h>

/* How a value is read; each has a reader in config_value.c. */
enum config_type {
	CONFIG_NUMBER,	    /* uint64_t, min .. max */
	CONFIG_BOOL,	    /* bool: true or false */
	CONFIG_ADDR,	    /* struct config_addr; min is the lowest port */
	CONFIG_URL,	    /* char *: redis://, unix:// or redis+sentinel:// */
	CONFIG_NAME,	    /* char * */
	CONFIG_DOMAIN,	    /* char *, normalized */
	CONFIG_DOMAINS,	    /* char **, normalized */
	CONFIG_URIS,	    /* char ** */
	CONFIG_SECRET,	    /* char * */
	CONFIG_SECRET_FILE, /* char *: what stands in the file named */
	CONFIG_LEVEL,	    /* enum log_level */
	CONFIG_FORMAT,	    /* enum log_format */
};

/* One key: where it is kept, how it is read, what it is for. */
struct config_key {
	const char *name; /* "section.name" */
	enum config_type type;
	size_t offset;	      /* in struct config */
	const char *standard; /* as it would stand in the file; NULL: none */
	uint64_t min, max;
	const char *help;
};
extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* One value, and how errors name it: "belfry.ini:3: http.listen". */
struct config_source {
	const struct config_key *key;
	const char *where;
	const char *value;
};
/* Reads the value into *c; a line in *problems for each thing that is wrong with it. */
void config_value_read(struct config *c, const struct config_source *src,
		       struct buf *problems, struct buf *warnings);
/* Is it a secret, or is there one in it? */
bool config_value_secret(const struct config_source *src);
/* Frees what the key holds in *c. */
void config_value_free(struct config *c, const struct config_key *key);

/* "BELFRY_HTTP_LISTEN" for "http.listen". */
#define CONFIG_ENV_SIZE 64
void config_env_name(const struct config_key *key, char out[CONFIG_ENV_SIZE]);
/* The key that somebody who wrote NAME may have meant; NULL: none is near. */
const struct config_key *config_nearest(const char *name);

/* All of FD, malloc'ed; NULL and *why (an errno; 0: more than MAX bytes) on failure. */
char *config_read_fd(int fd, size_t max, size_t *len, int *why);
/*
 * How to mend a regular file that others than its owner can get at: what to give chmod.
 * NULL: it is sound; a group may read what root owns.
 */
struct stat;
const char *config_exposed(const struct stat *st);

/* config_load() of a file NAME that has been read already; TEXT may be NULL. */
struct config *config_load_text(const char *name, const char *text, size_t len,
				char *const *environ_, struct buf *problems,
				struct buf *warnings);

#endif

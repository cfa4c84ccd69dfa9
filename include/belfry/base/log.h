#ifndef BELFRY_BASE_LOG_H
#define BELFRY_BASE_LOG_H

#include <stdint.h>

/*
 * Structured lines on stderr, as logfmt or JSON, one write(2) a line. Values are quoted
 * and escaped as the format asks, whatever bytes they hold. Never log payloads, tokens,
 * secrets or passwords. Log once, where the context is known.
 *
 *   log_info("feed created", log_s("feed", name), log_u("buckets", n));
 *   log_info("stopping", LOG_NONE);
 */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_LOGFMT, LOG_JSON };

struct log_field {
	const char *key; /* NULL ends the list */
	enum { LOG_F_STR, LOG_F_INT, LOG_F_UINT, LOG_F_DOUBLE } type;
	const char *s; /* NULL prints as an empty value */
	union {
		int64_t i;
		uint64_t u;
		double d;
	} v;
};

/* PROGRAM goes into every line ("serve", "work"); kept, not copied. */
void log_setup(const char *program, enum log_level lowest, enum log_format format);

struct log_field log_s(const char *key, const char *value);
struct log_field log_i(const char *key, int64_t value);
struct log_field log_u(const char *key, uint64_t value);
struct log_field log_d(const char *key, double value);
#define LOG_NONE ((struct log_field){0})

/* Longer values are cut, about here, and end in "...". */
#define LOG_VALUE_MAX 4096

void log_write(enum log_level level, const char *msg, const struct log_field *fields);

#define log_at(level, msg, ...)                                                          \
	log_write(level, msg, (const struct log_field[]){__VA_ARGS__, LOG_NONE})
#define log_debug(msg, ...) log_at(LOG_DEBUG, msg, __VA_ARGS__)
#define log_info(msg, ...) log_at(LOG_INFO, msg, __VA_ARGS__)
#define log_warn(msg, ...) log_at(LOG_WARN, msg, __VA_ARGS__)
#define log_error(msg, ...) log_at(LOG_ERROR, msg, __VA_ARGS__)

#endif

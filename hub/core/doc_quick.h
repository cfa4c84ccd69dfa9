#ifndef BELFRY_HUB_CORE_DOC_QUICK_H
#define BELFRY_HUB_CORE_DOC_QUICK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * A look at a JSON object in one pass, without building it. It knows the usual documents
 * only; what it is not sure of it leaves to doc_load(), and errors are always such.
 */

/* A member of the outermost object; VALUE is its text, a string's with the quotes. */
struct quick_member {
	const char *name; /* has no escapes */
	size_t name_len;
	const char *value;
	size_t value_len;
};
/* False: this document is left to doc_load(). */
typedef bool (*quick_take)(void *arg, const struct quick_member *m);

/*
 * True: doc_load() would take it, it has no raw noncharacter (struct doc_scan), and TAKE
 * has seen every member of the outermost object and was content.
 */
bool doc_quick(const char *json, size_t len, quick_take take, void *arg);

/* The malloc'ed content of a string that doc_quick() has shown; *out_len is its length.
 */
char *doc_unquote(const char *text, size_t len, size_t *out_len);
/*
 * The next string of an array that doc_quick() has shown; *AT begins at its bracket. 1:
 * TEXT and LEN are the string with its quotes; 0: there are no more; -1: no string.
 */
int doc_next_string(const char **at, const char **text, size_t *len);

#endif

#ifndef TESTS_STORE_ON_REDIS_H
#define TESTS_STORE_ON_REDIS_H

#include "../../lib/store/redis_server.h"

#include <stdbool.h>

/* What tests of the store in Redis do behind its back. */
extern struct redis_server server;

/* Of a group of tests: the server runs, and A and B are one store there. */
int on_redis_begin(void **state);
int on_redis_end(void **state);

/* No error comes back; what does, raw. */
const char *on_redis_do(const char *command);
/* The same of a key where FEED's are, such as "b:deploys:0", which takes the place of %s.
 */
const char *on_redis_do_key(const char *feed, const char *key, const char *format);
/* Does any key end in this? */
bool on_redis_has(const char *end);

#endif

#include "../../lib/store/sync.h"

#include "store/redis_name.h"

#include <belfry/base/log.h>
#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/store/redis.h>

#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The name server of this program, who answers for all names. */
static unsigned asked;
static bool silent;

int getaddrinfo(const char *name, const char *port, const struct addrinfo *hints,
		struct addrinfo **out)
{
	(void)name;
	asked++;
	if (silent)
		return EAI_AGAIN;
	struct addrinfo *a = calloc(1, sizeof *a);
	struct sockaddr_in *in = calloc(1, sizeof *in);
	in->sin_family = AF_INET;
	in->sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	*a = (struct addrinfo){.ai_family = AF_INET,
			       .ai_socktype = hints->ai_socktype,
			       .ai_addr = (struct sockaddr *)in,
			       .ai_addrlen = sizeof *in};
	*out = a;
	return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	free(a->ai_addr);
	free(a);
}

static char text[] = "s1.example";
static const struct redis_host host = {text, 26379};

static int start(void **state)
{
	(void)state;
	asked = 0;
	silent = false;
	return 0;
}

static void kept_for_a_while(void **state)
{
	struct name n = {0};
	(void)state;
	const struct addrinfo *first = name_kept(&n, &host, 1000);
	assert_non_null(first);
	assert_ptr_equal(name_kept(&n, &host, 1000 + NAME_KEPT_MS - 1), first);
	assert_int_equal(asked, 1);
	assert_non_null(name_kept(&n, &host, 1000 + NAME_KEPT_MS));
	assert_int_equal(asked, 2);
	name_forget(&n);
	assert_null(n.list);
}

static void not_asked_again_at_once(void **state)
{
	struct name n = {0};
	(void)state;
	silent = true;
	assert_null(name_kept(&n, &host, 1000));
	assert_string_equal(n.why, gai_strerror(EAI_AGAIN));
	assert_null(name_kept(&n, &host, 1000 + NAME_FAILED_MS - 1));
	assert_int_equal(asked, 1);
	assert_non_null(n.why);
	silent = false;
	assert_non_null(name_kept(&n, &host, 1000 + NAME_FAILED_MS));
	assert_null(n.why);
	/* Where it fails later, what is known lasts. */
	silent = true;
	uint64_t late = 1000 + NAME_FAILED_MS + NAME_KEPT_MS;
	assert_non_null(name_kept(&n, &host, late));
	assert_non_null(name_kept(&n, &host, late + NAME_FAILED_MS - 1));
	assert_int_equal(asked, 3);
	name_forget(&n);
}

/* A master that has moved is found at once. */
static void asked_for_now(void **state)
{
	struct name n = {0};
	(void)state;
	assert_non_null(name_ask(&n, &host));
	assert_non_null(name_ask(&n, &host));
	silent = true;
	assert_null(name_ask(&n, &host));
	assert_int_equal(asked, 3);
	name_forget(&n);
}

/* Nobody listens, or nobody knows them: they are tried again and again, all the same. */
static void sentinels_by_name(void **state)
{
	char url[] = "redis+sentinel://s1.example:1,s2.example:1/m", why[200];
	struct config config = {.redis = {.url = url, .timeout_ms = 400}};
	(void)state;
	for (int i = 0; i < 2; i++) {
		struct store_feed f;
		struct store_redis_stats stats = {0};
		asked = 0;
		silent = i == 1;
		struct store *s = store_redis_create(sync_loop, &config, why, sizeof why);
		assert_non_null(s);
		while (stats.reconnects < 4) {
			assert_int_equal(sync_feed_get(s, "f", &f), BELFRY_EAWAY);
			store_redis_stats(s, &stats);
		}
		assert_int_equal(asked, 2);
		s->ops->destroy(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(kept_for_a_while, start),
		cmocka_unit_test_setup(not_asked_again_at_once, start),
		cmocka_unit_test_setup(asked_for_now, start),
		cmocka_unit_test_setup(sentinels_by_name, start),
	};
	log_setup("test", (enum log_level)(LOG_ERROR + 1), LOG_LOGFMT);
	sync_loop = loop_create();
	int failed = cmocka_run_group_tests_name("names of hosts", tests, NULL, NULL);
	loop_destroy(sync_loop);
	return failed;
}

#include "store/redis_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static char why[200];

static struct redis_url parsed(const char *text)
{
	struct redis_url u;

	if (redis_url_parse(&u, text, why, sizeof why))
		fail_msg("%s: %s", text, why);
	return u;
}

static void servers(void **state)
{
	(void)state;
	struct redis_url u = parsed("redis://us%40er:p%3A%20w@[::1]:7000/4");
	assert_string_equal(u.user, "us@er");
	assert_string_equal(u.password, "p: w");
	assert_string_equal(u.host.name, "::1");
	assert_int_equal(u.host.port, 7000);
	assert_int_equal(u.db, 4);
	assert_null(u.master);
	redis_url_free(&u);
	u = parsed("redis://:pw@h");
	assert_null(u.user);
	assert_string_equal(u.password, "pw");
	assert_int_equal(u.host.port, 6379);
	redis_url_free(&u);
	u = parsed("unix:///run/r.sock?db=2");
	assert_string_equal(u.path, "/run/r.sock");
	assert_int_equal(u.db, 2);
	redis_url_free(&u);
}

static void sentinels(void **state)
{
	(void)state;
	struct redis_url u =
		parsed("redis+sentinel://u:p%2Cw@s1,[::2]:7000,10.0.0.3:1/my-"
		       "master.2/3");
	assert_string_equal(u.user, "u");
	assert_string_equal(u.password, "p,w");
	assert_string_equal(u.master, "my-master.2");
	assert_int_equal(u.db, 3);
	assert_null(u.host.name);
	assert_null(u.path);
	assert_int_equal(u.sentinel_count, 3);
	assert_string_equal(u.sentinels[0].name, "s1");
	assert_int_equal(u.sentinels[0].port, 26379);
	assert_string_equal(u.sentinels[1].name, "::2");
	assert_int_equal(u.sentinels[1].port, 7000);
	assert_string_equal(u.sentinels[2].name, "10.0.0.3");
	assert_int_equal(u.sentinels[2].port, 1);
	redis_url_free(&u);
	u = parsed("redis+sentinel://h/m");
	assert_int_equal(u.sentinel_count, 1);
	assert_int_equal(u.db, 0);
	assert_null(u.password);
	redis_url_free(&u);
	u = parsed("redis+sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16/m/");
	assert_int_equal(u.sentinel_count, 16);
	redis_url_free(&u);
}

static void what_is_wrong_is_told_without_it(void **state)
{
	static const char *const bad[] = {
		"",
		"redis://",
		"redis://h:0",
		"redis://h:99999",
		"redis://h/x",
		"redis://h/99999",
		"unix://rel",
		"unix:///s?x=1",
		"rediss://h",
		"rediss+sentinel://h/m",
		"http://h",
		"redis://[::1",
		"redis://[::1]x",
		"redis://%zz:p@h/0",
		"redis://u:%0@h/0",
		"redis://u:%00@h",
		"redis://h?db=1",
		"redis+sentinel://",
		"redis+sentinel://h",
		"redis+sentinel://h/",
		"redis+sentinel:///m",
		"redis+sentinel://h,/m",
		"redis+sentinel://,h/m",
		"redis+sentinel://h:0/m",
		"redis+sentinel://h,i,h/m",
		"redis+sentinel://h,H:26379/m",
		"redis+sentinel://h:1,[::1/m",
		"redis+sentinel://h?master=m",
		"redis+sentinel://h/m?db=1",
		"redis+sentinel://h/m/x",
		"redis+sentinel://h/m/0/1",
		"redis+sentinel://h/two words",
		"redis+sentinel://u:%0@h/m",
		"redis+sentinel://1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17/m",
	};
	struct redis_url u;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		why[0] = '\0';
		if (redis_url_parse(&u, bad[i], why, sizeof why) != -1)
			fail_msg("%s was taken", bad[i]);
		assert_non_null(strstr(why, "redis.url"));
		assert_null(u.sentinels);
	}
	assert_int_equal(redis_url_parse(&u, "redis+sentinel://u:s3cret@h/m/s3cret", why,
					 sizeof why),
			 -1);
	assert_null(strstr(why, "s3cret"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(servers),
		cmocka_unit_test(sentinels),
		cmocka_unit_test(what_is_wrong_is_told_without_it),
	};

	return cmocka_run_group_tests_name("redis.url", tests, NULL, NULL);
}

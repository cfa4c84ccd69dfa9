#include <belfry/base/buf.h>
#include <belfry/base/mem.h>
#include <belfry/core/config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config_fixture.h"

static struct config *load_secret(const char *secret, size_t len, mode_t mode)
{
	char text[128];

	config_write(config_secret_path, secret, len);
	assert_int_equal(chmod(config_secret_path, mode), 0);
	snprintf(text, sizeof text, "[xmpp]\nsecret_file = %s\n", config_secret_path);
	return config_load_with(text, NULL);
}

static void secrets_come_from_files(void **state)
{
	struct config *c = load_secret("s3 cret\n", 8, 0600);

	(void)state;
	assert_non_null(c);
	assert_string_equal(c->xmpp.secret, "s3 cret");
	assert_int_equal(warnings.len, 0);
	config_free(c);
	c = load_secret("s3cret\r\n\n", 9, 0600);
	assert_string_equal(c->xmpp.secret, "s3cret");
	assert_int_equal(warnings.len, 0);
	config_free(c);
	c = load_secret("s3cret", 6, 0604);
	assert_string_equal(c->xmpp.secret, "s3cret");
	assert_non_null(strstr(warnings.data, ": xmpp.secret_file: others on this"));
	assert_non_null(strstr(warnings.data, ": chmod o= it\n"));
	assert_null(strstr(warnings.data, "s3cret"));
	config_free(c);
}

/* What the warnings say of the file with TEXT and this mode, owned by root or not. */
static bool warned(const char *text, mode_t mode, bool root, const char *expected)
{
	config_write(config_path, text, strlen(text));
	assert_int_equal(chmod(config_path, mode), 0);
	if (geteuid() == 0)
		assert_int_equal(chown(config_path, root ? 0 : 65534, (gid_t)-1), 0);
	buf_clear(&warnings);
	buf_adds(&warnings, "");
	struct config *c = config_load(config_path, NULL, &problems, &warnings);
	assert_non_null(c);
	config_free(c);
	assert_null(strstr(warnings.data, "hidden"));
	if (warnings.len && !strstr(warnings.data, expected))
		fail_msg("\"%s\" is not in \"%s\"", expected, warnings.data);
	return warnings.len;
}

static void secrets_that_others_can_read_are_warned_of(void **state)
{
	static const char secret[] = "[xmpp]\nsecret = hidden\n";
	static const char url[] = "[redis]\nurl = redis://me:hidden@localhost:6379/0\n";
	static const char watched[] =
		"[redis]\nurl = redis+sentinel://:hidden@a:1,b:2/m/0\n";
	static const char sound[] = "[xmpp]\nsecret =\nsecret_file =\n"
				    "[redis]\nurl = redis://me@[::1]:6379/0\n";
	static const char socket_at[] = "[redis]\nurl = unix:///run/a:b@c\n";
	const char *names[] = {":2: xmpp.secret: others on this machine can read",
			       "or use xmpp.secret_file\n"};
	bool as_root = geteuid() == 0;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		assert_true(warned(secret, 0644, false, names[i]));
	assert_true(warned(secret, 0640, false, ": chmod go= the file"));
	assert_true(warned(secret, 0620, as_root,
			   as_root ? ": chmod g-w,o= the file" : ": chmod go= the file"));
	assert_true(warned(secret, 0604, as_root, ": chmod o= the file"));
	assert_false(warned(secret, 0600, false, ""));
	if (as_root)
		assert_false(warned(secret, 0640, true, ""));
	assert_true(warned(url, 0604, false, ":2: redis.url: others"));
	assert_true(warned(url, 0604, false, "or use redis.password_file\n"));
	assert_true(warned(watched, 0604, false, "or use redis.password_file\n"));
	assert_false(warned(url, 0600, false, ""));
	assert_false(warned(sound, 0666, false, ""));
	assert_false(warned(socket_at, 0666, false, ""));
	unlink(config_path);
}

static struct config *load_for_store(const char *text, char *const *env)
{
	buf_clear(&problems);
	buf_clear(&warnings);
	buf_adds(&problems, "");
	buf_adds(&warnings, "");
	config_write(config_path, text, strlen(text));
	return config_load_for_store(config_path, env, &problems, &warnings);
}

static void the_store_does_not_need_the_xmpp_secret(void **state)
{
	static const char text[] = "[xmpp]\ndomain = feeds.example.org\n"
				   "secret_file = /nonexistent\n";
	char secret[] = "BELFRY_XMPP_SECRET=s3cret",
	     no_file[] = "BELFRY_XMPP_SECRET_FILE=";
	char *env[] = {secret, no_file, NULL};

	(void)state;
	assert_null(config_load_with(text, NULL));
	assert_non_null(strstr(problems.data, "cannot read \"/nonexistent\""));
	struct config *c = load_for_store(text, NULL);
	assert_non_null(c);
	assert_int_equal(problems.len + warnings.len, 0);
	assert_string_equal(c->xmpp.domain, "feeds.example.org");
	assert_null(c->xmpp.secret);
	config_free(c);
	c = load_for_store(text, env);
	assert_non_null(c);
	assert_null(c->xmpp.secret);
	config_free(c);
	/* The rest is as strict as ever, and Redis' own secret is wanted. */
	assert_null(load_for_store(text, (char *[]){secret, NULL}));
	assert_non_null(
		strstr(problems.data, "xmpp.secret and xmpp.secret_file are both"));
	assert_null(load_for_store("[redis]\npassword_file = /nonexistent\n", NULL));
	assert_null(load_for_store("[xmpp]\nsecretfile = x\n", NULL));
	assert_null(
		config_load_for_store("/nonexistent/b.ini", NULL, &problems, &warnings));
	c = config_load_for_store(NULL, NULL, &problems, &warnings);
	assert_non_null(c);
	config_free(c);
}

static void bad_secret_files_are_refused(void **state)
{
	char *huge = xmalloc(5000);

	(void)state;
	assert_null(load_secret("\n\n", 2, 0600));
	assert_non_null(strstr(problems.data, "it is empty"));
	assert_null(load_secret("s3\0cret", 7, 0600));
	assert_non_null(strstr(problems.data, "it is binary"));
	memset(huge, 'x', 5000);
	assert_null(load_secret(huge, 5000, 0600));
	assert_non_null(strstr(problems.data, "longer than 4096 bytes"));
	free(huge);
	assert_null(config_load_with("[redis]\npassword_file = /nonexistent\n", NULL));
	assert_non_null(strstr(problems.data, ":2: redis.password_file: cannot read "
					      "\"/nonexistent\": No such"));
	assert_null(
		config_load_with("[redis]\nsentinel_password_file = /nowhere\n", NULL));
	assert_non_null(strstr(problems.data, "redis.sentinel_password_file: cannot"));
	assert_null(config_load_with("[redis]\npassword_file = /\n", NULL));
	assert_non_null(strstr(problems.data, "cannot read \"/\""));
}

static void one_secret_is_enough(void **state)
{
	char secret[] = "BELFRY_XMPP_SECRET=s3cret", empty[] = "BELFRY_XMPP_SECRET=";
	char *env[] = {secret, NULL}, *none[] = {empty, NULL};
	char text[128];

	(void)state;
	config_write(config_secret_path, "fr0mfile", 8);
	snprintf(text, sizeof text, "[xmpp]\nsecret_file = %s\n", config_secret_path);
	assert_null(config_load_with(text, env));
	assert_non_null(
		strstr(problems.data, "xmpp.secret and xmpp.secret_file are both"));
	assert_null(strstr(problems.data, "s3cret"));
	struct config *c = config_load_ok(text, none);
	assert_string_equal(c->xmpp.secret, "fr0mfile");
	config_free(c);
}

static void secrets_are_one_line(void **state)
{
	char secret[] = "BELFRY_XMPP_SECRET=s3c\nret";
	char *env[] = {secret, NULL};

	(void)state;
	assert_null(config_load_with(NULL, env));
	assert_non_null(strstr(problems.data, "BELFRY_XMPP_SECRET must be one line"));
	assert_null(strstr(problems.data, "s3c"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_come_from_files),
		cmocka_unit_test(secrets_that_others_can_read_are_warned_of),
		cmocka_unit_test(the_store_does_not_need_the_xmpp_secret),
		cmocka_unit_test(bad_secret_files_are_refused),
		cmocka_unit_test(one_secret_is_enough),
		cmocka_unit_test(secrets_are_one_line),
	};

	return cmocka_run_group_tests_name("config/secrets", tests, config_dir_make,
					   config_dir_remove);
}

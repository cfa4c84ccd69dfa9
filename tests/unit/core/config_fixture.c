#include "config_fixture.h"

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

static char dir[] = "/tmp/belfry-config-XXXXXX";
char config_path[64], config_secret_path[64];
struct buf problems, warnings;

int config_dir_make(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(config_path, sizeof config_path, "%s/b.ini", dir);
	snprintf(config_secret_path, sizeof config_secret_path, "%s/secret", dir);
	return 0;
}

int config_dir_remove(void **state)
{
	(void)state;
	unlink(config_path);
	unlink(config_secret_path);
	buf_free(&problems);
	buf_free(&warnings);
	return rmdir(dir);
}

void config_write(const char *name, const char *text, size_t len)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(name, 0600), 0);
}

struct config *config_load_with(const char *text, char *const *env)
{
	buf_clear(&problems);
	buf_clear(&warnings);
	buf_adds(&problems, "");
	buf_adds(&warnings, "");
	if (text)
		config_write(config_path, text, strlen(text));
	return config_load(text ? config_path : NULL, env, &problems, &warnings);
}

struct config *config_load_ok(const char *text, char *const *env)
{
	struct config *c = config_load_with(text, env);

	if (!c)
		fail_msg("%s", problems.data);
	assert_int_equal(problems.len, 0);
	return c;
}

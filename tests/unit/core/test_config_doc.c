#include <belfry/base/buf.h>
#include <belfry/core/config.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct buf read_document(const char *name)
{
	struct buf text = {0};
	char part[4096];
	FILE *f = fopen(name, "r");
	size_t n;

	if (!f)
		fail_msg("%s is not there: tests run in the project's directory", name);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_add(&text, part, n);
	fclose(f);
	return text;
}

/* What `belfry config` prints stands in the documentation, word for word. */
static void the_documentation_shows_every_key(void **state)
{
	struct buf template = {0}, document = read_document("docs/configuration.md");

	(void)state;
	buf_adds(&template, "```ini\n");
	config_template(&template);
	buf_adds(&template, "```\n");
	if (!strstr(document.data, template.data))
		fail_msg("put this into docs/configuration.md:\n%s", template.data);
	buf_free(&template);
	buf_free(&document);
}

static void passwords_in_urls_are_not_shown(void **state)
{
	static const char *const urls[][2] = {
		{"redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"},
		{"redis://:secret@host:1/2", "redis://host:1/2"},
		{"redis://user:secret@host", "redis://host"},
		{"redis://user:sec@ret@host", "redis://host"},
		{"redis://user:sec/ret@host/0", "redis://host/0"},
		{"redis://user:sec?ret@", "redis://"},
		{"unix:///run/a@b.sock?db=1", "unix:///run/a@b.sock?db=1"},
		{"redis+sentinel://a,b:1/m/0", "redis+sentinel://a,b:1/m/0"},
		{"redis+sentinel://u:sec,@ret@a,b/m", "redis+sentinel://a,b/m"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
		char *shown = config_url_shown(urls[i][0]);

		assert_string_equal(shown, urls[i][1]);
		free(shown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_documentation_shows_every_key),
		cmocka_unit_test(passwords_in_urls_are_not_shown),
	};

	return cmocka_run_group_tests_name("config_doc", tests, NULL, NULL);
}

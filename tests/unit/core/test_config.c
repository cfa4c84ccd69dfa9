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

static void check_problem(const char *text, const char *expected)
{
	struct config *c = config_load_with(text, NULL);

	if (c || !strstr(problems.data, expected))
		fail_msg("%s: \"%s\" is not in \"%s\"", text, expected, problems.data);
	assert_int_equal(problems.data[problems.len - 1], '\n');
}

static void defaults_are_as_documented(void **state)
{
	struct config *c = config_load_ok(NULL, NULL);

	(void)state;
	assert_string_equal(c->http.listen.host, "127.0.0.1");
	assert_int_equal(c->http.listen.port, 8080);
	assert_int_equal(c->http.max_body_bytes, 65536);
	assert_int_equal(c->http.max_connections, 1024);
	assert_int_equal(c->http.max_connections_per_ip, 256);
	assert_int_equal(c->http.request_timeout_ms, 10000);
	assert_int_equal(c->http.idempotency_ttl_s, 3600);
	assert_string_equal(c->redis.url, "redis://127.0.0.1:6379/0");
	assert_null(c->redis.password);
	assert_int_equal(c->redis.wait_replicas, 0);
	assert_int_equal(c->redis.timeout_ms, 3000);
	assert_false(c->redis.allow_data_loss);
	assert_null(c->xmpp.domain);
	assert_int_equal(c->xmpp.server.port, 5347);
	assert_null(c->xmpp.secret);
	assert_null(c->xmpp.trusted_domains[0]);
	assert_int_equal(c->xmpp.max_stanza_bytes, 262144);
	assert_int_equal(c->limits.subscribe_per_jid, 200);
	assert_int_equal(c->limits.subscribe_per_domain, 2000);
	assert_int_equal(c->limits.invite_per_jid, 5);
	assert_int_equal(c->limits.invite_per_domain, 100);
	assert_null(c->contact.abuse);
	assert_null(c->contact.support);
	assert_int_equal(c->work.listen.port, 8081);
	assert_int_equal(c->work.lease_ms, 2000);
	assert_int_equal(c->delivery.retry_first_ms, 10000);
	assert_int_equal(c->delivery.retry_max_ms, 6 * 3600 * 1000);
	assert_int_equal(c->delivery.retry_tries, 12);
	assert_int_equal(c->delivery.give_up_days, 5);
	assert_int_equal(c->log.level, LOG_INFO);
	assert_int_equal(c->log.format, LOG_LOGFMT);
	assert_int_equal(c->shutdown_ms, 10000);
	assert_int_equal(warnings.len, 0);
	config_free(c);
	config_free(NULL);
}

static void a_file_is_read(void **state)
{
	struct config *c = config_load_ok("\xef\xbb\xbf# Belfry\n"
					  "[http]\r\n"
					  "listen = [::1]:0\r\n"
					  "  max_body_bytes=1024 ; the least\n"
					  "\n"
					  "[redis]\n"
					  "url: unix:///run/redis.sock?db=2\n"
					  "allow_data_loss = true\n"
					  "[xmpp]\n"
					  "domain = Feeds.Example.ORG.\n"
					  "server = xmpp.example.org:5347\n"
					  "secret = a#b;c\n"
					  "[log]\n"
					  "level = warn\n"
					  "format = json\n"
					  "[service]\n"
					  "shutdown_ms =",
					  NULL);

	(void)state;
	assert_string_equal(c->http.listen.host, "::1");
	assert_int_equal(c->http.listen.port, 0);
	assert_int_equal(c->http.max_body_bytes, 1024);
	assert_string_equal(c->redis.url, "unix:///run/redis.sock?db=2");
	assert_true(c->redis.allow_data_loss);
	assert_string_equal(c->xmpp.domain, "feeds.example.org");
	assert_string_equal(c->xmpp.server.host, "xmpp.example.org");
	assert_string_equal(c->xmpp.secret, "a#b;c");
	assert_string_equal(c->xmpp.trusted_domains[0], "example.org");
	assert_null(c->xmpp.trusted_domains[1]);
	assert_int_equal(c->log.level, LOG_WARN);
	assert_int_equal(c->log.format, LOG_JSON);
	assert_int_equal(c->shutdown_ms, 10000);
	config_free(c);
}

static void the_environment_wins(void **state)
{
	char listen[] = "BELFRY_HTTP_LISTEN=0.0.0.0:9",
	     domain[] = "BELFRY_XMPP_DOMAIN=f.x",
	     trusted[] = "BELFRY_XMPP_TRUSTED_DOMAINS=A.b, c.d  E.f",
	     other[] = "HTTP_LISTEN=1",
	     empty[] = "BELFRY_WORK_LEASE_MS=", odd[] = "BELFRY_NOTHING",
	     config[] = "BELFRY_CONFIG=/x";
	char *env[] = {listen, domain, trusted, other, empty, odd, config, NULL};
	struct config *c =
		config_load_ok("[http]\nlisten=1.2.3.4:5\n[xmpp]\ndomain=g.y\n", env);

	(void)state;
	assert_string_equal(c->http.listen.host, "0.0.0.0");
	assert_int_equal(c->http.listen.port, 9);
	assert_string_equal(c->xmpp.domain, "f.x");
	assert_string_equal(c->xmpp.trusted_domains[0], "a.b");
	assert_string_equal(c->xmpp.trusted_domains[1], "c.d");
	assert_string_equal(c->xmpp.trusted_domains[2], "e.f");
	assert_null(c->xmpp.trusted_domains[3]);
	assert_int_equal(c->work.lease_ms, 2000);
	assert_int_equal(warnings.len, 0);
	config_free(c);
}

static void nobody_may_be_trusted(void **state)
{
	char none[] = "BELFRY_XMPP_TRUSTED_DOMAINS=";
	char *env[] = {none, NULL};
	struct config *c = config_load_ok("[xmpp]\ndomain = f.x\n", env);

	(void)state;
	assert_null(c->xmpp.trusted_domains[0]);
	config_free(c);
	static const char *const single[] = {"[xmpp]\ndomain = localhost\n",
					     "[xmpp]\ndomain = 192.0.2.1\n",
					     "[xmpp]\ndomain = [::1]\n"};
	for (size_t i = 0; i < 3; i++) {
		c = config_load_ok(single[i], NULL);
		assert_null(c->xmpp.trusted_domains[0]);
		config_free(c);
	}
}

static void unknown_variables_are_warned_of(void **state)
{
	char a[] = "BELFRY_HTTP_LISTNE=1:2", b[] = "BELFRY_WHATEVER=s3cret",
	     c_[] = "BELFRY_=x", d[] = "BELFRY_\xff=x";
	char *env[] = {a, b, c_, d, NULL};
	struct config *c = config_load_ok(NULL, env);

	(void)state;
	assert_non_null(strstr(warnings.data, "unknown key BELFRY_HTTP_LISTNE: did you "
					      "mean BELFRY_HTTP_LISTEN?\n"));
	assert_non_null(strstr(warnings.data, "unknown key BELFRY_WHATEVER: "));
	assert_null(strstr(warnings.data, "s3cret"));
	config_free(c);
}

static void unknown_keys_are_errors_with_a_suggestion(void **state)
{
	char where[128];

	(void)state;
	snprintf(where, sizeof where,
		 "%s:2: unknown key http.listn: did you mean http.listen?\n",
		 config_path);
	check_problem("[http]\nlistn = 1:2\n", where);
	check_problem("[http]\nurl = x\n", "did you mean redis.url?");
	check_problem("[xmpp]\nsecretfile = x\n", "did you mean xmpp.secret_file?");
	check_problem("[zzz]\nqqqqqqqq = x\n",
		      "unknown key zzz.qqqqqqqq: `belfry config`");
	check_problem("listen = 1:2\n", "unknown key listen");
	check_problem("[http]\n= 1\n", "unknown key http.");
}

static void a_multicast_service_is_below_its_users(void **state)
{
	struct config *c = config_load_ok("[xmpp]\ndomain = feeds.example.org\n"
					  "multicast = Multicast.Example.ORG\n",
					  NULL);

	(void)state;
	assert_string_equal(c->xmpp.multicast, "multicast.example.org");
	config_free(c);
	check_problem("[xmpp]\nmulticast = localhost\n", "is not below the domain");
	check_problem("[xmpp]\nmulticast = [::1]\n", "is not below the domain");
	check_problem("[xmpp]\nmulticast = a@b.c\n", "is not a domain");
	check_problem("[xmpp]\ndomain = f.x\nmulticast = F.x\n", "our own name");
}

static void contact_addresses_are_uris(void **state)
{
	struct config *c = config_load_ok(
		"[contact]\nabuse = mailto:abuse@example.org\t xmpp:a@b?message;body=x \n"
		"admin =\nstatus = HTTPS://example.org/~me#now\n",
		NULL);

	(void)state;
	assert_string_equal(c->contact.abuse[0], "mailto:abuse@example.org");
	assert_string_equal(c->contact.abuse[1], "xmpp:a@b?message;body=x");
	assert_null(c->contact.abuse[2]);
	assert_null(c->contact.admin);
	assert_string_equal(c->contact.status[0], "HTTPS://example.org/~me#now");
	config_free(c);
	check_problem("[contact]\nsales = mailto:\n", "\"mailto:\" is not a URI");
	check_problem("[contact]\nsales = mailto:a@b,c@d help@example.org\n",
		      "contact.sales: \"help@example.org\" is not a URI");
	check_problem("[contact]\nsales = 1x:y\n", "is not a URI");
	check_problem("[contact]\nsales = :y\n", "is not a URI");
	check_problem("[contact]\nsales = x:<y>\n", "is not a URI");
	check_problem("[contact]\nsales = x:\xc3\xa9\n", "is not a URI");
	check_problem("[contact]\nsales = a:1 a:2 a:3 a:4 a:5 a:6 a:7 a:8 a:9\n",
		      "at most 8 URIs");
}

static void every_error_is_told(void **state)
{
	static const char *const expected[] = {
		":1: this is neither",
		":3: http.listen must be HOST:PORT",
		":4: http.max_body_bytes must be a whole number from 1024 to 1048576",
		":5: unknown key http.foo",
		":6: http.listen stands there twice",
		":7: this is neither",
		":9: redis.url must be redis://",
		":10: redis.allow_data_loss must be true or false, it is \"yes\"",
		":12: xmpp.domain: \"a@b\" is not a domain",
		":13: xmpp.server needs a port from 1 to 65535",
		":14: xmpp.trusted_domains: \"b..c\" is not a domain",
		":16: log.level must be one of debug, info, warn, error; it is \"loud\"",
	};

	(void)state;
	check_problem("nonsense\n[http]\nlisten = here\nmax_body_bytes = 1\nfoo = 1\n"
		      "listen = 1:2\n[open\n[redis]\nurl = http://user:pa55@x\n"
		      "allow_data_loss = yes\n"
		      "[xmpp]\ndomain = a@b\nserver = x:0\ntrusted_domains = a b..c\n"
		      "[log]\nlevel = loud\n",
		      expected[0]);
	for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
		if (!strstr(problems.data, expected[i]))
			fail_msg("no \"%s\" in\n%s", expected[i], problems.data);
	assert_null(strstr(problems.data, "pa55"));
}

static void a_user_at_the_sentinels_has_a_password(void **state)
{
	(void)state;
	assert_null(config_load_with("[redis]\nsentinel_user = guard\n", NULL));
	assert_non_null(strstr(problems.data, "set redis.sentinel_password_file, too"));
}

static void bad_values_are_refused(void **state)
{
	static const char *const bad[][2] = {
		{"redis", "sentinel_user = two words"},
		{"http", "listen = 1.2.3.4"},
		{"http", "listen = :80"},
		{"http", "listen = a:65536"},
		{"http", "listen = ::1:80"},
		{"http", "listen = [::1:80"},
		{"http", "listen = a:-1"},
		{"http", "listen = a b:1"},
		{"http", "listen = []:1"},
		{"http", "max_connections = 0"},
		{"http", "max_connections = 1k"},
		{"http", "max_connections = -1"},
		{"limits", "invite_per_jid = 1000001"},
		{"limits", "subscribe_per_domain = many"},
		{"work", "lease_ms = 499"},
		{"work", "lease_ms = 60001"},
		{"work", "lease_ms = 1e3"},
		{"delivery", "retry_first_ms = 0"},
		{"delivery", "retry_max_ms = 604800001"},
		{"delivery", "retry_tries = 0"},
		{"delivery", "give_up_days = 366"},
		{"redis", "wait_replicas = 18446744073709551616"},
		{"log", "format = xml"},
	};
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, "[%s]\n%s\n", bad[i][0], bad[i][1]);
		check_problem(text, ":2: ");
	}
}

static void bad_files_are_refused(void **state)
{
	char *huge = xmalloc(70001);

	(void)state;
	check_problem("[http]\nlisten = \xff:1\n", "not valid UTF-8");
	check_problem("[http]\nlisten = \x1b:1\n", "control character at byte 16");
	config_write(config_path, "[http]\0\n", 8);
	assert_null(config_load(config_path, NULL, &problems, &warnings));
	assert_non_null(strstr(problems.data, "NUL character"));
	memset(huge, '#', 70000);
	huge[70000] = '\0';
	check_problem(huge, "larger than 64 KiB");
	huge[500] = '\0';
	huge[0] = 'x';
	check_problem(huge, ":1: the line is longer than");
	free(huge);
	buf_clear(&problems);
	assert_null(config_load("/nonexistent/b.ini", NULL, &problems, &warnings));
	assert_non_null(strstr(problems.data, "cannot read it: No such file"));
	buf_clear(&problems);
	assert_null(config_load("/", NULL, &problems, &warnings));
	assert_non_null(strstr(problems.data, "/: cannot read it"));
}

static void many_syntax_errors_end(void **state)
{
	struct buf text = {0};

	(void)state;
	for (int i = 0; i < 5000; i++)
		buf_adds(&text, "x\n");
	check_problem(text.data, ":20: this is neither");
	assert_null(strstr(problems.data, ":21: this is neither"));
	buf_free(&text);
}

static void the_template_is_the_defaults(void **state)
{
	struct buf text = {0};

	(void)state;
	config_template(&text);
	assert_non_null(strstr(text.data, "\n[http]\n"));
	assert_non_null(
		strstr(text.data, "\n# BELFRY_XMPP_SECRET_FILE\n;secret_file =\n"));
	assert_non_null(strstr(text.data, "\nshutdown_ms = 10000\n"));
	struct config *c = config_load_ok(text.data, NULL);
	assert_int_equal(c->http.listen.port, 8080);
	assert_null(c->xmpp.domain);
	config_free(c);
	/* Every key stands in it once. */
	size_t keys = 0;
	for (const char *s = text.data; (s = strstr(s, "BELFRY_")) != NULL; s++)
		keys++;
	assert_int_equal(keys, 40);
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults_are_as_documented),
		cmocka_unit_test(a_file_is_read),
		cmocka_unit_test(the_environment_wins),
		cmocka_unit_test(nobody_may_be_trusted),
		cmocka_unit_test(unknown_variables_are_warned_of),
		cmocka_unit_test(unknown_keys_are_errors_with_a_suggestion),
		cmocka_unit_test(a_multicast_service_is_below_its_users),
		cmocka_unit_test(contact_addresses_are_uris),
		cmocka_unit_test(every_error_is_told),
		cmocka_unit_test(a_user_at_the_sentinels_has_a_password),
		cmocka_unit_test(bad_values_are_refused),
		cmocka_unit_test(bad_files_are_refused),
		cmocka_unit_test(many_syntax_errors_end),
		cmocka_unit_test(the_template_is_the_defaults),
	};

	return cmocka_run_group_tests_name("config", tests, config_dir_make,
					   config_dir_remove);
}

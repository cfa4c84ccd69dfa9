#include <belfry/base/buf.h>
#include <belfry/base/log.h>
#include <belfry/base/text.h>

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static FILE *capture;
static int stderr_copy;

/* stderr goes into a file during each test, so that a failure can still be told. */
static int begin_capture(void **state)
{
	(void)state;
	capture = tmpfile();
	stderr_copy = dup(STDERR_FILENO);
	return capture && dup2(fileno(capture), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int end_capture(void **state)
{
	(void)state;
	dup2(stderr_copy, STDERR_FILENO);
	close(stderr_copy);
	fclose(capture);
	return 0;
}

/* What was logged since the last call, without the time that begins every line. */
static const char *logged(void)
{
	static char text[65536];
	char *after;
	size_t len;

	rewind(capture);
	len = fread(text, 1, sizeof text - 1, capture);
	text[len] = '\0';
	rewind(capture);
	assert_int_equal(ftruncate(fileno(capture), 0), 0);
	if (len == 0)
		return text;
	if (text[0] == '{') {
		assert_memory_equal(text, "{\"ts\":\"2", 8);
		after = strstr(text, "Z\",");
		assert_non_null(after);
		return after + 3;
	}
	assert_memory_equal(text, "ts=2", 4);
	after = strstr(text, "Z ");
	assert_non_null(after);
	return after + 2;
}

static void logfmt_line(void **state)
{
	(void)state;
	log_setup("serve", LOG_INFO, LOG_LOGFMT);
	log_info("feed created", log_s("feed", "deploys"), log_u("buckets", UINT64_MAX),
		 log_i("delta", INT64_MIN), log_d("seconds", 0.25));
	assert_string_equal(
		logged(),
		"level=info program=serve msg=\"feed created\" feed=deploys "
		"buckets=18446744073709551615 delta=-9223372036854775808 seconds=0.25\n");
	log_error("stopping", LOG_NONE);
	assert_string_equal(logged(), "level=error program=serve msg=stopping\n");
}

static void json_line(void **state)
{
	(void)state;
	log_setup("work", LOG_INFO, LOG_JSON);
	log_warn("feed \"a\"", log_s("feed", "deploys"), log_u("n", 3), log_i("i", -3),
		 log_d("d", 1.5), log_s("none", NULL), log_d("nan", (double)NAN),
		 log_d("inf", (double)INFINITY));
	assert_string_equal(
		logged(),
		"\"level\":\"warn\",\"program\":\"work\",\"msg\":\"feed \\\"a\\\"\","
		"\"feed\":\"deploys\",\"n\":3,\"i\":-3,\"d\":1.5,\"none\":null,"
		"\"nan\":null,\"inf\":null}\n");
}

static void logfmt_values(void **state)
{
	static const struct {
		const char *value, *text;
	} cases[] = {
		{NULL, ""},
		{"", "\"\""},
		{"word", "word"},
		{"a@b/c:d;e", "a@b/c:d;e"},
		{"two words", "\"two words\""},
		{"a=b", "\"a=b\""},
		{"say \"hi\"", "\"say \\\"hi\\\"\""},
		{"back\\slash", "\"back\\\\slash\""},
		{"a\nlevel=error", "\"a\\nlevel=error\""},
		{"\r\t\x01\x1F\x7F", "\"\\r\\t\\u0001\\u001f\\u007f\""},
		{"a\x7F", "\"a\\u007f\""},
		{"שלום", "\"שלום\""},
		{"\xC2\x9B"
		 "31m",
		 "\"\\u009b31m\""},
		{"\xE2\x80\xA8", "\"\\u2028\""},
		{"a\xFF\xC3", "\"a\\ufffd\\ufffd\""},
		{"\xED\xA0\x80", "\"\\ufffd\\ufffd\\ufffd\""},
	};
	size_t i;
	char want[256];

	(void)state;
	log_setup("t", LOG_DEBUG, LOG_LOGFMT);
	for (i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		log_debug("m", log_s("v", cases[i].value));
		snprintf(want, sizeof want, "level=debug program=t msg=m v=%s\n",
			 cases[i].text);
		assert_string_equal(logged(), want);
	}
	log_debug("m", log_d("v", (double)NAN), log_d("w", -(double)INFINITY));
	assert_string_equal(logged(), "level=debug program=t msg=m v=nan w=-inf\n");
}

/* Whatever the bytes, a line is one line of valid UTF-8. */
static void any_bytes_make_one_line(void **state)
{
	char value[256];
	const char *line;
	int round, i;

	(void)state;
	srand(1);
	for (round = 0; round < 400; round++) {
		for (i = 0; i < 255; i++)
			value[i] = (char)(1 + rand() % 255);
		value[255] = '\0';
		log_setup("t", LOG_INFO, round % 2 ? LOG_JSON : LOG_LOGFMT);
		log_info("m", log_s("v", value));
		line = logged();
		assert_true(utf8_valid(line, strlen(line)));
		assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
		for (i = 0; line[i + 1]; i++)
			assert_true((unsigned char)line[i] >= ' ' && line[i] != 0x7F);
	}
}

static void long_values_are_cut(void **state)
{
	struct buf value = {0};
	const char *line;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++)
		buf_adds(&value, "\xC3\xA4");
	log_setup("t", LOG_INFO, LOG_LOGFMT);
	log_info("m", log_s("v", value.data));
	line = logged();
	assert_true(strlen(line) < LOG_VALUE_MAX + 100);
	assert_true(utf8_valid(line, strlen(line)));
	assert_string_equal(line + strlen(line) - 6, "\xA4...\"\n");
	memset(value.data, 'x', value.len);
	log_info("m", log_s("v", value.data));
	line = logged();
	assert_true(strlen(line) < LOG_VALUE_MAX + 100);
	assert_string_equal(line + strlen(line) - 6, "x...\"\n");
	buf_free(&value);
}

static void lower_levels_are_silent(void **state)
{
	(void)state;
	log_setup("t", LOG_WARN, LOG_LOGFMT);
	log_debug("m", LOG_NONE);
	log_info("m", LOG_NONE);
	assert_string_equal(logged(), "");
	log_warn("m", LOG_NONE);
	assert_string_equal(logged(), "level=warn program=t msg=m\n");
}

static void errno_is_left_alone(void **state)
{
	(void)state;
	log_setup("t", LOG_WARN, LOG_LOGFMT);
	close(STDERR_FILENO);
	errno = ENOENT;
	log_warn("to nobody", LOG_NONE);
	assert_int_equal(errno, ENOENT);
}

#define captured(test) cmocka_unit_test_setup_teardown(test, begin_capture, end_capture)

int main(void)
{
	const struct CMUnitTest tests[] = {
		captured(logfmt_line),	       captured(json_line),
		captured(logfmt_values),       captured(any_bytes_make_one_line),
		captured(long_values_are_cut), captured(lower_levels_are_silent),
		captured(errno_is_left_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

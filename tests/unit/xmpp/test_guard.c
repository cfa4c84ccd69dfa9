#include "xmpp/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#define DECLARATION "<?xml version='1.0'?>"
#define OPENING "<stream:stream xmlns:x='y' x:from='z' id='1'>"
#define HEADER DECLARATION OPENING
#define HEADER_PASSED DECLARATION "|" OPENING "|"

/* What of TEXT passes, fed in parts of SIZE bytes, a '|' behind each piece, malloc'ed;
 * NULL: refused. */
static char *passes(const char *text, size_t size, uint64_t *left_out)
{
	struct guard g = {0};
	struct buf out = {0};
	size_t rest = strlen(text);
	int rc = 0;
	while (rest > 0 && rc >= 0) {
		size_t part = rest < size ? rest : size, len = part;
		const char *data = text;
		while ((rc = guard_next(&g, &data, &len)) > 0) {
			buf_add(&out, g.piece.data, g.piece.len);
			buf_addc(&out, '|');
		}
		if (rc == 0 && (len != 0 || data != text + part))
			fail_msg("not all is taken of %s", text);
		text += part;
		rest -= part;
	}
	*left_out = g.left_out;
	guard_free(&g);
	buf_addc(&out, '.');
	if (rc == 0)
		return buf_steal(&out);
	buf_free(&out);
	return NULL;
}

static const struct {
	const char *in, *out; /* out NULL: refused */
	uint64_t left_out;
} cases[] = {
	{"", "", 0},
	{"<a/>", "<a/>|", 0},
	{"<a b='1' c=\"2\"><d>t</d></a>", "<a b='1' c=\"2\"><d>t</d></a>|", 0},
	{" \n<a/> \n <b/>", "<a/>|<b/>|", 0},
	{"<a>whole", "", 0},
	{"</stream:stream>", "</stream:stream>|", 0},
	/* prefixes */
	{"<a from='me' x:from='you'/><b/>", "<b/>|", 1},
	{"<a x:from='you' from='me'><c/></a><b/>", "<b/>|", 1},
	{"<a x:from ='you'/>", "", 1},
	{"<a\nx:to='you'/><a x:id='1'/><a x:type='set'></a>", "", 3},
	{"<a xml:lang='en' xmlns:from1='q' x:fromm='1' x:fro=''/>",
	 "<a xml:lang='en' xmlns:from1='q' x:fromm='1' x:fro=''/>|", 0},
	{"<a xmlns:x='u'><b x:from='1'/></a>", "<a xmlns:x='u'><b x:from='1'/></a>|", 0},
	{"<a b=' x:from=1 '/>", "<a b=' x:from=1 '/>|", 0},
	{"<a b='\"' c=\"' x:from='\"/>", "<a b='\"' c=\"' x:from='\"/>|", 0},
	{"<a b='>'/><c x:from='1'/>", "<a b='>'/>|", 1},
	/* character data */
	{"<a><![CDATA[<b x:from='1'>]]]]></a><c/>",
	 "<a><![CDATA[<b x:from='1'>]]]]></a>|<c/>|", 0},
	{"<a><![CDATA[]]]></a><c x:from=''/>", "<a><![CDATA[]]]></a>|", 1},
	/* no XMPP */
	{"<a><!-- x --></a>", NULL, 0},
	{"<!DOCTYPE x>", NULL, 0},
	{"<a><?php ?></a>", NULL, 0},
	{"</stream:stream></stream:stream>", NULL, 0},
	{"<a b>", NULL, 0},
	{"<a b=c/>", NULL, 0},
	{"<a/b>", NULL, 0},
};

static void leaves_out(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t size = 1; size < 9; size++) {
			struct buf in = {0}, want = {0};
			uint64_t left_out;
			buf_printf(&in, HEADER "%s", cases[i].in);
			char *out = passes(in.data, size, &left_out);
			if (cases[i].out != NULL) {
				buf_printf(&want, HEADER_PASSED "%s.", cases[i].out);
				if (out == NULL)
					fail_msg("refused: %s", in.data);
				assert_string_equal(out, want.data);
				assert_int_equal(left_out, cases[i].left_out);
			} else if (out != NULL) {
				fail_msg("not refused: %s", in.data);
			}
			free(out);
			buf_free(&in);
			buf_free(&want);
		}
}

static void depth_and_size(void **state)
{
	(void)state;
	const size_t depths[] = {10, GUARD_DEPTH_MAX - 1, GUARD_DEPTH_MAX, 10000, 300000};
	for (size_t i = 0; i < 5; i++) {
		struct buf in = {0};
		uint64_t left_out;
		buf_adds(&in, HEADER);
		for (size_t d = 0; d < depths[i]; d++)
			buf_adds(&in, "<a>");
		for (size_t d = 0; d < depths[i]; d++)
			buf_adds(&in, "</a>");
		buf_adds(&in, "<b/>");
		char *out = passes(in.data, 4096, &left_out);
		assert_int_equal(left_out, depths[i] >= GUARD_DEPTH_MAX);
		assert_string_equal(out + strlen(out) - 6, "<b/>|.");
		free(out);
		buf_free(&in);
	}
	struct buf in = {0};
	uint64_t left_out;
	buf_adds(&in, HEADER "<a>");
	for (size_t n = 0; n < GUARD_STANZA_MAX / 16; n++)
		buf_adds(&in, "0123456789abcdef");
	buf_adds(&in, "</a><b/>");
	char *out = passes(in.data, 4096, &left_out);
	assert_string_equal(out, HEADER_PASSED "<b/>|.");
	assert_int_equal(left_out, 1);
	free(out);
	buf_free(&in);
}

/* PART N times in a stanza, its '#' replaced by a number; is the stanza left out? */
static bool left_out_with(const char *before, const char *part, size_t n,
			  const char *after)
{
	struct buf in = {0};
	uint64_t left_out;
	buf_printf(&in, HEADER "%s", before);
	size_t head = strcspn(part, "#");
	for (size_t i = 0; i < n; i++) {
		buf_add(&in, part, head);
		if (part[head])
			buf_printf(&in, "%zu%s", i, part + head + 1);
	}
	buf_printf(&in, "%s<b/>", after);
	char *out = passes(in.data, 4096, &left_out);
	assert_string_equal(out + strlen(out) - 6, "<b/>|.");
	free(out);
	buf_free(&in);
	return left_out == 1;
}

static void many_nodes(void **state)
{
	(void)state;
	assert_false(left_out_with("<a>", "<c/>", GUARD_NODES_MAX - 1, "</a>"));
	assert_true(left_out_with("<a>", "<c/>", GUARD_NODES_MAX, "</a>"));
	assert_false(left_out_with("<a", " n#='='", GUARD_NODES_MAX - 1, "/>"));
	assert_true(left_out_with("<a", " n#='='", GUARD_NODES_MAX, "/>"));
	/* Each stanza counts alone. */
	assert_false(left_out_with("", "<c d=''/>", 2 * GUARD_NODES_MAX, ""));
}

/* ATTRIBUTE with a value of LEN bytes; is the stanza left out? */
static bool left_out_value(const char *attribute, size_t len)
{
	struct buf before = {0};
	buf_printf(&before, "<a><c %s='", attribute);
	bool out = left_out_with(before.data, "u", len, "'/></a>");
	buf_free(&before);
	return out;
}

/* Each element within would get a copy. */
static void long_namespaces(void **state)
{
	(void)state;
	assert_false(left_out_value("xmlns", GUARD_NS_MAX));
	assert_true(left_out_value("xmlns", GUARD_NS_MAX + 1));
	assert_true(left_out_value("d='' xmlns:p", GUARD_NS_MAX + 1));
	assert_false(left_out_value("xmlns='' d", GUARD_NS_MAX + 1));
	assert_false(left_out_value("xmlnss", GUARD_NS_MAX + 1));
	assert_false(left_out_value("p:xmlns", GUARD_NS_MAX + 1));
}

/* For each part of a text all of it so far is walked over. */
static void text_in_many_parts(void **state)
{
	static const char *const parts[] = {"\n", "\r", "&lt;", "]"};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		bool cdata = parts[i][0] == ']';
		const char *before = cdata ? "<a><![CDATA[" : "<a>";
		const char *after = cdata ? "]]></a>" : "</a>";
		assert_false(left_out_with(before, parts[i], 10000, after));
		assert_true(left_out_with(before, parts[i], 200000, after));
	}
	assert_false(left_out_with("<a>", "]x>\"", 200000, "</a>"));
	assert_false(left_out_with("<a>", "&quot;", 45000, "</a>"));
	/* Each element has a text of its own. */
	assert_false(left_out_with("<a>", "<c>\n\n\n\n</c>", 1900, "</a>"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_namespaces), cmocka_unit_test(text_in_many_parts),
		cmocka_unit_test(leaves_out),	   cmocka_unit_test(depth_and_size),
		cmocka_unit_test(many_nodes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

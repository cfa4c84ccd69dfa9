#include <belfry/core/join_link.h>

#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void is_link(enum join_link kind, const char *name, const char *domain,
		    const char *title, const char *wanted)
{
	const struct join_feed feed = {name, domain, title};
	struct buf out = {0};

	buf_adds(&out, "-");
	join_link(&out, kind, &feed);
	assert_string_equal(out.data + 1, wanted);
	buf_free(&out);
}

static void links_are_those_of_the_standards(void **state)
{
	(void)state;
	is_link(JOIN_ROSTER, "deploys", "feeds.example.org", NULL,
		"xmpp:deploys@feeds.example.org?roster");
	is_link(JOIN_ROSTER, "deploys", "feeds.example.org", "",
		"xmpp:deploys@feeds.example.org?roster");
	is_link(JOIN_ROSTER, "deploys", "feeds.example.org", "Web & more; 100 %",
		"xmpp:deploys@feeds.example.org?roster;name=Web%20%26%20more%3B%20100%20%25");
	is_link(JOIN_PUBSUB, "deploys", "feeds.example.org", "a title has no place here",
		"xmpp:feeds.example.org?pubsub;action=subscribe;node=deploys");
	is_link(JOIN_PUBSUB, "a.b_c-9", "localhost", NULL,
		"xmpp:localhost?pubsub;action=subscribe;node=a.b_c-9");
}

static void domains_are_ascii_or_addresses(void **state)
{
	(void)state;
	/* The domain of RFC 5122's own example. */
	is_link(JOIN_ROSTER, "d",
		"\xc4\x8d"
		"echy.example",
		NULL, "xmpp:d@%C4%8Dechy.example?roster");
	is_link(JOIN_PUBSUB, "d", "[2001:db8::1]", NULL,
		"xmpp:[2001:db8::1]?pubsub;action=subscribe;node=d");
}

static void only_unreserved_characters_stay(void **state)
{
	static const char stay[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				   "0123456789-._~";

	(void)state;
	for (unsigned c = 1; c < 0x80; c++) {
		const char title[] = {(char)c, '\0'};
		char wanted[64];

		if (strchr(stay, (int)c))
			snprintf(wanted, sizeof wanted, "xmpp:f@d?roster;name=%s", title);
		else
			snprintf(wanted, sizeof wanted, "xmpp:f@d?roster;name=%%%02X", c);
		is_link(JOIN_ROSTER, "f", "d", title, wanted);
	}
	is_link(JOIN_ROSTER, "f", "d", "\xf0\x9f\x94\x94",
		"xmpp:f@d?roster;name=%F0%9F%94%94");
}

static void long_titles_are_cut_between_characters(void **state)
{
	char title[257], wanted[600];

	(void)state;
	memset(title, 'x', sizeof title - 1);
	title[sizeof title - 1] = '\0';
	snprintf(wanted, sizeof wanted, "xmpp:f@d?roster;name=%.*s", JOIN_LINK_NAME_MAX,
		 title);
	is_link(JOIN_ROSTER, "f", "d", title, wanted);
	/* A character of two bytes does not fit into the last one. */
	memcpy(title + JOIN_LINK_NAME_MAX - 1, "\xc3\xa4", 2);
	wanted[strlen(wanted) - 1] = '\0';
	is_link(JOIN_ROSTER, "f", "d", title, wanted);
}

static void words_name_the_links(void **state)
{
	enum join_link kind;

	(void)state;
	assert_int_equal(join_link_parse("roster", &kind), 0);
	assert_int_equal(kind, JOIN_ROSTER);
	assert_int_equal(join_link_parse("pubsub", &kind), 0);
	assert_int_equal(kind, JOIN_PUBSUB);
	assert_string_equal(join_link_word(JOIN_PUBSUB), "pubsub");
	assert_int_equal(join_link_parse("", &kind), -1);
	assert_int_equal(join_link_parse("Roster", &kind), -1);
}

/* A code of a link whose domain has so many characters; what it holds goes to TEXT. */
static struct qr *code_of(size_t domain_len, struct buf *text)
{
	char *domain = xmalloc(domain_len + 1);
	const struct join_feed feed = {"f", domain, "Title"};

	memset(domain, 'd', domain_len);
	domain[domain_len] = '\0';
	struct qr *q = join_link_qr(text, JOIN_ROSTER, &feed);
	free(domain);
	return q;
}

static void a_code_does_without_the_title_if_it_must(void **state)
{
	size_t whole = strlen("xmpp:f@?roster;name=Title");
	size_t nameless = strlen("xmpp:f@?roster");
	struct buf text = {0};

	(void)state;
	struct qr *q = code_of(20, &text);
	assert_non_null(q);
	assert_string_equal(text.data, "xmpp:f@dddddddddddddddddddd?roster;name=Title");
	qr_destroy(q);
	buf_clear(&text);

	q = code_of(QR_BYTES_MAX - whole, &text);
	assert_non_null(q);
	assert_int_equal(text.len, QR_BYTES_MAX);
	qr_destroy(q);
	buf_clear(&text);

	q = code_of(QR_BYTES_MAX - whole + 1, &text);
	assert_non_null(q);
	assert_int_equal(text.len, QR_BYTES_MAX - whole + 1 + nameless);
	assert_string_equal(text.data + text.len - 7, "?roster");
	qr_destroy(q);
	buf_clear(&text);

	buf_adds(&text, "as it was");
	assert_null(code_of(QR_BYTES_MAX - nameless + 1, &text));
	assert_string_equal(text.data, "as it was");
	buf_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links_are_those_of_the_standards),
		cmocka_unit_test(domains_are_ascii_or_addresses),
		cmocka_unit_test(only_unreserved_characters_stay),
		cmocka_unit_test(long_titles_are_cut_between_characters),
		cmocka_unit_test(words_name_the_links),
		cmocka_unit_test(a_code_does_without_the_title_if_it_must),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

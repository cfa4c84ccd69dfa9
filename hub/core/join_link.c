#include <belfry/core/join_link.h>

#include <belfry/base/text.h>

#include <stdbool.h>
#include <string.h>

static const char *const words[] = {
	[JOIN_ROSTER] = "roster",
	[JOIN_PUBSUB] = "pubsub",
};

int join_link_parse(const char *word, enum join_link *out)
{
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (strcmp(word, words[i]) == 0) {
			*out = (enum join_link)i;
			return 0;
		}
	return -1;
}

const char *join_link_word(enum join_link kind)
{
	return words[kind];
}

/*
 * RFC 3986 2.3. The keys and values of a query may have nothing else (RFC 5122 3.3);
 * local parts and domains may, but these are read alike by everybody.
 */
static bool unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
}

static void add_encoded(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (unreserved(s[i]))
			buf_addc(out, s[i]);
		else
			buf_printf(out, "%%%02X", (unsigned char)s[i]);
}

static void add_domain(struct buf *out, const char *domain)
{
	if (*domain == '[') /* an IPv6 address stands as it is: RFC 3986 3.2.2 */
		buf_adds(out, domain);
	else
		add_encoded(out, domain, strlen(domain));
}

static void add_roster(struct buf *out, const struct join_feed *feed)
{
	add_encoded(out, feed->name, strlen(feed->name));
	buf_addc(out, '@');
	add_domain(out, feed->domain);
	buf_adds(out, "?roster");
	if (!feed->title || !*feed->title)
		return;
	buf_adds(out, ";name=");
	add_encoded(out, feed->title,
		    utf8_cut(feed->title, strlen(feed->title), JOIN_LINK_NAME_MAX));
}

static void add_pubsub(struct buf *out, const struct join_feed *feed)
{
	add_domain(out, feed->domain);
	buf_adds(out, "?pubsub;action=subscribe;node=");
	add_encoded(out, feed->name, strlen(feed->name));
}

void join_link(struct buf *out, enum join_link kind, const struct join_feed *feed)
{
	buf_adds(out, "xmpp:");
	switch (kind) {
	case JOIN_ROSTER:
		add_roster(out, feed);
		break;
	case JOIN_PUBSUB:
		add_pubsub(out, feed);
		break;
	}
}

struct qr *join_link_qr(struct buf *text, enum join_link kind,
			const struct join_feed *feed)
{
	const struct join_feed nameless = {feed->name, feed->domain, NULL};
	const struct join_feed *each[] = {feed, &nameless};
	struct qr *q = NULL;

	for (size_t i = 0; !q && i < sizeof each / sizeof each[0]; i++) {
		struct buf link = {0};

		join_link(&link, kind, each[i]);
		q = qr_create(link.data, link.len);
		if (q)
			buf_add(text, link.data, link.len);
		buf_free(&link);
	}
	return q;
}

#include "caps.h"
#include "session.h"

#include <belfry/base/sha1.h>
#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

#define CAPS_NODE "belfry"
#define FEATURES_MAX 64

static int by_octets(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* XEP-0115 5.1 */
static void make_ver(struct buf *out)
{
	const char *const *features = disco_bot_features();
	const char *sorted[FEATURES_MAX];
	unsigned char digest[SHA1_BYTES];
	struct buf text = {0};
	size_t count = 0;
	for (; count < FEATURES_MAX && features[count] != NULL; count++)
		sorted[count] = features[count];
	qsort(sorted, count, sizeof(sorted[0]), by_octets);
	buf_adds(&text, "client/bot//<");
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, "%s<", sorted[i]);
	sha1(text.data, text.len, digest);
	base64_add(out, digest, sizeof(digest));
	buf_free(&text);
}

void caps_add(struct buf *out)
{
	buf_adds(out, "<c xmlns='" NS_CAPS "' hash='sha-1' node='" CAPS_NODE "' ver='");
	make_ver(out);
	buf_adds(out, "'/>");
}

bool caps_is_node(const char *node)
{
	struct buf ours = {0};
	buf_adds(&ours, CAPS_NODE "#");
	make_ver(&ours);
	bool is = strcmp(node, ours.data) == 0;
	buf_free(&ours);
	return is;
}

#include <belfry/core/event.h>

#include <stdbool.h>
#include <string.h>

/* Only what JSON wants escaped: the text is valid UTF-8. */
static void add_string(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", c);
		else
			buf_addc(out, *s);
	}
	buf_addc(out, '"');
}

void event_tags_json(struct buf *out, const struct event *e)
{
	bool first = true;

	buf_addc(out, '{');
	for (char **tag = e->tags; tag && *tag; tag++) {
		buf_adds(out, first ? "\"tags\":[" : ",");
		add_string(out, *tag);
		first = false;
	}
	buf_adds(out, first ? "}" : "]}");
}

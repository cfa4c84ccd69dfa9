#include <belfry/base/text.h>
#include <belfry/http/json.h>

#include <inttypes.h>
#include <string.h>

static void escape_char(struct buf *out, unsigned char c)
{
	if (c == '"' || c == '\\')
		buf_printf(out, "\\%c", c);
	else if (c < 0x20 || c == 0x7f)
		buf_printf(out, "\\u%04x", c);
	else
		buf_addc(out, (char)c);
}

/* Bytes of the sequence that begins at S; 0: it is not valid UTF-8. */
static size_t sequence_len(const char *s, size_t len)
{
	for (size_t n = 1; n <= 4 && n <= len; n++)
		if (utf8_valid(s, n))
			return n;
	return 0;
}

/* Bytes from S on that stand for themselves. */
static size_t plain_len(const char *s, size_t len)
{
	size_t n = 0;

	while (n < len && s[n] >= 0x20 && s[n] < 0x7f && s[n] != '"' && s[n] != '\\')
		n++;
	return n;
}

void json_add_string(struct buf *out, const char *text, size_t len)
{
	size_t plain = plain_len(text, len);

	buf_addc(out, '"');
	buf_add(out, text, plain);
	for (size_t i = plain; i < len;) {
		size_t n = sequence_len(text + i, len - i);

		if (n == 1)
			escape_char(out, (unsigned char)text[i]);
		else if (n)
			buf_add(out, text + i, n);
		else
			buf_adds(out, "\xef\xbf\xbd");
		i += n ? n : 1;
	}
	buf_addc(out, '"');
}

static void member_name(struct buf *out, const char *name)
{
	if (out->len && out->data[out->len - 1] != '{')
		buf_addc(out, ',');
	buf_addc(out, '"');
	buf_adds(out, name);
	buf_add(out, "\":", 2);
}

void json_add_member(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	member_name(out, name);
	json_add_string(out, value, strlen(value));
}

void json_add_member_u64(struct buf *out, const char *name, uint64_t value)
{
	member_name(out, name);
	buf_printf(out, "%" PRIu64, value);
}

void json_add_member_raw(struct buf *out, const char *name, const char *json, size_t len)
{
	member_name(out, name);
	buf_add(out, json, len);
}

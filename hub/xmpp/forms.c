#include "forms.h"
#include "reply.h"

#include <string.h>

void form_begin(struct buf *out, const char *type)
{
	buf_printf(out, "<x xmlns='" NS_FORM "' type='%s'>", type);
}

void form_end(struct buf *out)
{
	buf_adds(out, "</x>");
}

void form_type(struct buf *out, const char *value)
{
	form_field(out, "FORM_TYPE", "hidden", NULL, false);
	form_field_value(out, value);
	form_field_end(out);
}

void form_value(struct buf *out, const char *var, const char *label, const char *value)
{
	if (value == NULL)
		return;
	form_field(out, var, NULL, label, false);
	form_field_value(out, value);
	form_field_end(out);
}

void form_field(struct buf *out, const char *var, const char *type, const char *label,
		bool required)
{
	buf_adds(out, "<field");
	reply_attr(out, "var", var);
	if (type != NULL)
		reply_attr(out, "type", type);
	if (label != NULL)
		reply_attr(out, "label", label);
	buf_adds(out, required ? "><required/>" : ">");
}

void form_field_value(struct buf *out, const char *value)
{
	reply_text(out, "value", value);
}

void form_option(struct buf *out, const char *label, const char *value)
{
	buf_adds(out, "<option");
	reply_attr(out, "label", label);
	buf_addc(out, '>');
	form_field_value(out, value);
	buf_adds(out, "</option>");
}

void form_field_end(struct buf *out)
{
	buf_adds(out, "</field>");
}

xmpp_stanza_t *form_find(xmpp_stanza_t *x, const char *var)
{
	xmpp_stanza_t *f = x != NULL ? element_first(x) : NULL;
	for (; f != NULL; f = element_next(f)) {
		const char *v = xmpp_stanza_get_attribute(f, "var");
		if (element_is(f, "field", NULL) && v != NULL && strcmp(v, var) == 0)
			return f;
	}
	return NULL;
}

static xmpp_stanza_t *to_value(xmpp_stanza_t *e)
{
	while (e != NULL && !element_is(e, "value", NULL))
		e = element_next(e);
	return e;
}

xmpp_stanza_t *form_first_value(xmpp_stanza_t *f)
{
	return f != NULL ? to_value(element_first(f)) : NULL;
}

xmpp_stanza_t *form_next_value(xmpp_stanza_t *value)
{
	return to_value(element_next(value));
}

char *form_value_text(xmpp_stanza_t *value)
{
	static const char blank[] = " \t\r\n";
	char *text = element_text(value);
	size_t begin = strspn(text, blank), end = strlen(text);
	while (end > begin && strchr(blank, text[end - 1]) != NULL)
		end--;
	memmove(text, text + begin, end - begin);
	text[end - begin] = '\0';
	return text;
}

char *form_text(xmpp_stanza_t *f)
{
	return form_value_text(form_first_value(f));
}

#ifndef BELFRY_HUB_XMPP_FORMS_H
#define BELFRY_HUB_XMPP_FORMS_H

#include "session.h"

/*
 * Data forms (XEP-0004). What is submitted is foreign: a field that stands there twice is
 * the first one, and types are not looked at.
 */

/* ---- Writing: a form to fill in, or what is known ---------------------------------- */

/* Up to form_end() come fields. TYPE: "form" or "result". */
void form_begin(struct buf *out, const char *type);
void form_end(struct buf *out);
/* The hidden field that says what the form is about. */
void form_type(struct buf *out, const char *value);
/* A field with one value, as a result has it. NULL: none, and nothing is written. */
void form_value(struct buf *out, const char *var, const char *label, const char *value);
/*
 * A field up to its values: form_field_value(), form_option() and form_field_end() follow
 * in this order. REQUIRED: <required/> stands in it.
 */
void form_field(struct buf *out, const char *var, const char *type, const char *label,
		bool required);
void form_field_value(struct buf *out, const char *value);
void form_option(struct buf *out, const char *label, const char *value);
void form_field_end(struct buf *out);

/* ---- Reading: a form that was submitted -------------------------------------------- */

/* The field VAR of X; NULL: none, or X is NULL. */
xmpp_stanza_t *form_find(xmpp_stanza_t *x, const char *var);
/* Its first value without white space around it, malloc'ed; "" : none. F may be NULL. */
char *form_text(xmpp_stanza_t *f);
/* The <value/> elements of F, one after the other: the first one, and the next. */
xmpp_stanza_t *form_first_value(xmpp_stanza_t *f);
xmpp_stanza_t *form_next_value(xmpp_stanza_t *value);
/* The text of <value/> without white space around it, malloc'ed. NULL is "". */
char *form_value_text(xmpp_stanza_t *value);

#endif

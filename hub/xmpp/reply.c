#include "reply.h"

#include <belfry/base/random.h>
#include <belfry/base/text.h>

#include <string.h>

#define ID_BYTES 8
#define RESULT "<iq type='result'"

static const struct {
	enum belfry_err err;
	struct reply_error error;
} errors[] = {
	{BELFRY_EINVAL, {"modify", "bad-request", NULL, NULL}},
	{BELFRY_ENOFEED, {"cancel", "item-not-found", NULL, NULL}},
	{BELFRY_ENOENT, {"cancel", "item-not-found", NULL, NULL}},
	{BELFRY_EEXIST, {"cancel", "conflict", NULL, NULL}},
	{BELFRY_EREUSED, {"cancel", "conflict", NULL, NULL}},
	{BELFRY_EDENIED, {"cancel", "not-allowed", "closed-node", NULL}},
	{BELFRY_EPENDING, {"auth", "not-authorized", "pending-subscription", NULL}},
	{BELFRY_EUNOWNED, {"auth", "not-authorized", "pending-subscription", NULL}},
	{BELFRY_EREFUSED, {"auth", "forbidden", NULL, NULL}},
	{BELFRY_ELIMIT, {"wait", "policy-violation", "too-many-subscriptions", NULL}},
	{BELFRY_EFULL, {"wait", "resource-constraint", NULL, NULL}},
	/* What is needed to answer did not answer us in time: RFC 6120 8.3.3.16. */
	{BELFRY_EAWAY, {"wait", "remote-server-timeout", NULL, NULL}},
	{BELFRY_EUNSENT, {"wait", "remote-server-timeout", NULL, NULL}},
	{BELFRY_EREPLICAS, {"wait", "remote-server-timeout", NULL, NULL}},
	{BELFRY_ESTALE, {"wait", "resource-constraint", NULL, NULL}},
	{BELFRY_ELOST, {"wait", "resource-constraint", NULL, NULL}},
};

struct reply_error reply_error_of(enum belfry_err err)
{
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (errors[i].err == err)
			return errors[i].error;
	return (struct reply_error){"cancel", "internal-server-error", NULL, NULL};
}

void reply_attr(struct buf *out, const char *name, const char *value)
{
	buf_addc(out, ' ');
	buf_adds(out, name);
	buf_adds(out, "='");
	xml_escape(out, value, strlen(value));
	buf_addc(out, '\'');
}

void reply_text(struct buf *out, const char *element, const char *text)
{
	buf_printf(out, "<%s>", element);
	xml_escape(out, text, strlen(text));
	buf_printf(out, "</%s>", element);
}

static void begin(struct buf *out, const char *type, const char *from, const char *to,
		  const char *id)
{
	buf_printf(out, "<iq type='%s'", type);
	reply_attr(out, "from", from);
	reply_attr(out, "to", to);
	reply_attr(out, "id", id);
	buf_addc(out, '>');
}

void reply_begin(struct buf *out, const char *from, const char *to, const char *id)
{
	begin(out, "result", from, to, id);
}

/* TEXT NULL: none. */
static void add_error(struct buf *out, const struct reply_error *e, const char *text)
{
	buf_printf(out, "<error type='%s'><%s xmlns='" NS_STANZAS "'/>", e->type,
		   e->condition);
	if (text != NULL) {
		buf_adds(out, "<text xmlns='" NS_STANZAS "'>");
		xml_escape(out, text, strlen(text));
		buf_adds(out, "</text>");
	}
	if (e->detail != NULL) {
		buf_printf(out, "<%s xmlns='" NS_PUBSUB_ERRORS "'", e->detail);
		if (e->feature != NULL)
			reply_attr(out, "feature", e->feature);
		buf_adds(out, "/>");
	}
	buf_adds(out, "</error>");
}

/* The addresses and the id stay; in attributes there is no '>'. */
static void make_busy(struct buf *out)
{
	const struct reply_error busy = reply_error_of(BELFRY_EFULL);
	const char *from = out->data + strlen(RESULT);
	const char *end = memchr(from, '>', out->len - strlen(RESULT));
	struct buf error = {0};
	buf_adds(&error, "<iq type='error'");
	buf_add(&error, from, (size_t)(end + 1 - from));
	add_error(&error, &busy, NULL);
	buf_free(out);
	*out = error;
}

void reply_send(struct session *s, struct buf *out)
{
	if (!session_room(s, out->len) && memcmp(out->data, RESULT, strlen(RESULT)) == 0)
		make_busy(out);
	buf_adds(out, "</iq>");
	session_send(s, out);
	s->counters.iqs_answered++;
	buf_free(out);
}

void reply_done(struct session *s, const struct incoming *in)
{
	struct buf out = {0};
	reply_begin(&out, in->to, in->from, in->id);
	reply_send(s, &out);
}

void reply_error_begin(struct buf *out, const struct incoming *in)
{
	begin(out, "error", in->to, in->from, in->id);
}

void reply_request_error_begin(struct buf *out, const struct request *r)
{
	begin(out, "error", r->to, r->from, r->id);
}

static void send_error(struct session *s, const char *from, const char *to,
		       const char *id, const struct reply_error *e, const char *text)
{
	struct buf out = {0};
	begin(&out, "error", from, to, id);
	add_error(&out, e, text);
	reply_send(s, &out);
}

void reply_error(struct session *s, const struct incoming *in,
		 const struct reply_error *e)
{
	send_error(s, in->to, in->from, in->id, e, NULL);
}

void reply_busy(struct session *s, const struct incoming *in)
{
	struct reply_error busy = reply_error_of(BELFRY_EFULL);
	reply_error(s, in, &busy);
}

const char *reply_crowd_text(enum crowd crowd)
{
	return crowd == CROWD_OWN ? "I am still looking for what was asked before. "
				    "Please try again in a moment."
				  : "Too many others are asking just now. Please try "
				    "again in a moment.";
}

bool reply_has_room(struct session *s, const struct incoming *in)
{
	if (session_room(s, SIZE_MAX))
		return true;
	reply_busy(s, in);
	return false;
}

void reply_request_error_text(struct request *r, const struct reply_error *e,
			      const char *text)
{
	send_error(r->session, r->to, r->from, r->id, e, text);
}

void reply_request_error(struct request *r, const struct reply_error *e)
{
	reply_request_error_text(r, e, NULL);
}

bool reply_request_ok(struct request *r, enum belfry_err err)
{
	if (!request_live(r))
		return false;
	if (err == BELFRY_OK)
		return true;
	struct reply_error e = reply_error_of(err);
	reply_request_error(r, &e);
	return false;
}

void reply_chat(struct session *s, const char *from, const char *to, const char *thread,
		const char *text)
{
	char id[2 * ID_BYTES + 1];
	random_hex(id, ID_BYTES);
	struct buf out = {0};
	buf_adds(&out, "<message type='chat'");
	reply_attr(&out, "from", from);
	reply_attr(&out, "to", to);
	reply_attr(&out, "id", id);
	buf_addc(&out, '>');
	reply_text(&out, "body", session_room(s, strlen(text)) ? text : REPLY_BUSY_TEXT);
	if (thread != NULL && thread[0] != '\0')
		reply_text(&out, "thread", thread);
	buf_adds(&out, "</message>");
	session_send(s, &out);
	s->counters.chats_answered++;
	buf_free(&out);
}

#include "reply.h"
#include "session.h"

#include <belfry/base/text.h>

#include <stdlib.h>
#include <string.h>

#define ASK_WORD "multicast"
#define GROUP_DEFAULT 20 /* what ejabberd grants components, and does not tell */

static void add_iq(const struct session *s, const char *to, const char *word,
		   uint64_t number, const char *payload, struct buf *out)
{
	buf_adds(out, "<iq type='get'");
	reply_attr(out, "from", s->domain);
	reply_attr(out, "to", to);
	buf_printf(out, " id='%s-%s-%llu'>%s</iq>", word, s->nonce,
		   (unsigned long long)number, payload);
}

bool session_is_own_iq(const struct session *s, xmpp_stanza_t *stanza, const char *word,
		       uint64_t *number)
{
	const char *id = xmpp_stanza_get_id(stanza);
	const size_t prefix = strlen(word) + 1, nonce = 2 * SESSION_NONCE_BYTES;
	if (!element_is(stanza, "iq", NULL) || id == NULL ||
	    strlen(id) <= prefix + nonce + 1 || memcmp(id, word, prefix - 1) != 0 ||
	    id[prefix - 1] != '-' || memcmp(id + prefix, s->nonce, nonce) != 0)
		return false;
	const char *digits = id + prefix + nonce + 1;
	return parse_u64(digits, strlen(digits), UINT64_MAX, number) == 0;
}

void session_ping(const struct session *s, uint64_t number, struct buf *out)
{
	add_iq(s, s->domain, BARRIER_WORD, number, "<ping xmlns='" NS_PING "'/>", out);
}

/* ---- The multicast service -------------------------------------------------------- */

void session_ping_service(const struct session *s, uint64_t number, struct buf *out)
{
	add_iq(s, s->service, BARRIER_WORD, number, "<ping xmlns='" NS_PING "'/>", out);
}

void session_ask_service(const struct session *s, struct buf *out)
{
	session_ping_service(s, 0, out);
	add_iq(s, s->service, ASK_WORD, 0, "<query xmlns='" NS_DISCO_INFO "'/>", out);
}

static bool var_is(xmpp_stanza_t *e, const char *var)
{
	const char *value = xmpp_stanza_get_attribute(e, "var");
	return value != NULL && strcmp(value, var) == 0;
}

static bool has_feature(xmpp_stanza_t *query)
{
	xmpp_stanza_t *e = query != NULL ? element_first(query) : NULL;
	for (; e != NULL; e = element_next(e))
		if (element_is(e, "feature", NULL) && var_is(e, NS_ADDRESS))
			return true;
	return false;
}

static char *field_value(xmpp_stanza_t *form, const char *var)
{
	for (xmpp_stanza_t *e = element_first(form); e != NULL; e = element_next(e))
		if (element_is(e, "field", NULL) && var_is(e, var))
			return element_text(element_find(e, "value", NULL));
	return element_text(NULL);
}

/* ejabberd tells a limit that was configured in a form, and its default not at all. */
static size_t told_limit(xmpp_stanza_t *query)
{
	uint64_t limit = GROUP_DEFAULT;
	for (xmpp_stanza_t *e = element_first(query); e != NULL; e = element_next(e)) {
		if (!element_is(e, "x", NS_FORM))
			continue;
		char *type = field_value(e, "FORM_TYPE"),
		     *most = field_value(e, "message");
		if (strcmp(type, NS_ADDRESS) == 0 &&
		    parse_u64(most, strlen(most), UINT32_MAX, &limit) != 0)
			limit = GROUP_DEFAULT;
		free(type);
		free(most);
	}
	return (size_t)limit;
}

static void says(struct session *s, xmpp_stanza_t *stanza, bool error)
{
	xmpp_stanza_t *query = element_find(stanza, "query", NS_DISCO_INFO);
	size_t most = !error && has_feature(query) ? told_limit(query) : 0;
	const char *trouble = error ? error_condition(stanza)
			      : !has_feature(query)
				      ? "it is there, but has no feature " NS_ADDRESS
			      : most == 0 ? "it grants us no receivers"
					  : NULL;
	s->out->service_says(s->arg, most, trouble);
}

/*
 * A service that does not know pings says so (ejabberd's does), and that ping came round
 * all the same. Any other error is said by those who did not find it: it is gone, and so
 * may be what waited in its queue.
 */
static void ping_back(struct session *s, uint64_t number, const char *condition)
{
	if (condition != NULL && strcmp(condition, "service-unavailable") != 0 &&
	    strcmp(condition, "feature-not-implemented") != 0)
		s->out->service_gone(s->arg, number, condition);
	else if (number > 0)
		s->out->service_barrier(s->arg, number);
}

bool service_answer(struct session *s, xmpp_stanza_t *stanza)
{
	const char *type = xmpp_stanza_get_type(stanza);
	uint64_t number;
	bool error = type != NULL && strcmp(type, "error") == 0;
	if (type == NULL || (!error && strcmp(type, "result") != 0))
		return false;
	if (session_is_own_iq(s, stanza, BARRIER_WORD, &number))
		ping_back(s, number, error ? error_condition(stanza) : NULL);
	else if (session_is_own_iq(s, stanza, ASK_WORD, &number))
		says(s, stanza, error);
	else
		return false;
	return true;
}

const char *error_condition(xmpp_stanza_t *stanza)
{
	xmpp_stanza_t *error = element_find(stanza, "error", NULL);
	xmpp_stanza_t *e = error != NULL ? element_first(error) : NULL;
	for (; e != NULL; e = element_next(e)) {
		const char *ns = xmpp_stanza_get_ns(e);
		if (ns != NULL && strcmp(ns, NS_STANZAS) == 0 &&
		    !element_is(e, "text", NULL))
			return xmpp_stanza_get_name(e);
	}
	return "undefined-condition";
}

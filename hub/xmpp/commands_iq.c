#include "commands_int.h"
#include "forms.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/random.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>

#include <stdlib.h>
#include <string.h>

/*
 * Ad-hoc commands (XEP-0050). A command has one form at most, and all that it needs is in
 * what is submitted: there are no sessions to keep, and none that could be lost. So a
 * form may also be submitted at once.
 */
static const struct reply_error not_found = {"cancel", "item-not-found", NULL, NULL};

/* One that we could have given. */
static bool session_valid(const char *id)
{
	size_t len = strlen(id);
	return len == 2 * COMMAND_SESSION_BYTES && strspn(id, "0123456789abcdef") == len;
}

/* CONDITION is XEP-0050's own. Clients know by the session what is answered. */
static void refuse(struct session *s, const struct incoming *in, const struct command *c,
		   const char *condition, const char *text)
{
	const char *session = xmpp_stanza_get_attribute(in->child, "sessionid");
	struct buf out = {0};
	reply_error_begin(&out, in);
	buf_printf(&out, "<command xmlns='" NS_COMMANDS "' node='" COMMAND_NODE "%s'",
		   c->name);
	if (session != NULL && session_valid(session))
		reply_attr(&out, "sessionid", session);
	buf_adds(&out, "/><error type='modify'><bad-request xmlns='" NS_STANZAS "'/>");
	if (text != NULL) {
		buf_adds(&out, "<text xmlns='" NS_STANZAS "' xml:lang='en'>");
		xml_escape(&out, text, strlen(text));
		buf_adds(&out, "</text>");
	}
	buf_printf(&out, "<%s xmlns='" NS_COMMANDS "'/></error>", condition);
	reply_send(s, &out);
}

static const struct command *command_of_node(const char *node, bool to_feed)
{
	const size_t prefix = sizeof(COMMAND_NODE) - 1;
	if (node == NULL || strncmp(node, COMMAND_NODE, prefix) != 0)
		return NULL;
	for (size_t i = 0; i < command_count; i++)
		if (strcmp(commands[i].name, node + prefix) == 0 &&
		    command_usages(&commands[i], to_feed)->params != NULL)
			return &commands[i];
	return NULL;
}

/* ---- Discovery
 * --------------------------------------------------------------------------- */

static void query_begin(struct buf *out, const struct request *r, const char *ns)
{
	reply_begin(out, r->to, r->from, r->id);
	buf_printf(out, "<query xmlns='%s'", ns);
	reply_attr(out, "node", r->text);
	buf_addc(out, '>');
}

static void query_end(struct request *r, struct buf *out)
{
	buf_adds(out, "</query>");
	reply_send(r->session, out);
	request_free(r);
}

static void say_info(struct request *r)
{
	const struct command *c = command_of_node(r->text, r->place == PLACE_FEED);
	struct buf out = {0};
	query_begin(&out, r, NS_DISCO_INFO);
	buf_printf(&out, "<identity category='automation' type='command-%s'",
		   c != NULL ? "node" : "list");
	reply_attr(&out, "name", c != NULL ? c->title : "Commands");
	buf_adds(&out, "/><feature var='" NS_COMMANDS "'/>");
	if (c != NULL)
		buf_adds(&out, "<feature var='" NS_FORM "'/>");
	query_end(r, &out);
}

/* A command has no items. */
static void say_items(struct request *r)
{
	bool to_feed = r->place == PLACE_FEED;
	struct buf out = {0};
	query_begin(&out, r, NS_DISCO_ITEMS);
	for (size_t i = 0; strcmp(r->text, NS_COMMANDS) == 0 && i < command_count; i++) {
		if (command_usages(&commands[i], to_feed)->params == NULL)
			continue;
		buf_adds(&out, "<item");
		reply_attr(&out, "jid", r->to);
		buf_printf(&out, " node='" COMMAND_NODE "%s'", commands[i].name);
		reply_attr(&out, "name", commands[i].title);
		buf_adds(&out, "/>");
	}
	query_end(r, &out);
}

static void on_info_there(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	(void)feed;
	if (reply_request_ok(r, err))
		say_info(r);
	else
		request_free(r);
}

static void on_items_there(void *arg, enum belfry_err err, const struct hub_feed *feed)
{
	struct request *r = arg;
	(void)feed;
	if (reply_request_ok(r, err))
		say_items(r);
	else
		request_free(r);
}

static bool feed_possible(const struct incoming *in)
{
	return in->place != PLACE_FEED || feed_name_valid(in->feed, strlen(in->feed));
}

/* A feed's commands are shown to those who may see it. */
static bool discover(struct session *s, const struct incoming *in,
		     void (*say)(struct request *r), hub_feed_cb there)
{
	const char *node = xmpp_stanza_get_attribute(in->child, "node");
	if (node == NULL || (strcmp(node, NS_COMMANDS) != 0 &&
			     command_of_node(node, in->place == PLACE_FEED) == NULL))
		return false;
	if (!feed_possible(in)) {
		reply_error(s, in, &not_found);
		return true;
	}
	struct request *r = request_create(s, in, false);
	if (r == NULL)
		return true;
	r->text = xstrdup(node);
	if (in->place == PLACE_FEED)
		s->hub->ops->feed(s->hub->hub, r->from, r->feed, there, r);
	else
		say(r);
	return true;
}

bool commands_info(struct session *s, const struct incoming *in)
{
	return discover(s, in, say_info, on_info_there);
}

bool commands_items(struct session *s, const struct incoming *in)
{
	return discover(s, in, say_items, on_items_there);
}

/* ---- Execution
 * --------------------------------------------------------------------------- */

enum action { EXECUTE, COMPLETE, CANCEL, PREV, NEXT, ACTIONS };

static enum action action_of(const struct incoming *in)
{
	static const char *const names[ACTIONS] = {"execute", "complete", "cancel",
						   "prev", "next"};
	const char *name = xmpp_stanza_get_attribute(in->child, "action");
	size_t a = EXECUTE;
	while (name != NULL && a < ACTIONS && strcmp(names[a], name) != 0)
		a++;
	return (enum action)a;
}

static char *session_of(const struct incoming *in)
{
	const char *id = xmpp_stanza_get_attribute(in->child, "sessionid");
	char text[2 * COMMAND_SESSION_BYTES + 1];
	if (id != NULL)
		return xstrdup(id);
	random_hex(text, COMMAND_SESSION_BYTES);
	return xstrdup(text);
}

/* A request with its call; NULL: too many are open, which has been answered. */
static struct request *open_call(struct session *s, const struct incoming *in,
				 const struct command *c)
{
	struct request *r = request_create(s, in, false);
	if (r == NULL)
		return NULL;
	r->call = xcalloc(1, sizeof(*r->call));
	r->call->command = c;
	r->call->session = session_of(in);
	return r;
}

static void cancel(struct session *s, const struct incoming *in, const struct command *c)
{
	struct buf out = {0};
	struct request *r = open_call(s, in, c);
	if (r == NULL)
		return;
	command_begin(&out, r, "canceled");
	command_end(s, &out);
	request_free(r);
}

/* Says which parameter is wrong, and how it would be right. */
static void refuse_payload(struct session *s, const struct incoming *in,
			   const struct command *c, enum command_problem p,
			   const char *why)
{
	struct buf text = {0};
	if (why != NULL)
		buf_printf(&text, "The field '%s' has to be filled in.", why);
	else
		buf_printf(&text, "%s.", command_problem_text(p));
	refuse(s, in, c, "bad-payload", text.data);
	buf_free(&text);
}

static void submit(struct session *s, const struct incoming *in, const struct command *c,
		   xmpp_stanza_t *x)
{
	struct command_args args;
	const char *why;
	enum command_problem p =
		command_form_read(c, in->place == PLACE_FEED, x, &args, &why);
	if (p != COMMAND_FINE) {
		refuse_payload(s, in, c, p, why);
		return;
	}
	struct request *r = request_create(s, in, false);
	if (r != NULL)
		command_run(r, c, &args, session_of(in));
}

static void execute(struct session *s, const struct incoming *in, const struct command *c,
		    bool complete)
{
	xmpp_stanza_t *x = element_find(in->child, "x", NS_FORM);
	const char *type = x != NULL ? xmpp_stanza_get_type(x) : NULL;
	if (x != NULL && type != NULL && strcmp(type, "cancel") == 0) {
		cancel(s, in, c);
	} else if (x != NULL && (type == NULL || strcmp(type, "submit") != 0)) {
		refuse(s, in, c, "bad-payload", "A form has to be of the type submit.");
	} else if (x == NULL && !complete &&
		   command_has_form(c, in->place == PLACE_FEED)) {
		struct request *r = open_call(s, in, c);
		if (r != NULL)
			command_form(r);
	} else {
		submit(s, in, c, x);
	}
}

void commands_request(struct session *s, const struct incoming *in)
{
	const char *node = xmpp_stanza_get_attribute(in->child, "node");
	const char *session = xmpp_stanza_get_attribute(in->child, "sessionid");
	const struct command *c = command_of_node(node, in->place == PLACE_FEED);
	enum action action = action_of(in);
	s->hub->ops->heard(s->hub->hub, in->bare);
	if (c == NULL || !feed_possible(in))
		reply_error(s, in, &not_found);
	else if (session != NULL && !session_valid(session))
		refuse(s, in, c, "bad-sessionid", NULL);
	else if (action == ACTIONS)
		refuse(s, in, c, "malformed-action", NULL);
	else if (action == PREV || action == NEXT)
		refuse(s, in, c, "bad-action", "There is one form alone.");
	else if (action == CANCEL)
		cancel(s, in, c);
	else
		execute(s, in, c, action == COMPLETE);
}

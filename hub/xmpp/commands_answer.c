#include "commands_int.h"
#include "forms.h"
#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/render.h>

#include <stdlib.h>
#include <string.h>

#define CHAT_BYTES_MAX RENDER_BODY_MAX

void command_call_free(struct command_call *call)
{
	if (call == NULL)
		return;
	for (size_t i = 0; i < call->feed_count; i++)
		free(call->feeds[i]);
	free(call->feeds);
	free(call->session);
	free(call);
}

void command_run(struct request *r, const struct command *c,
		 const struct command_args *args, char *session)
{
	r->call = xcalloc(1, sizeof(*r->call));
	r->call->command = c;
	r->call->args = *args;
	r->call->session = session;
	if (r->feed == NULL)
		r->feed = xstrdup(args->feed);
	c->run(r);
}

void command_quote(const struct request *r, const char *name, const char *rest,
		   struct buf *out)
{
	buf_printf(out, "'%s", name);
	if (r->place != PLACE_FEED && r->feed[0] != '\0')
		buf_printf(out, " %s", r->feed);
	buf_printf(out, "%s'", rest);
}

/* ---- Tables and fields ---------------------------------------------------------- */

static bool by_chat(const struct answer *a)
{
	return a->r->call->session == NULL;
}

static void chat_row(struct answer *a, const char *const *cells)
{
	buf_printf(&a->body, "\n%s", cells[0]);
	for (size_t i = 1; i < a->column_count; i++)
		if (cells[i] != NULL && cells[i][0] != '\0')
			buf_printf(&a->body, " - %s%s", a->columns[i].before, cells[i]);
}

static void form_row(struct answer *a, const char *const *cells)
{
	buf_adds(&a->body, "<item>");
	for (size_t i = 0; i < a->column_count; i++)
		form_value(&a->body, a->columns[i].var, NULL,
			   cells[i] != NULL ? cells[i] : "");
	buf_adds(&a->body, "</item>");
}

bool answer_row(struct answer *a, const char *const *cells)
{
	size_t most = by_chat(a) ? CHAT_BYTES_MAX : session_list_bytes(a->r->session);
	if (a->body.len >= most)
		return false;
	if (by_chat(a))
		chat_row(a, cells);
	else
		form_row(a, cells);
	return true;
}

void answer_field(struct answer *a, const char *var, const char *label, const char *value)
{
	if (value == NULL || value[0] == '\0')
		return;
	if (by_chat(a)) {
		buf_printf(&a->body, "\n%s: %s", label, value);
		return;
	}
	/* Some clients show nothing of a field without a type. */
	form_field(&a->body, var, "text-single", label, false);
	form_field_value(&a->body, value);
	form_field_end(&a->body);
}

void answer_more(struct answer *a, const char *name)
{
	buf_printf(&a->end, "There are more: write '%s %s'.", a->r->call->command->name,
		   name);
}

/* ---- Sending --------------------------------------------------------------------- */

static void send_chat(struct answer *a)
{
	const struct request *r = a->r;
	if (a->body.len > 0)
		buf_add(&a->text, a->body.data, a->body.len);
	if (a->end.len > 0)
		buf_printf(&a->text, "\n%s", a->end.data);
	reply_chat(r->session, r->to, r->from, r->thread, a->text.data);
}

void command_begin(struct buf *out, const struct request *r, const char *status)
{
	reply_begin(out, r->to, r->from, r->id);
	buf_adds(out, "<command xmlns='" NS_COMMANDS "' node='" COMMAND_NODE);
	buf_adds(out, r->call->command->name);
	buf_printf(out, "' sessionid='%s' status='%s' xml:lang='en'>", r->call->session,
		   status);
}

void command_end(struct session *s, struct buf *out)
{
	buf_adds(out, "</command>");
	reply_send(s, out);
}

static void note(struct buf *out, const struct answer *a)
{
	struct buf text = {0};
	if (a->text.len > 0)
		buf_add(&text, a->text.data, a->text.len);
	if (a->end.len > 0)
		buf_printf(&text, "%s%s", text.len > 0 ? " " : "", a->end.data);
	if (text.len > 0) {
		buf_printf(out, "<note type='%s'>", a->failed ? "error" : "info");
		xml_escape(out, text.data, text.len);
		buf_adds(out, "</note>");
	}
	buf_free(&text);
}

/* A table has no field or title beside what is reported and its items. */
static void reported(struct buf *out, const struct answer *a)
{
	buf_adds(out, "<reported>");
	for (size_t i = 0; i < a->column_count; i++) {
		form_field(out, a->columns[i].var, "text-single", a->columns[i].label,
			   false);
		form_field_end(out);
	}
	buf_adds(out, "</reported>");
}

static void send_result(struct answer *a)
{
	struct buf out = {0};
	command_begin(&out, a->r, "completed");
	note(&out, a);
	if (a->body.len > 0) {
		form_begin(&out, "result");
		if (a->columns != NULL)
			reported(&out, a);
		buf_add(&out, a->body.data, a->body.len);
		form_end(&out);
	}
	command_end(a->r->session, &out);
}

void answer_end(struct answer *a, struct request *r)
{
	if (request_live(r) && by_chat(a))
		send_chat(a);
	else if (request_live(r))
		send_result(a);
	buf_free(&a->text);
	buf_free(&a->end);
	buf_free(&a->body);
	request_free(r);
}

static void say(struct request *r, bool failed, const char *text)
{
	struct answer a = {.r = r, .failed = failed};
	buf_adds(&a.text, text);
	answer_end(&a, r);
}

void command_say(struct request *r, const char *text)
{
	say(r, false, text);
}

void command_fail(struct request *r, const char *text)
{
	say(r, true, text);
}

static const struct {
	enum belfry_err err;
	const char *before, *behind; /* of the feed's name; NULL: it is not named */
} failures[] = {
	{BELFRY_ENOFEED, "There is no feed ", ". Write 'list' to see those there are."},
	{BELFRY_EDENIED, "The feed ", " is not open to you. Its owner can let you in."},
	{BELFRY_ELIMIT, REPLY_LIMIT_TEXT, NULL},
};

void command_error(struct request *r, enum belfry_err err)
{
	struct answer a = {.r = r, .failed = true};
	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i].err != err)
			continue;
		buf_adds(&a.text, failures[i].before);
		if (failures[i].behind != NULL)
			buf_printf(&a.text, "%s%s", r->feed, failures[i].behind);
	}
	if (err == BELFRY_EFULL && r->cost != COST_LITTLE)
		buf_adds(&a.text, "There are too many feeds here to look through. Name "
				  "the one you mean.");
	if (a.text.len == 0)
		buf_adds(&a.text,
			 "That did not work just now. Please try again in a while.");
	answer_end(&a, r);
}

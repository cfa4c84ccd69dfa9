#include "conversation.h"

#include <belfry/xmpp/notice.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FEED "deploys@" DOMAIN
#define BOB "bob@example.org"

static const struct notice plain = {
	.domain = DOMAIN, .feed = "deploys", .jid = ALICE, .format = FORMAT_CHAT};
static const struct notice contact = {.domain = DOMAIN,
				      .feed = "deploys",
				      .title = "All <deploys> & more",
				      .jid = ALICE,
				      .format = FORMAT_CHAT,
				      .contact = true};
static const struct notice program = {.domain = DOMAIN,
				      .feed = "deploys",
				      .title = "deploys",
				      .jid = ALICE "/Tab & <x>'",
				      .format = FORMAT_EVENT};

/* The stanzas in OUT, as children of one element; to be released. */
static xmpp_stanza_t *stanzas(const struct fixture *f, const struct buf *out)
{
	struct buf all = {0};
	buf_printf(&all, "<all>%s</all>", out->data);
	xmpp_stanza_t *e = xmpp_stanza_new_from_string(f->ctx, all.data);
	if (e == NULL)
		fail_msg("not XML: %s", all.data);
	buf_free(&all);
	return e;
}

static void assert_stanza(xmpp_stanza_t *s, const char *name, const char *type,
			  const char *from, const char *to)
{
	const char *t = s != NULL ? xmpp_stanza_get_type(s) : NULL;
	assert_non_null(s);
	assert_string_equal(xmpp_stanza_get_name(s), name);
	assert_string_equal(t != NULL ? t : "", type);
	assert_string_equal(xmpp_stanza_get_from(s), from);
	assert_string_equal(xmpp_stanza_get_to(s), to);
}

static void assert_body(xmpp_stanza_t *message, const char *part)
{
	char *body = element_text(element_find(message, "body", NULL));
	struct buf lower = {0};
	assert_has(body, part);
	buf_adds(&lower, body);
	/* What a robot sends back is no command. */
	static const char *const verbs[] = {"yes", "no", "allow", "deny", "requests"};
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		assert_int_not_equal(strncasecmp(lower.data, verbs[i], strlen(verbs[i])),
				     0);
	buf_free(&lower);
	free(body);
}

static void an_invitation(void **state)
{
	struct fixture *f = *state;
	struct buf out = {0};
	notice_invitation(&out, &contact);
	xmpp_stanza_t *all = stanzas(f, &out), *s = element_first(all);
	assert_stanza(s, "message", "chat", FEED, ALICE);
	assert_memory_equal(xmpp_stanza_get_id(s), "invitation~", 11);
	assert_body(s, "deploys (All <deploys> & more) of " DOMAIN);
	assert_body(s, "'yes'");
	assert_body(s, "'no'");
	assert_body(s, "'unsubscribe'");
	s = element_next(s);
	assert_stanza(s, "presence", "subscribe", FEED, ALICE);
	assert_null(element_next(s));
	xmpp_stanza_release(all);
	buf_free(&out);
}

static char *field(xmpp_stanza_t *x, const char *var, const char *type)
{
	xmpp_stanza_t *e = element_first(x);
	for (; e != NULL; e = element_next(e)) {
		const char *name = xmpp_stanza_get_attribute(e, "var");
		if (name == NULL || strcmp(name, var) != 0)
			continue;
		assert_string_equal(xmpp_stanza_get_type(e), type);
		return element_text(element_find(e, "value", NULL));
	}
	fail_msg("there is no field %s", var);
	return NULL;
}

static void assert_field(xmpp_stanza_t *x, const char *var, const char *type,
			 const char *value)
{
	char *text = field(x, var, type);
	assert_string_equal(text, value);
	free(text);
}

/* XEP-0060 8.6 */
static void a_request(void **state)
{
	struct fixture *f = *state;
	struct buf out = {0};
	notice_request(&out, &contact, BOB, false);
	xmpp_stanza_t *all = stanzas(f, &out), *s = element_first(all);
	assert_stanza(s, "message", "", FEED, BOB);
	assert_memory_equal(xmpp_stanza_get_id(s), "request~", 8);
	assert_null(strstr(out.data, "more may wait"));
	assert_body(s, "'allow " ALICE "'");
	assert_body(s, "'deny " ALICE "'");
	xmpp_stanza_t *x = element_find(s, "x", NS_FORM);
	assert_string_equal(xmpp_stanza_get_type(x), "form");
	assert_field(x, "FORM_TYPE", "hidden", NS_PUBSUB "#subscribe_authorization");
	assert_field(x, "pubsub#node", "text-single", "deploys");
	assert_field(x, "pubsub#subscriber_jid", "jid-single", ALICE);
	assert_field(x, "pubsub#allow", "boolean", "false");
	assert_null(element_next(s));
	xmpp_stanza_release(all);
	/* What could not be written as one word is not proposed. */
	buf_clear(&out);
	notice_request(&out, &program, BOB, true);
	all = stanzas(f, &out);
	s = element_first(all);
	assert_body(s, "'requests'");
	assert_body(s, "more may wait, and 'requests' shows them.");
	assert_null(strstr(out.data, "allow " ALICE));
	assert_field(element_find(s, "x", NS_FORM), "pubsub#subscriber_jid", "jid-single",
		     program.jid);
	xmpp_stanza_release(all);
	buf_free(&out);
}

/* XEP-0060 12.11: from where events come. */
static void assert_event(struct fixture *f, const struct buf *out, const char *state)
{
	xmpp_stanza_t *all = stanzas(f, out), *s = element_first(all);
	assert_stanza(s, "message", "", DOMAIN, program.jid);
	assert_null(element_find(s, "body", NULL));
	xmpp_stanza_t *e = element_find(s, "event", NS_PUBSUB "#event");
	assert_non_null(e);
	e = element_first(e);
	assert_string_equal(xmpp_stanza_get_name(e), "subscription");
	assert_string_equal(xmpp_stanza_get_attribute(e, "node"), "deploys");
	assert_string_equal(xmpp_stanza_get_attribute(e, "jid"), program.jid);
	assert_string_equal(xmpp_stanza_get_attribute(e, "subscription"), state);
	assert_null(element_next(s));
	xmpp_stanza_release(all);
}

static void what_was_decided_to_a_program(void **state)
{
	struct fixture *f = *state;
	struct buf out = {0};
	notice_allowed(&out, &program, NULL);
	assert_event(f, &out, "subscribed");
	buf_clear(&out);
	notice_denied(&out, &program);
	assert_event(f, &out, "none");
	buf_clear(&out);
	notice_withdrawn(&out, &program);
	assert_event(f, &out, "none");
	buf_clear(&out);
	notice_turned_away(&out, &program);
	assert_event(f, &out, "none");
	buf_free(&out);
}

#define STANZA(name, type, from) name " " type " " from "\n"

/* OUT is the STANZAs WANT to ALICE and no others, its message says BODY; OUT is empty
 * then. */
static void assert_tells(struct fixture *f, struct buf *out, const char *want,
			 const char *body)
{
	struct buf got = {0};
	xmpp_stanza_t *all = stanzas(f, out);
	for (xmpp_stanza_t *s = element_first(all); s != NULL; s = element_next(s)) {
		const char *name = xmpp_stanza_get_name(s),
			   *type = xmpp_stanza_get_type(s);
		assert_string_equal(xmpp_stanza_get_to(s), ALICE);
		buf_printf(&got, STANZA("%s", "%s", "%s"), name, type != NULL ? type : "",
			   xmpp_stanza_get_from(s));
		if (strcmp(name, "message") == 0)
			assert_body(s, body);
	}
	assert_string_equal(got.data, want);
	xmpp_stanza_release(all);
	buf_free(&got);
	buf_clear(out);
}

static void what_was_decided_to_a_contact(void **state)
{
	struct fixture *f = *state;
	static const struct hub_look look = {.show = "dnd"};
	struct buf out = {0};
	notice_allowed(&out, &contact, &look);
	assert_has(out.data, "<show>dnd</show>");
	assert_has(out.data, "&apos;unsubscribe&apos;");
	assert_tells(f, &out,
		     STANZA("presence", "subscribed", FEED)
			     STANZA("presence", "", FEED "/belfry")
				     STANZA("message", "chat", FEED),
		     "You now follow deploys");
	/* What it looks like is not known: nothing is said of that. */
	notice_allowed(&out, &contact, NULL);
	assert_null(strstr(out.data, "unavailable"));
	buf_clear(&out);
	notice_denied(&out, &contact);
	assert_tells(f, &out,
		     STANZA("presence", "unsubscribed", FEED)
			     STANZA("message", "chat", FEED),
		     "You were not let in");
	notice_withdrawn(&out, &contact);
	assert_tells(f, &out,
		     STANZA("presence", "unsubscribed", FEED)
			     STANZA("presence", "unavailable", FEED "/belfry")
				     STANZA("message", "chat", FEED),
		     "You no longer follow deploys");
	buf_free(&out);
}

static void what_was_decided_in_chat(void **state)
{
	struct fixture *f = *state;
	struct buf out = {0};
	notice_allowed(&out, &plain, NULL);
	notice_denied(&out, &plain);
	notice_withdrawn(&out, &plain);
	xmpp_stanza_t *all = stanzas(f, &out);
	unsigned count = 0;
	for (xmpp_stanza_t *s = element_first(all); s != NULL; s = element_next(s)) {
		assert_stanza(s, "message", "chat", FEED, ALICE);
		assert_non_null(element_find(s, "body", NULL));
		count++;
	}
	assert_int_equal(count, 3);
	xmpp_stanza_release(all);
	buf_free(&out);
}

/* Of who became an outcast while it waited. */
static void who_only_waited(void **state)
{
	struct fixture *f = *state;
	struct buf out = {0};
	notice_turned_away(&out, &contact);
	assert_tells(f, &out,
		     STANZA("presence", "unsubscribed", FEED)
			     STANZA("message", "chat", FEED),
		     "do not wait any more");
	/* The contact list asks no more. */
	notice_uninvited(&out, &contact);
	assert_tells(f, &out,
		     STANZA("presence", "unsubscribe", FEED)
			     STANZA("message", "chat", FEED),
		     "was taken back");
	buf_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
		TEST(an_invitation),
		TEST(a_request),
		TEST(what_was_decided_to_a_program),
		TEST(what_was_decided_to_a_contact),
		TEST(what_was_decided_in_chat),
		TEST(who_only_waited),
	};
	return cmocka_run_group_tests_name("xmpp/notice", tests, NULL, NULL);
}

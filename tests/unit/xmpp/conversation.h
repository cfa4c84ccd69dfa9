#ifndef BELFRY_TESTS_UNIT_XMPP_CONVERSATION_H
#define BELFRY_TESTS_UNIT_XMPP_CONVERSATION_H

#include "fake_hub.h"
#include "xmpp/session.h"

/* A session that is told stanzas, and what it says to them. */
#define DOMAIN "feeds.example.org"
#define ALICE "alice@example.org"
#define FROM_ALICE "from='" ALICE "/phone'"
#define CHAT(to, body)                                                                   \
	"<message " FROM_ALICE " to='" to "@" DOMAIN "' type='chat' id='m1'><body>" body \
	"</body><thread>t&amp;1</thread></message>"
#define IQ(type, to, payload)                                                            \
	"<iq " FROM_ALICE " to='" to "' type='" type "' id='q&amp;1'>" payload "</iq>"
#define TO_HUB " to='hub@" DOMAIN "'"
#define ERROR(type, condition)                                                           \
	"<error type='" type "'><" condition " xmlns='" NS_STANZAS "'/>"
struct fixture {
	xmpp_ctx_t *ctx;
	struct fake_hub hub;
	struct session *session;
	struct buf sent;
	bool no_room; /* for large answers */
	uint64_t barrier, service_barrier;
	unsigned bounces;
	char bounce[300], service[300];
	unsigned receipts;
	char receipt[256];
};

int set_up(void **state);
int tear_down(void **state);
/* Nobody has been told anything. */
void forgotten(struct fixture *f);
/* What is answered to XML; "" if nothing is. */
const char *told(struct fixture *f, const char *xml);
/* The same without an answer from the hub yet. */
void ask_only(struct fixture *f, const char *xml);
void assert_has(const char *text, const char *part);
/* The addresses of an answer, and that it is XML. */
void assert_answer(struct fixture *f, const char *text, const char *from);

#endif

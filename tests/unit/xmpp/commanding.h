#ifndef BELFRY_TESTS_UNIT_XMPP_COMMANDING_H
#define BELFRY_TESTS_UNIT_XMPP_COMMANDING_H

#include "conversation.h"

/* A conversation in ad-hoc commands (XEP-0050) and their forms. */
#define HUB "hub@" DOMAIN
#define FEED "deploys@" DOMAIN
#define SESSION "0123456789abcdef0123456789abcdef"
#define COMMAND_OF(name, attributes, payload)                                            \
	"<command xmlns='" NS_COMMANDS "' node='belfry:" name "' " attributes            \
	">" payload "</command>"
#define RUN(to, name) IQ("set", to, COMMAND_OF(name, "", ""))
#define SUBMIT(to, name, fields)                                                         \
	IQ("set", to,                                                                    \
	   COMMAND_OF(name, "sessionid='" SESSION "' action='complete'",                 \
		      "<x xmlns='" NS_FORM "' type='submit'>" fields "</x>"))
#define FIELD(var, value) "<field var='" var "'><value>" value "</value></field>"
#define QUERY(ns, node) "<query xmlns='" ns "' node='" node "'/>"

void assert_no(const char *text, const char *part);

#endif

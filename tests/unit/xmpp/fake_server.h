#ifndef BELFRY_TESTS_UNIT_XMPP_FAKE_SERVER_H
#define BELFRY_TESTS_UNIT_XMPP_FAKE_SERVER_H

#include "fake_hub.h"
#include "xmpp/component_timing.h"

#include <belfry/base/clock.h>

#define DOMAIN "feeds.example.org"
#define MULTICAST "multicast.example.org"
#define DEADLINE_MS 20000
#define HEADER                                                                           \
	"<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "           \
	"xmlns:stream='http://etherx.jabber.org/streams' from='" DOMAIN "' id='abc'>"
#define STREAM_ERROR(condition)                                                          \
	"<stream:error><" condition                                                      \
	" xmlns='urn:ietf:params:xml:ns:xmpp-streams'/><text "                           \
	"xmlns='urn:ietf:params:xml:ns:xmpp-streams'>words</text></stream:error>"        \
	"</stream:stream>"

/* A server that does what the test says, and the component that talks to it. */
struct server_fixture {
	int listener, peer;
	bool reading;	    /* the server reads what comes */
	struct buf got;	    /* what the server has read */
	size_t echoed;	    /* of got: looked at for pings */
	bool echo;	    /* send pings back, as a server routes them */
	struct buf to_send; /* what the server has yet to write */
	struct loop *loop;
	struct loop_timer *tick;
	struct config config;
	struct component_timing timing;
	struct fake_hub hub;
	struct link *link;
	unsigned ups, downs, rooms, bounces;
	enum link_end end;
	char condition[64], text[200];
	uint64_t barrier;
	bool destroy_in_barrier;
};

int server_set_up(void **state);
int server_set_up_multicast(void **state); /* with xmpp.multicast = MULTICAST */
int server_tear_down(void **state);
void server_say(struct server_fixture *f, const char *text);
/* Accepts, reads, echoes and writes what there is. */
void server_turn(struct server_fixture *f);
/* The server has read TEXT. */
bool server_got(const struct server_fixture *f, const char *text);
void shake_hands(struct server_fixture *f); /* up() may follow */
void come_up(struct server_fixture *f);
void ping_round_trip(struct server_fixture *f, uint64_t number);

#define SPIN_UNTIL(f, condition)                                                         \
	do {                                                                             \
		uint64_t limit = clock_mono_ms() + DEADLINE_MS;                          \
		while (!(condition)) {                                                   \
			if (clock_mono_ms() > limit)                                     \
				fail_msg("waited in vain for %s", #condition);           \
			server_turn(f);                                                  \
			loop_turn((f)->loop, true);                                      \
		}                                                                        \
	} while (0)

#endif

#ifndef TESTS_SERVE_SERVICE_BENCH_H
#define TESTS_SERVE_SERVICE_BENCH_H

#include "serve/service.h"

#include <belfry/store/memory.h>

/* The handlers over the store in memory, asked through a real socket. */

#define GIVE_UP_MS 10000

extern struct bench {
	struct loop *loop;
	struct loop_timer *tick;
	struct memory *memory;
	struct store *store;
	struct service *service;
	struct config config;
	char host[16], domain[32], trusted[32];
	char *trusted_list[2];
	char token[TOKEN_TEXT_SIZE];
	bool done;
} bench;

int set_up(void **state);
int tear_down(void **state);
/* A service with the configuration as it is now. */
void bench_restart(void);
void make_token(unsigned scopes, const char *feeds, char text[TOKEN_TEXT_SIZE]);
void make_token_rate(unsigned scopes, const char *feeds, struct rate rate,
		     char text[TOKEN_TEXT_SIZE]);

int client_connect(void);
/* Everything up to the end of the stream; the caller frees it. */
char *client_read(int fd);
/* The same, of one request; BODY (JSON) NULL: none. */
char *ask(const char *token, const char *line, const char *headers, const char *body);
/* Frees GOT. */
void assert_said(char *got, const char *status, const char *contains);
#define ASK(line, body, status, contains)                                                \
	assert_said(ask(bench.token, line, "", body), status, contains)

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

#endif

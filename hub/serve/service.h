#ifndef BELFRY_HUB_SERVE_SERVICE_H
#define BELFRY_HUB_SERVE_SERVICE_H

#include "auth_cache.h"
#include "problems.h"
#include "rates.h"

#include <belfry/base/loop.h>
#include <belfry/core/config.h>
#include <belfry/core/feed.h>
#include <belfry/core/limits.h>
#include <belfry/core/pos.h>
#include <belfry/core/token.h>
#include <belfry/http/server.h>
#include <belfry/store/store.h>

/* The HTTP side of the hub, over any store. */
struct service {
	const struct config *config;
	struct loop *loop;
	struct store *store;
	bool on_redis; /* store_redis_stats() applies */
	struct http_server *http;
	struct auth_cache *auth;
	struct avatar_job *avatars; /* images under way */
	bool checked;		    /* the store is fit: /v1 may be answered */
	struct {
		struct limits *per_jid, *per_domain;
	} invites;
	struct rates *rates;
	struct {
		uint64_t invited, limited, throttled, redriven, dropped;
		uint64_t events, replays, retracted, refused, unauthorized, forbidden;
	} count;
	struct {
		uint64_t logged_ms, unlogged;
	} causes[BELFRY_EINTERNAL + 1]; /* of answers 5xx */
};

/* NULL: could not listen; WHY says what to do. STORE stays the caller's. */
struct service *service_create(struct loop *loop, const struct config *config,
			       struct store *store, char *why, size_t why_size);
/* Calls to the store may still be outstanding: destroy the store first. */
void service_destroy(struct service *s);

/* ---- call.c: one authenticated request ------------------------------------------- */

/*
 * From the handler to the answer. It is freed by the answer; every callback of the store
 * has it as its ARG, and each step hands it on to exactly one next step.
 */
struct call {
	struct service *service;
	struct http_request *req;
	struct token token; /* who asks: id, scopes and feeds */
	const char *feed;   /* the path's first parameter, or NULL */
	void (*then)(struct call *call);
	unsigned scopes;
	char hash[TOKEN_HASH_SIZE]; /* of the secret that was presented */
	/* What the steps of a handler pass on to one another. */
	char *text; /* malloc'ed: freed with the call */
	char *more; /* the same */
	void *own;  /* what the handler keeps; freed with the call by free_own() */
	void (*free_own)(void *own);
	unsigned tries;
	struct rate feed_rate;
	uint64_t wait_s; /* a repeat has to wait so long, whatever else it waits for */
	size_t limit;
	struct sub_change change;
	uint64_t cursor;
	bool newest, created;
};

/*
 * SCOPES: one of these is needed, on the feed that the path's first parameter names,
 * where there is one. ALLOWED: the query parameters that are known here, separated by
 * spaces.
 */
void call_begin(struct service *s, struct http_request *req, unsigned scopes,
		const char *allowed, void (*then)(struct call *call));
void call_answer(struct call *call, unsigned status, struct buf *json);
/* DETAIL NULL: the problem's own. */
void call_problem(struct call *call, const struct problem *problem, const char *detail);
void call_problemf(struct call *call, const struct problem *problem, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void call_error(struct call *call, enum belfry_err err);
/*
 * A 200 with BODY, which is taken, that the client may keep and ask for again by its
 * ETag: a 304, if it is still the same.
 */
void call_answer_cached(struct call *call, const char *type, struct buf *body);
/* The same with an ETag of its own, without quotes, and CACHE as its Cache-Control. */
void call_answer_tagged(struct call *call, const char *tag, const char *cache,
			const char *type, struct buf *body);
/* May the caller do what CALL's scopes are for, to FEED? Of a feed that is not in the
 * path. False: the call has been answered. */
bool call_may(struct call *call, const char *feed);
/* Ends the array of LIST and answers with it. NEXT NULL: there is no further page. */
void call_answer_page(struct call *call, struct buf *list, const char *next);
/* The store's callback where something was removed. */
void call_removed(void *arg, enum belfry_err err);
/* Can the path's feed be one? If not, the call has been answered: no need to ask. */
bool call_feed_valid(struct call *call);
/* Goes on with THEN as soon as the feed's rate is in call->feed_rate. */
void call_rated(struct call *call, void (*then)(struct call *call)); /* events.c */
/* The path's second parameter, a JID, normalized, in call->text; -1 and the call has been
 * answered. */
int call_jid(struct call *call);
/* The store's callback that answers with a subscriber: 201 if it, or CALL, is `created`.
 */
void call_row(void *arg, enum belfry_err err, const struct store_row *row, bool created);
/*
 * call->text, who is in no trusted domain, is to follow as call->change says: asks him,
 * unless he follows already, and answers.
 */
void call_invite(struct call *call); /* invite.c */
/* Answers with what ERR is where it concerns those who are pending. */
void call_pending_error(struct call *call, enum belfry_err err); /* pending.c */
/* The query's limit: 0, or -1 and the call has been answered. */
int call_limit(struct call *call, size_t default_limit, size_t max);
/*
 * The page of people that the query asks for: call->cursor and call->limit. 0, or -1 and
 * the call has been answered.
 */
int call_people(struct call *call);
/* Ends the array of LIST and answers with it. NEXT 0: there is no further page. */
void call_answer_people(struct call *call, struct buf *list, uint64_t next);
/* The store's answer to feed_get: 0 and its configuration, which feed_config_free() ends;
 * or -1 and the call has been answered. */
int call_config(struct call *call, enum belfry_err err, const struct store_feed *feed,
		struct feed_config *out);

/* ---- the handlers: http_handler with a struct service as ARG --------------------- */

void event_post(void *service, struct http_request *req);   /* events.c */
void item_delete(void *service, struct http_request *req);  /* items.c */
void history_list(void *service, struct http_request *req); /* history.c */
void history_get(void *service, struct http_request *req);
/* Clients are slow to take what they have asked for: a page is to be one event. */
bool history_must_be_short(const struct call *call);
void scheduled_list(void *service, struct http_request *req); /* scheduled.c */
void scheduled_delete(void *service, struct http_request *req);
void delivery_list(void *service, struct http_request *req);	/* deliveries.c */
void dead_letter_list(void *service, struct http_request *req); /* dead_letters.c */
void dead_letter_get(void *service, struct http_request *req);
void dead_letter_redrive(void *service, struct http_request *req);
void dead_letter_drop(void *service, struct http_request *req);
void feed_list(void *service, struct http_request *req); /* feeds.c */
void feed_get(void *service, struct http_request *req);
void feed_put(void *service, struct http_request *req);
void feed_patch(void *service, struct http_request *req);
void feed_delete(void *service, struct http_request *req);
void subscriber_list(void *service, struct http_request *req); /* subscribers.c */
void subscriber_get(void *service, struct http_request *req);
void subscriber_put(void *service, struct http_request *req);
void subscriber_patch(void *service, struct http_request *req);
void subscriber_delete(void *service, struct http_request *req);
void pending_list(void *service, struct http_request *req); /* pending.c */
void pending_get(void *service, struct http_request *req);
void pending_put(void *service, struct http_request *req);
void pending_delete(void *service, struct http_request *req);
void avatar_put(void *service, struct http_request *req); /* avatars.c */
void avatar_get(void *service, struct http_request *req);
void avatar_delete(void *service, struct http_request *req);
/* Ends what is under way for FEED, so that nothing older overwrites what comes now. */
void avatars_supersede(struct service *s, const char *feed);
/* Ends what is under way: those who asked are told. */
void avatars_finish(struct service *s);
void presence_get(void *service, struct http_request *req); /* presences.c */
void presence_put(void *service, struct http_request *req);
void presence_delete(void *service, struct http_request *req);
/* A feed's presence in JSON, malloc'ed; STORED: as the store has it, or NULL. */
char *presence_shown(const char *stored);
void link_get(void *service, struct http_request *req); /* links.c */
void link_png(void *service, struct http_request *req);
void link_svg(void *service, struct http_request *req);
void health_live(void *service, struct http_request *req); /* health.c */
void health_ready(void *service, struct http_request *req);
void health_metrics(void *service, struct http_request *req);

#endif

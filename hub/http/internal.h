#ifndef BELFRY_HUB_HTTP_INTERNAL_H
#define BELFRY_HUB_HTTP_INTERNAL_H

#include "guard.h"
#include "query.h"
#include "router.h"

#include <belfry/http/server.h>

#include <microhttpd.h>
#include <netinet/in.h>

/* What server.c, conn.c and request.c share. */

#define CONN_MAGIC 0x636f6e6eu
#define REQUEST_MAGIC 0x72657175u

enum conn_phase {
	CONN_IDLE,    /* no request line yet */
	CONN_READING, /* a request line, not yet the whole request */
	CONN_WAITING, /* a handler has it */
	CONN_SENDING, /* its answer is on its way */
};

/* A client's connection: who it is, and how long it may take for what it is at. */
struct conn {
	uint32_t magic;
	struct conn *prev, *next;
	int fd;
	struct in6_addr addr; /* IPv4 mapped */
	enum conn_phase phase;
	uint64_t deadline_ms;
	bool ended;  /* the sweep saw no more to come, in the middle of a request */
	bool served; /* it has had an answer: its next request gets a deadline anew */
	char *uri;   /* of the request line, until the request takes it */
	const char *uri_end; /* where it ended in the library's buffer; only compared */
	struct http_request *req; /* the one under way, or NULL */
};

/* A request lives until both the library and the handler are through with it. */
struct http_request {
	uint32_t magic;
	struct http_server *server; /* NULL: destroyed meanwhile */
	struct http_request *prev, *next;
	struct conn *conn;	   /* NULL: the client is gone */
	struct MHD_Connection *mc; /* the same */
	bool handler_has, suspended, whole;
	bool answered; /* by the handler or by the deadline */
	struct router_match match;
	char *method, *media; /* media: NULL without a body */
	char *uri;	      /* cut in two */
	const char *path;     /* in uri */
	struct query query;
	struct buf head_text;	      /* the headers' names and values */
	struct guard_header *headers; /* room for GUARD_HEADERS_MAX */
	size_t header_count;
	struct guard_facts facts;
	struct buf body;
	uint64_t max_body_bytes;
	bool draining; /* the answer stands; the rest of the body is thrown away */
	uint64_t drained;
	bool close;		       /* after the answer */
	struct buf extra;	       /* further headers: name NUL value NUL ... */
	struct MHD_Response *response; /* made, not yet handed to the library */
	size_t response_len;
	unsigned status;
	uint64_t whole_us; /* when it was whole */
	void *context;
};

struct http_server {
	struct loop *loop;
	struct MHD_Daemon *mhd;
	struct loop_fd *watch;
	struct loop_timer *poll;  /* when the library next wants to run */
	struct loop_timer *sweep; /* looks at the deadlines */
	struct http_limits limits;
	const struct http_route *routes;
	void *arg;
	uint16_t port;
	struct conn *conns;
	struct http_request *requests;
	struct http_request *spare; /* ended ones, whose memory the next ones take */
	size_t spares;
	size_t suspended;
	size_t unsent; /* bytes of answers that clients have not taken yet */
	bool run_deferred, quiesced, destroyed;
	struct http_stats stats;
};

/* ---- server.c */
/* The library is run at the end of this turn. */
void server_run_soon(struct http_server *s);

/* ---- conn.c */
struct conn *conn_of(struct MHD_Connection *mc);
enum MHD_Result conn_admit(void *server, const struct sockaddr *addr, socklen_t len);
void conn_notify(void *server, struct MHD_Connection *mc, void **context,
		 enum MHD_ConnectionNotificationCode code);
void *conn_request_line(void *server, const char *uri, struct MHD_Connection *mc);
void conn_set_phase(struct http_server *s, struct conn *c, enum conn_phase phase,
		    uint64_t allow_ms);
/* Ends what is past its deadline. */
void conn_sweep(struct http_server *s, uint64_t now_ms);

/* ---- request.c */
struct http_request *http_request_create(struct http_server *s, struct conn *c,
					 struct MHD_Connection *mc);
void http_requests_free_spare(struct http_server *s);
/* The library is through with it. */
void http_request_release(struct http_request *req);
/* The handler took too long. */
void http_request_expire(struct http_request *req);
void http_request_fault(struct http_request *req, const struct guard_fault *fault);
/* Makes the answer, whoever gives it. */
void http_request_respond(struct http_request *req, unsigned status,
			  const char *content_type, struct buf *body);

/* ---- head.c */
/*
 * Copies the head and checks it: NULL, or why it is refused. Headers, path and query are
 * readable after either.
 */
const struct guard_fault *head_read(struct http_request *req, const char *method,
				    const char *version);

#endif

#include "service.h"

#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/join_link.h>
#include <belfry/http/json.h>

#include <string.h>

/* ---- the feed ------------------------------------------------------------------- */

/* Of the feed as it stands in the store. Free C with feed_config_free(). */
static struct join_feed join_feed(const struct call *call, const struct store_feed *feed,
				  struct feed_config *c)
{
	char why[256];

	feed_config_init(c);
	feed_config_patch(c, feed->config, strlen(feed->config), why, sizeof why);
	return (struct join_feed){feed->name, call->service->config->xmpp.domain,
				  c->title};
}

static void look_up(struct call *call, store_feed_cb then)
{
	struct store *store = call->service->store;

	if (!call->service->config->xmpp.domain)
		call_problem(call, &problem_no_domain, NULL);
	else if (call_feed_valid(call))
		store->ops->feed_get(store, call->feed, then, call);
}

/* ---- the links ------------------------------------------------------------------ */

static void add_link(struct buf *out, enum join_link kind, const struct join_feed *feed)
{
	struct buf link = {0};

	join_link(&link, kind, feed);
	json_add_member(out, join_link_word(kind), link.data);
	buf_free(&link);
}

/* Where the pictures are: paths, as we do not know the name that the proxy goes by. */
static void add_paths(struct buf *out, enum join_link kind, const char *feed)
{
	buf_printf(out,
		   "\"%s\":{\"png\":\"/v1/feeds/%s/qr.png?link=%s\","
		   "\"svg\":\"/v1/feeds/%s/qr.svg?link=%s\"}",
		   join_link_word(kind), feed, join_link_word(kind), feed,
		   join_link_word(kind));
}

static void on_link(void *arg, enum belfry_err err, const struct store_feed *stored,
		    bool created)
{
	struct call *call = arg;
	struct feed_config config;
	struct buf out = {0};

	(void)created;
	if (err) {
		call_error(call, err);
		return;
	}
	const struct join_feed feed = join_feed(call, stored, &config);
	buf_adds(&out, "{");
	add_link(&out, JOIN_ROSTER, &feed);
	add_link(&out, JOIN_PUBSUB, &feed);
	buf_adds(&out, ",\"qr\":{");
	add_paths(&out, JOIN_ROSTER, feed.name);
	buf_adds(&out, ",");
	add_paths(&out, JOIN_PUBSUB, feed.name);
	buf_adds(&out, "}}\n");
	feed_config_free(&config);
	call_answer(call, 200, &out);
}

static void link_checked(struct call *call)
{
	look_up(call, on_link);
}

void link_get(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH | SCOPE_MANAGE, "", link_checked);
}

/* ---- their QR codes ------------------------------------------------------------- */

/* What the query asks for; -1 and the call has been answered. */
static int wanted(struct call *call, enum join_link *kind, unsigned *scale)
{
	const char *link = http_query(call->req, "link");
	const char *text = http_query(call->req, "scale");
	uint64_t n = QR_SCALE;

	*kind = JOIN_ROSTER;
	if (link && join_link_parse(link, kind)) {
		call_problem(call, &problem_bad_parameter, "link is roster or pubsub.");
		return -1;
	}
	if (text && (parse_u64(text, strlen(text), QR_SCALE_MAX, &n) || !n)) {
		call_problemf(call, &problem_bad_parameter,
			      "scale must be a number from 1 to %d.", QR_SCALE_MAX);
		return -1;
	}
	*scale = (unsigned)n;
	return 0;
}

/* A code of LINK, as the answer's body. */
typedef void (*draw_fn)(struct buf *out, const struct qr *q, unsigned scale,
			const char *link);

static void draw_png(struct buf *out, const struct qr *q, unsigned scale,
		     const char *link)
{
	(void)link;
	qr_png(out, q, scale);
}

static void answer_code(struct call *call, enum belfry_err err,
			const struct store_feed *stored, const char *type, draw_fn draw)
{
	struct feed_config config;
	struct buf link = {0}, out = {0};
	enum join_link kind;
	unsigned scale;

	if (err) {
		call_error(call, err);
		return;
	}
	if (wanted(call, &kind, &scale))
		return;
	const struct join_feed feed = join_feed(call, stored, &config);
	struct qr *q = join_link_qr(&link, kind, &feed);
	if (q) {
		draw(&out, q, scale, link.data);
		call_answer_cached(call, type, &out);
	} else {
		call_problem(call, problem_of(BELFRY_ENOENT),
			     "There is no QR code: the link is too long for one.");
	}
	qr_destroy(q);
	buf_free(&link);
	feed_config_free(&config);
}

static void on_png(void *arg, enum belfry_err err, const struct store_feed *feed,
		   bool created)
{
	(void)created;
	answer_code(arg, err, feed, "image/png", draw_png);
}

static void on_svg(void *arg, enum belfry_err err, const struct store_feed *feed,
		   bool created)
{
	(void)created;
	answer_code(arg, err, feed, "image/svg+xml", qr_svg);
}

/* What is wrong with the query is said before anybody is asked. */
static void code_checked(struct call *call, store_feed_cb then)
{
	enum join_link kind;
	unsigned scale;

	if (!wanted(call, &kind, &scale))
		look_up(call, then);
}

static void png_checked(struct call *call)
{
	code_checked(call, on_png);
}

static void svg_checked(struct call *call)
{
	code_checked(call, on_svg);
}

void link_png(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH | SCOPE_MANAGE, "link scale", png_checked);
}

void link_svg(void *service, struct http_request *req)
{
	call_begin(service, req, SCOPE_PUBLISH | SCOPE_MANAGE, "link scale", svg_checked);
}

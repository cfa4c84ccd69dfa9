#include "reply.h"

#include <belfry/base/mem.h>
#include <belfry/base/text.h>
#include <belfry/core/feed.h>
#include <belfry/core/jid.h>
#include <belfry/core/join_link.h>

#include <stdlib.h>
#include <string.h>

/*
 * Who a feed is: vcard-temp (XEP-0054), vCard4 (XEP-0292; asked for by itself or as an
 * item of a node) and the avatar (XEP-0084). What is too large for a stanza is left out,
 * or refused where it is all that was asked for.
 */
#define NODE_VCARD4 "urn:xmpp:vcard4"
#define NODE_AVATAR_DATA "urn:xmpp:avatar:data"
#define NODE_AVATAR_METADATA "urn:xmpp:avatar:metadata"
#define CLOSING_BYTES 256 /* what closes the elements around a photo */

static const struct reply_error too_large = {"cancel", "resource-constraint", NULL, NULL};
static const struct reply_error not_found = {"cancel", "item-not-found", NULL, NULL};

static void finish(struct request *r, struct buf *out)
{
	if (out->len + sizeof("</iq>") <= r->session->max_stanza_bytes) {
		reply_send(r->session, out);
		return;
	}
	buf_free(out);
	reply_request_error(r, &too_large);
}

/* XEP-0054 has one answer to both: there is no card, and it is not for who asks. (That
 * the feed is there is no secret: disco#info says closed-node.) */
static bool card_ok(struct request *r, enum belfry_err err)
{
	return reply_request_ok(r, err == BELFRY_EDENIED ? BELFRY_ENOFEED : err);
}

static void answer_card(struct request *r, enum belfry_err err,
			const struct hub_feed *feed, const struct hub_face *face,
			void (*add)(struct buf *out, const struct request *r,
				    const struct hub_feed *feed,
				    const struct hub_face *face))
{
	if (card_ok(r, err)) {
		struct buf out = {0};
		reply_begin(&out, r->to, r->from, r->id);
		add(&out, r, feed, face);
		finish(r, &out);
	}
	request_free(r);
}

static bool photo_fits(const struct request *r, const struct buf *out,
		       const struct hub_face *face)
{
	return face != NULL && out->len + face->len / 3 * 4 + 4 + CLOSING_BYTES <=
				       r->session->max_stanza_bytes;
}

static const char *name_of(const struct hub_feed *feed)
{
	return feed->title != NULL ? feed->title : feed->name;
}

/* The link to pass on to others, "" for the hub; malloc'ed. */
static char *link_of(const struct request *r, const struct hub_feed *feed)
{
	if (r->place != PLACE_FEED)
		return xstrdup("");
	struct buf link = {0};
	join_link(&link, JOIN_ROSTER,
		  &(struct join_feed){.name = feed->name,
				      .domain = r->session->domain,
				      .title = feed->title});
	return buf_steal(&link);
}

/* ---- vcard-temp ------------------------------------------------------------------ */

static void add_vcard_temp(struct buf *out, const struct request *r,
			   const struct hub_feed *feed, const struct hub_face *face)
{
	char *link = link_of(r, feed), *jid = jid_bare(r->to);
	buf_adds(out, "<vCard xmlns='" NS_VCARD "'>");
	reply_text(out, "FN", name_of(feed));
	reply_text(out, "NICKNAME", name_of(feed));
	if (feed->description != NULL)
		reply_text(out, "DESC", feed->description);
	if (link[0] != '\0')
		reply_text(out, "URL", link);
	reply_text(out, "JABBERID", jid);
	if (photo_fits(r, out, face)) {
		buf_adds(out, "<PHOTO>");
		reply_text(out, "TYPE", face->type);
		buf_adds(out, "<BINVAL>");
		base64_add(out, face->data, face->len);
		buf_adds(out, "</BINVAL></PHOTO>");
	}
	buf_adds(out, "</vCard>");
	free(link);
	free(jid);
}

static void on_vcard_temp(void *arg, enum belfry_err err, const struct hub_feed *feed,
			  const struct hub_face *face)
{
	answer_card(arg, err, feed, face, add_vcard_temp);
}

/* ---- vCard4 ---------------------------------------------------------------------- */

static void value4(struct buf *out, const char *property, const char *type,
		   const char *value)
{
	buf_printf(out, "<%s>", property);
	reply_text(out, type, value);
	buf_printf(out, "</%s>", property);
}

static void add_vcard4(struct buf *out, const struct request *r,
		       const struct hub_feed *feed, const struct hub_face *face)
{
	char *link = link_of(r, feed);
	buf_adds(out, "<vcard xmlns='" NS_VCARD4 "'>");
	value4(out, "kind", "text", "application"); /* RFC 6473 */
	value4(out, "fn", "text", name_of(feed));
	value4(out, "nickname", "text", name_of(feed));
	if (feed->description != NULL)
		value4(out, "note", "text", feed->description);
	if (link[0] != '\0')
		value4(out, "url", "uri", link);
	if (photo_fits(r, out, face)) {
		buf_adds(out, "<photo><uri>data:");
		xml_escape(out, face->type, strlen(face->type));
		buf_adds(out, ";base64,");
		base64_add(out, face->data, face->len);
		buf_adds(out, "</uri></photo>");
	}
	buf_adds(out, "</vcard>");
	free(link);
}

static void on_vcard4(void *arg, enum belfry_err err, const struct hub_feed *feed,
		      const struct hub_face *face)
{
	answer_card(arg, err, feed, face, add_vcard4);
}

/* ---- Nodes of a feed's own ------------------------------------------------------- */

static void add_metadata(struct buf *out, const struct request *r,
			 const struct hub_feed *feed, const struct hub_face *face)
{
	(void)r;
	(void)feed;
	buf_printf(out,
		   "<metadata xmlns='" NODE_AVATAR_METADATA
		   "'><info bytes='%zu' width='%u' height='%u'",
		   face->len, face->width, face->height);
	reply_attr(out, "id", face->sha1);
	reply_attr(out, "type", face->type);
	buf_adds(out, "/></metadata>");
}

static void add_data(struct buf *out, const struct request *r,
		     const struct hub_feed *feed, const struct hub_face *face)
{
	(void)r;
	(void)feed;
	buf_adds(out, "<data xmlns='" NODE_AVATAR_DATA "'>");
	base64_add(out, face->data, face->len);
	buf_adds(out, "</data>");
}

static const struct node {
	const char *name;
	const char *item; /* its one item; NULL: the avatar's, if there is one */
	void (*add)(struct buf *out, const struct request *r, const struct hub_feed *feed,
		    const struct hub_face *face);
} nodes[] = {
	{NODE_VCARD4, "current", add_vcard4},
	{NODE_AVATAR_METADATA, NULL, add_metadata},
	{NODE_AVATAR_DATA, NULL, add_data},
	{NULL, NULL, NULL},
};

/* Its name is NULL where there is none called so. */
static const struct node *node_find(const char *name)
{
	const struct node *n = nodes;
	while (n->name != NULL && strcmp(n->name, name) != 0)
		n++;
	return n;
}

/* R->after is the node, R->text the item that is asked for; NULL: whatever there is. */
static void on_items(void *arg, enum belfry_err err, const struct hub_feed *feed,
		     const struct hub_face *face)
{
	struct request *r = arg;
	const struct node *node = node_find(r->after);
	const char *item = node->item;
	if (!err && item == NULL && face == NULL)
		err = BELFRY_ENOENT;
	else if (!err && item == NULL)
		item = face->sha1;
	if (!err && r->text != NULL && strcmp(r->text, item) != 0)
		err = BELFRY_ENOENT;
	if (card_ok(r, err)) {
		struct buf out = {0};
		reply_begin(&out, r->to, r->from, r->id);
		buf_adds(&out, "<pubsub xmlns='" NS_PUBSUB "'><items");
		reply_attr(&out, "node", node->name);
		buf_adds(&out, "><item");
		reply_attr(&out, "id", item);
		buf_addc(&out, '>');
		node->add(&out, r, feed, face);
		buf_adds(&out, "</item></items></pubsub>");
		finish(r, &out);
	}
	request_free(r);
}

/* ---- Questions ------------------------------------------------------------------- */

static void ask(struct session *s, const struct incoming *in, const char *node,
		const char *item, hub_card_cb cb)
{
	static const struct hub_feed hub = {
		.name = "hub",
		.title = "Belfry",
		.description = "Tells you what is new. Write 'help' to see how.",
	};
	if (in->place == PLACE_FEED && !feed_name_valid(in->feed, strlen(in->feed))) {
		reply_error(s, in, &not_found);
		return;
	}
	if (in->place == PLACE_FEED && !reply_has_room(s, in))
		return;
	struct request *r = request_create(s, in, false);
	if (r == NULL)
		return;
	r->after = node != NULL ? xstrdup(node) : NULL;
	r->text = item != NULL ? xstrdup(item) : NULL;
	if (in->place == PLACE_FEED)
		s->hub->ops->card(s->hub->hub, in->from, in->feed, cb, r);
	else
		cb(r, BELFRY_OK, &hub, NULL);
}

void vcard_temp(struct session *s, const struct incoming *in)
{
	ask(s, in, NULL, NULL, on_vcard_temp);
}

void vcard4(struct session *s, const struct incoming *in)
{
	ask(s, in, NULL, NULL, on_vcard4);
}

bool vcard_items(struct session *s, const struct incoming *in)
{
	xmpp_stanza_t *items = element_find(in->child, "items", NULL);
	const char *node =
		items != NULL ? xmpp_stanza_get_attribute(items, "node") : NULL;
	if (in->place == PLACE_SERVICE || in->set || node == NULL ||
	    node_find(node)->name == NULL)
		return false;
	xmpp_stanza_t *item = element_find(items, "item", NULL);
	ask(s, in, node, item != NULL ? xmpp_stanza_get_id(item) : NULL, on_items);
	return true;
}

#include "work/engine_int.h"

#include <belfry/base/text.h>
#include <belfry/core/jid.h>

static void add_text(struct buf *out, const struct engine *e, const char *feed,
		     uint64_t missed)
{
	if (missed == 1)
		buf_adds(out, "One message of ");
	else if (missed)
		buf_printf(out, "%llu messages of ", (unsigned long long)missed);
	else
		buf_adds(out, "Some messages of ");
	buf_printf(out,
		   "%s could not be delivered to you, and %s no longer kept. What is: "
		   "write \"last\" to %s@",
		   feed, missed == 1 ? "is" : "are", feed);
	buf_adds(out, e->o.domain);
}

/*
 * Of an epoch that is over nobody knows how many there were, nor how many of those behind
 * what came back late were missed.
 */
static uint64_t missed(const struct mark *m, struct pos trimmed)
{
	bool late = pos_cmp(m->was.counted, m->was.pos) > 0;
	return m->was.pos.epoch == trimmed.epoch && !m->was.urgent && !late
		       ? trimmed.n - m->was.pos.n
		       : 0;
}

void gap_write(struct engine *e, const struct piece *p, const struct mark *m)
{
	const struct store_row *row = &p->run->rows[m->row];
	const char *feed = p->feed->name;
	bool event = row->sub.format == FORMAT_EVENT;
	char pos[POS_TEXT_SIZE];
	struct buf *out = &e->out, text = {0};
	pos_format(p->run->trimmed, pos);
	buf_adds(out, "<message from='");
	if (!event)
		buf_printf(out, "%s@", feed);
	buf_printf(out, "%s' type='%s' id='%s~%s~%08x' to='", e->o.domain,
		   row->sub.format == FORMAT_CHAT	? "chat"
		   : row->sub.format == FORMAT_HEADLINE ? "headline"
							: "normal",
		   feed, pos, (unsigned)row_hash(p->feed->salt, row->jid, row->jid_len));
	xml_escape(out, row->jid, row->jid_len);
	buf_adds(out, "'>");
	add_text(&text, e, feed, missed(m, p->run->trimmed));
	if (row->sub.format != FORMAT_CHAT)
		buf_printf(out, "<subject>%s</subject>", feed);
	buf_adds(out, "<body>");
	xml_escape(out, text.data, text.len);
	buf_adds(out, "</body></message>");
	buf_free(&text);
	e->out_stanzas++;
}

bool gap_send(struct engine *e, const struct piece *p, struct mark *m)
{
	static const struct rendered small; /* as events are: a JID that can be sent to */
	if (!send_fits(e, &small, &p->run->rows[m->row]))
		return false;
	gap_write(e, p, m);
	m->told = true;
	return true;
}

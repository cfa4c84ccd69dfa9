#include "commands_int.h"

/* What is kept until the client has confirmed it (XEP-0184). */

static void said_receipts(const struct request *r, struct buf *text)
{
	buf_adds(text, "What comes of ");
	if (!r->call->change.options.receipt) {
		command_changed(r, " need not be confirmed by your client any more.",
				" need not be confirmed by your client any more.", text);
		return;
	}
	command_changed(r, " as chat", " as chat", text);
	buf_adds(text,
		 " asks your client for a receipt from now on. As soon as it has given "
		 "one, what it does not confirm is kept, and sent again when you are "
		 "back. I ask to see whether you are there for this: please say yes. "
		 "Digests are not confirmed.");
}

void run_receipts(struct request *r)
{
	command_change_any(r,
			   &(struct sub_change){.set = SUB_SET_RECEIPT,
						.format = FORMAT_CHAT,
						.options.receipt = r->call->args.on,
						.options.no_receipt = !r->call->args.on},
			   said_receipts);
}

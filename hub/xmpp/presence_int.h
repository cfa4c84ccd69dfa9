#ifndef BELFRY_HUB_XMPP_PRESENCE_INT_H
#define BELFRY_HUB_XMPP_PRESENCE_INT_H

#include "session.h"

/* From a feed's JID, or the hub's; sent and counted. LOOK NULL: unavailable. */
void presence_show(struct session *s, const char *from, const char *to,
		   const struct hub_look *look);
void presence_tell(struct session *s, const char *type, const char *from, const char *to);
/* What a contact list gets that had FROM in it. */
void presence_tell_left(struct session *s, const char *from, const char *to);
/* Leaving FEED did not work. */
void presence_say_stays(struct session *s, const char *from, const char *to,
			const char *feed);
/* Does it choose by what its person shows? */
bool presence_depends(const struct sub *sub);
/* It did not let R's feed see its presence: what that means. */
void presence_say_unseen(const struct request *r);

#endif

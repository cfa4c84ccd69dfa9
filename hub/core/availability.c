#include <belfry/core/availability.h>

#include <belfry/base/text.h>

#include <stdio.h>

static const char *const texts[] = {
	[AVAIL_UNKNOWN] = "unknown", [AVAIL_CHAT] = "chat", [AVAIL_ONLINE] = "online",
	[AVAIL_AWAY] = "away",	     [AVAIL_XA] = "xa",	    [AVAIL_DND] = "dnd",
	[AVAIL_OFFLINE] = "offline",
};

const char *availability_text(enum availability a)
{
	return texts[a];
}

unsigned shows_bit(enum availability a)
{
	return a >= AVAIL_CHAT && a <= AVAIL_DND ? 1u << (a - AVAIL_CHAT) : 0;
}

unsigned shows_parse(const char *s, size_t len)
{
	for (enum availability a = AVAIL_CHAT; a <= AVAIL_DND; a++)
		if (text_is(s, len, texts[a]))
			return shows_bit(a);
	return 0;
}

const char *shows_next(unsigned *shows)
{
	for (enum availability a = AVAIL_CHAT; a <= AVAIL_DND; a++) {
		if (*shows & shows_bit(a)) {
			*shows &= ~shows_bit(a);
			return texts[a];
		}
	}
	return NULL;
}

size_t shows_text(unsigned shows, char out[SHOWS_TEXT_SIZE])
{
	size_t len = 0;
	out[0] = '\0';
	for (const char *word; (word = shows_next(&shows)) != NULL;)
		len += (size_t)snprintf(out + len, SHOWS_TEXT_SIZE - len, "%s%s",
					len ? ", " : "", word);
	return len;
}

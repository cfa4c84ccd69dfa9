#include "world.h"

#include <belfry/base/mem.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void letter(struct letters *l, const char *line)
{
	if (l->count == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->text = xreallocarray(l->text, l->cap, sizeof(char *));
	}
	l->text[l->count++] = xstrdup(line);
}

void letters_add(struct letters *l, const struct link *link)
{
	size_t n = recorder_messages(link);
	for (size_t i = 0; i < n; i++) {
		char *id = recorder_attribute(link, i, "id"), *to;
		for (size_t k = 0; (to = recorder_receiver(link, i, k)) != NULL; k++) {
			char line[512];
			snprintf(line, sizeof(line), "%s %s", to, id);
			letter(l, line);
			free(to);
		}
		free(id);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void letters_sort(struct letters *l)
{
	if (l->count)
		qsort(l->text, l->count, sizeof(char *), by_text);
}

void letters_free(struct letters *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->text[i]);
	free(l->text);
	*l = (struct letters){0};
}

size_t letters_repeats(const struct letters *l)
{
	size_t n = 0;
	for (size_t i = 1; i < l->count; i++)
		n += strcmp(l->text[i - 1], l->text[i]) == 0;
	return n;
}

size_t letters_distinct(const struct letters *l)
{
	return l->count - letters_repeats(l);
}

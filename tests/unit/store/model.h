#ifndef TESTS_STORE_MODEL_H
#define TESTS_STORE_MODEL_H

#include <belfry/store/store.h>

/*
 * Random histories of one feed, played on a store and on a plain model of what is
 * promised: every subscription that existed when an event was committed, and still exists
 * at its turn, gets it, at once or when it is no longer held; in the order of the log;
 * once where nothing crashed or came back, at least once where something did; nothing is
 * trimmed before it is settled, no position issued twice; each delivery is in one
 * counter, which is what the row's position says; a row made anew has nothing to do with
 * the one before it.
 */
struct model_world {
	struct store *a, *b;   /* two workers */
	void (*restart)(void); /* of the store's server */
	/* Gives a feed a salt that does not change from run to run; may be NULL. */
	void (*salt)(const char *feed);
};

/* Plays the history that SEED makes; STEPS long. Aborts with the seed where it fails. */
void model_play(const struct model_world *w, uint64_t seed, int steps);

#endif

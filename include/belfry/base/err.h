#ifndef BELFRY_BASE_ERR_H
#define BELFRY_BASE_ERR_H

/*
 * What can go wrong at a border between modules. HTTP maps these to a status and a
 * problem type in one table (hub/serve/problems.c), XMPP to a stanza error condition in
 * another (hub/xmpp/reply.c).
 */
enum belfry_err {
	BELFRY_OK = 0,
	BELFRY_EINVAL,	  /* the input is wrong; the caller was told how */
	BELFRY_ENOFEED,	  /* there is no such feed */
	BELFRY_ENOENT,	  /* no such event, item, subscriber or token in it */
	BELFRY_EEXIST,	  /* it is there already, or is just being deleted */
	BELFRY_EREUSED,	  /* an idempotency key was used for a different request */
	BELFRY_EDENIED,	  /* the feed's access does not let this JID in */
	BELFRY_EPENDING,  /* it waits for somebody's answer */
	BELFRY_EUNOWNED,  /* the same, but nobody who could give it is in a client */
	BELFRY_EREFUSED,  /* the person does not want to be asked */
	BELFRY_ELIMIT,	  /* too many of them in a while: try again later */
	BELFRY_EFULL,	  /* the store has no room for more events */
	BELFRY_EAWAY,	  /* the store did not answer in time: the outcome is unknown */
	BELFRY_EUNSENT,	  /* the same of a commit of which the store has heard nothing */
	BELFRY_EREPLICAS, /* stored, but too few replicas have it: the outcome is unknown
			   */
	BELFRY_ESTALE,	  /* the compare-and-set lost: read again */
	BELFRY_ELOST,	  /* this owner no longer owns the name */
	BELFRY_EINTERNAL, /* the store said what it must never say; it was logged */
};

/* A word for logs, such as "store away". Never NULL. */
const char *belfry_err_text(enum belfry_err err);

#endif

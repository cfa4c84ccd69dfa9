#include <belfry/base/err.h>

#include <stddef.h>

static const char *const texts[] = {
	[BELFRY_OK] = "ok",
	[BELFRY_EINVAL] = "invalid input",
	[BELFRY_ENOFEED] = "no such feed",
	[BELFRY_ENOENT] = "not found",
	[BELFRY_EEXIST] = "exists already",
	[BELFRY_EREUSED] = "idempotency key reused",
	[BELFRY_EDENIED] = "access denied",
	[BELFRY_EPENDING] = "pending",
	[BELFRY_EUNOWNED] = "pending, without an owner",
	[BELFRY_EREFUSED] = "refused",
	[BELFRY_ELIMIT] = "limit reached",
	[BELFRY_EFULL] = "store full",
	[BELFRY_EAWAY] = "store away",
	[BELFRY_EUNSENT] = "store away, not sent",
	[BELFRY_EREPLICAS] = "too few replicas",
	[BELFRY_ESTALE] = "stale",
	[BELFRY_ELOST] = "ownership lost",
	[BELFRY_EINTERNAL] = "internal error",
};

const char *belfry_err_text(enum belfry_err err)
{
	size_t i = (size_t)err;

	if (i >= sizeof texts / sizeof texts[0] || texts[i] == NULL)
		return "unknown error";
	return texts[i];
}

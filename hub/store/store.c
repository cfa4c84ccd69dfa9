#include <belfry/store/store.h>

#include <stdlib.h>

void store_run_free(struct store_run *run)
{
	if (!run)
		return;
	free(run->buckets);
	free(run->rows);
	free(run->text);
	free(run);
}

#include "contract.h"

#include "../../lib/store/sync.h"

#include <belfry/store/memory.h>

static struct memory *memory;

static void restart(void)
{
	memory_restart(memory);
}

static void fill(bool full)
{
	memory_set_full(memory, full);
}

int main(void)
{
	sync_loop = loop_create();
	memory = memory_create();
	contract =
		(struct contract){store_memory_create(sync_loop, memory),
				  store_memory_create(sync_loop, memory), restart, fill};
	int failed = contract_run("contract over memory");
	contract.a->ops->destroy(contract.a);
	if (contract.b)
		contract.b->ops->destroy(contract.b);
	memory_destroy(memory);
	loop_destroy(sync_loop);
	return failed;
}

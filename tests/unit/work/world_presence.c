#include "world_presence.h"

enum availability worker_presence(void *arg, const char *feed, const char *jid,
				  bool *soon)
{
	struct worker *k = arg;
	const struct presence_play *play = &k->world->play;
	if (play->presence)
		return play->presence(play->arg, feed, jid, soon);
	return prober_presence(k->prober, feed, jid, soon);
}

void worker_wake(void *arg, const char *feed, const char *jid)
{
	struct worker *k = arg;
	const struct presence_play *play = &k->world->play;
	if (play->wake)
		play->wake(play->arg, feed, jid);
	else
		prober_wake(k->prober, feed, jid);
}

static void on_up(void *arg)
{
	struct worker *k = arg;
	engine_handlers.up(k->engine);
	if (k->prober)
		prober_up(k->prober);
}

static void on_down(void *arg, const struct link_down *why)
{
	struct worker *k = arg;
	if (k->prober)
		prober_down(k->prober);
	engine_handlers.down(k->engine, why);
}

static void on_barrier(void *arg, uint64_t number)
{
	struct worker *k = arg;
	engine_handlers.barrier(k->engine, number);
}

static void on_bounce(void *arg, const struct link_bounce *bounce)
{
	struct worker *k = arg;
	engine_handlers.bounce(k->engine, bounce);
}

static void on_received(void *arg, const char *id, const char *from)
{
	struct worker *k = arg;
	engine_handlers.received(k->engine, id, from);
}

static void on_room(void *arg)
{
	struct worker *k = arg;
	engine_handlers.room(k->engine);
}

const struct link_handlers worker_handlers = {.up = on_up,
					      .down = on_down,
					      .barrier = on_barrier,
					      .bounce = on_bounce,
					      .room = on_room,
					      .received = on_received};

void worker_looks(struct worker *k, bool (*may_write)(void *arg))
{
	k->availability = availability_create(100);
	k->prober =
		prober_create(k->world->loop, k->store,
			      &(struct prober_options){.domain = DOMAIN,
						       .availability = k->availability,
						       .arg = k,
						       .may_write = may_write});
	prober_use(k->prober, k->link);
}

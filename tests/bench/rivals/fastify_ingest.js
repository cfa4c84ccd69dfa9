"use strict";
// fastify_ingest.js stream|bullmq PROCESSES
// POST /events: the token, the document against a schema, then an XADD by ioredis or a
// job of BullMQ. Environment: BENCH_PORT, BENCH_TOKEN, BENCH_REDIS_PORT, NODE_PATH.

const cluster = require("node:cluster");
const crypto = require("node:crypto");
const fastify = require("fastify");
const Redis = require("ioredis");

const [kind, processes] = [process.argv[2], Number(process.argv[3])];
const redis = { host: "127.0.0.1", port: Number(process.env.BENCH_REDIS_PORT) };
const expected = Buffer.from(`Bearer ${process.env.BENCH_TOKEN}`);

const text = { type: "string" };
const schema = {
	body: {
		type: "object",
		required: ["title"],
		properties: {
			title: text, body: text, url: text, author: text,
			tags: { type: "array", maxItems: 32, items: text },
		},
	},
	response: {
		202: { type: "object", properties: { id: text, feed: text, status: text } },
	},
};

function streamWriter() {
	const client = new Redis({ ...redis, enableAutoPipelining: true });
	return (event) => client.xadd("bench", "*", "doc", JSON.stringify(event));
}

function queueWriter() {
	const { Queue } = require("bullmq");
	const queue = new Queue("bench", { connection: redis });
	return async (event) => (await queue.add("event", event)).id;
}

function known(header) {
	const given = Buffer.from(header || "");
	return given.length === expected.length && crypto.timingSafeEqual(given, expected);
}

async function serve() {
	const write = kind === "bullmq" ? queueWriter() : streamWriter();
	const app = fastify();
	app.addHook("onRequest", async (request, reply) => {
		if (!known(request.headers.authorization))
			return reply.code(401).send();
	});
	app.post("/events", { schema }, async (request, reply) => {
		const id = await write(request.body);
		reply.code(202);
		return { id, feed: "bench", status: "queued" };
	});
	await app.listen({ host: "127.0.0.1", port: Number(process.env.BENCH_PORT) });
}

if (processes > 1 && cluster.isPrimary)
	for (let i = 0; i < processes; i++)
		cluster.fork();
else
	serve();

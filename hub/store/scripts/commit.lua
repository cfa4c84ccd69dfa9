#!lua
-- Appends events to a feed's log, all or none. Without allow-oom: ingest alone is refused
-- when full.
-- KEYS feed, log, items, ids, behind, epoch, replaced[, idempotency: of one event]
-- ARGV run, feed, channel, digest, ttl, count of events,
--      (id, rest of the head, doc) an event, (number of the event, item) a given item
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'n', 'run', 'subs', 'buckets', 'born')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local epoch, n = tonumber(f[2]), tonumber(f[3])
if KEYS[8] then
	local known = redis.call('GET', KEYS[8]) or ''
	local digest, id, pos, item = known:match('^([^%z]*)%z([^%z]*)%z(%d+%-%d+)%z([^%z]*)$')
	-- An answer from before the feed was deleted and made anew does not count.
	if digest and tonumber(pos:match('^%d+')) >= tonumber(f[7]) then
		if digest ~= ARGV[4] then
			return {'REUSED'}
		end
		-- A write, so that WAIT after a replay covers the first request's writes.
		redis.call('EXPIRE', KEYS[8], ARGV[5])
		return {'OK', pos, id, item}
	end
end
local changed = f[4] ~= ARGV[1]
if changed then
	-- Another Redis process: the newest positions may have been lost with the old one.
	local now = tonumber(redis.call('TIME')[1])
	epoch = math.max(epoch + 1, now, tonumber(redis.call('GET', KEYS[6]) or 0) + 1)
	n = 0
end
-- Few arguments and new strings an event: they are what this costs. Redis counts on from
-- the first position, and what XADD answers is at hand as a string.
local call, log, subs = redis.call, KEYS[2], f[5] .. ' '
local count = tonumber(ARGV[6])
local at, after = string.format('%.0f-%.0f', epoch, n + 1), string.format('%.0f-*', epoch)
local ids, k, items = {}, 0, {}
for i = 7, 3 * count + 6, 3 do
	at = call('XADD', log, k == 0 and at or after, subs .. ARGV[i] .. ARGV[i + 1], ARGV[i + 2])
	ids[k + 1], ids[k + 2] = ARGV[i], at
	k = k + 2
end
for i = 3 * count + 7, #ARGV, 2 do
	items[#items + 1] = ARGV[i + 1]
	items[#items + 1] = ids[2 * tonumber(ARGV[i])]
end
local set = {'n', string.format('%.0f', n + count)}
if changed then
	set[3], set[4], set[5], set[6] = 'epoch', string.format('%.0f', epoch), 'run', ARGV[1]
end
if f[6] == '0' then
	set[#set + 1], set[#set + 2] = 'settled', at
end
call('HSET', KEYS[1], unpack(set))
call('HSET', KEYS[4], unpack(ids))
if items[1] then
	-- Most events have none: they need not make these functions.
	-- include pos_key
	-- include replace
	items_used(KEYS[2], KEYS[3], KEYS[4], KEYS[7], items)
end
if KEYS[8] then
	call('SET', KEYS[8], table.concat({ARGV[4], ids[1], at, items[1] or ids[1]}, '\0'), 'EX', ARGV[5])
end
-- Without followers, too: the log has to be trimmed.
redis.call('SADD', KEYS[5], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return {'OK', ids[2]}

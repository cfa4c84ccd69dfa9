#!lua
-- Appends events to a feed's log, all or none. Without allow-oom: ingest alone is refused
-- when full.
-- KEYS feed, log, items, ids, behind, epoch[, idempotency: of one event]
-- ARGV run, feed, channel, digest, ttl, and for each event id, item, priority, at, doc
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'n', 'run', 'subs', 'buckets', 'born')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local epoch, n = tonumber(f[2]), tonumber(f[3])
if KEYS[7] then
	local known = redis.call('GET', KEYS[7]) or ''
	local digest, id, pos, item = known:match('^([^%z]*)%z([^%z]*)%z(%d+%-%d+)%z([^%z]*)$')
	-- An answer from before the feed was deleted and made anew does not count.
	if digest and tonumber(pos:match('^%d+')) >= tonumber(f[7]) then
		if digest ~= ARGV[4] then
			return {'REUSED'}
		end
		-- A write, so that WAIT after a replay covers the first request's writes.
		redis.call('EXPIRE', KEYS[7], ARGV[5])
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
local items, ids, first, pos = {}, {}
for i = 6, #ARGV, 5 do
	n = n + 1
	pos = string.format('%.0f-%.0f', epoch, n)
	first = first or pos
	redis.call('XADD', KEYS[2], pos, 'id', ARGV[i], 'item', ARGV[i + 1], 'prio', ARGV[i + 2],
		'at', ARGV[i + 3], 'subs', f[5], 'doc', ARGV[i + 4])
	items[#items + 1], ids[#ids + 1] = ARGV[i + 1], ARGV[i]
	items[#items + 1], ids[#ids + 1] = pos, pos
end
local set = {'n', string.format('%.0f', n)}
if changed then
	set[3], set[4], set[5], set[6] = 'epoch', string.format('%.0f', epoch), 'run', ARGV[1]
end
if f[6] == '0' then
	set[#set + 1], set[#set + 2] = 'settled', pos
end
redis.call('HSET', KEYS[1], unpack(set))
redis.call('HSET', KEYS[3], unpack(items))
redis.call('HSET', KEYS[4], unpack(ids))
if KEYS[7] then
	redis.call('SET', KEYS[7], table.concat({ARGV[4], ARGV[6], pos, ARGV[7]}, '\0'), 'EX', ARGV[5])
end
-- Without followers, too: the log has to be trimmed.
redis.call('SADD', KEYS[5], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return {'OK', first}

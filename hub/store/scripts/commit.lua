#!lua
-- Appends an event to a feed's log. Without allow-oom: ingest alone is refused when full.
-- KEYS feed, log, items, ids, behind, epoch[, idempotency]
-- ARGV run, feed, id, item, priority, at, doc, channel[, digest, ttl]
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
		if digest ~= ARGV[9] then
			return {'REUSED'}
		end
		-- A write, so that WAIT after a replay covers the first request's writes.
		redis.call('EXPIRE', KEYS[7], ARGV[10])
		return {'OK', pos, id, item, 1}
	end
end
local changed = f[4] ~= ARGV[1]
if changed then
	-- Another Redis process: the newest positions may have been lost with the old one.
	local now = tonumber(redis.call('TIME')[1])
	epoch = math.max(epoch + 1, now, tonumber(redis.call('GET', KEYS[6]) or 0) + 1)
	n = 0
end
n = n + 1
local pos = string.format('%.0f-%.0f', epoch, n)
redis.call('XADD', KEYS[2], pos, 'id', ARGV[3], 'item', ARGV[4], 'prio', ARGV[5], 'at', ARGV[6],
	'subs', f[5], 'doc', ARGV[7])
if changed then
	redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch), 'n', '1', 'run', ARGV[1])
else
	redis.call('HSET', KEYS[1], 'n', string.format('%.0f', n))
end
redis.call('HSET', KEYS[3], ARGV[4], pos)
redis.call('HSET', KEYS[4], ARGV[3], pos)
if KEYS[7] then
	redis.call('SET', KEYS[7], table.concat({ARGV[9], ARGV[3], pos, ARGV[4]}, '\0'), 'EX', ARGV[10])
end
if f[6] == '0' then
	redis.call('HSET', KEYS[1], 'settled', pos)
end
-- Without followers, too: the log has to be trimmed.
redis.call('SADD', KEYS[5], ARGV[2])
redis.call('PUBLISH', ARGV[8], ARGV[2])
return {'OK', pos, ARGV[3], ARGV[4], 0}

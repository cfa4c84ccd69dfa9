#!lua
-- Keeps an event until it is due. Without allow-oom, as commit.
-- KEYS feed, scheduled, times, at[, idempotency]
-- ARGV feed, channel, digest, ttl, due, id, item if it is not the id, rest of the head, doc, most
--      of a feed
-- include schedule
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'born')
if f[1] or not f[2] then
	return {'NOFEED'}
end
if KEYS[5] then
	local known = redis.call('GET', KEYS[5]) or ''
	local digest, id, pos, item = known:match('^([^%z]*)%z([^%z]*)%z(%d+%-%d+)%z([^%z]*)$')
	-- An answer from before the feed was deleted and made anew does not count.
	if digest and tonumber(pos:match('^%d+')) >= tonumber(f[3]) then
		if digest ~= ARGV[3] then
			return {'REUSED'}
		end
		-- A write, so that WAIT after a replay covers the first request's writes.
		redis.call('EXPIRE', KEYS[5], ARGV[4])
		local kept = redis.call('HGET', KEYS[2], id)
		return {'OK', pos, id, item, kept and kept:match('^%d+') or '0'}
	end
end
if redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[10]) then
	return {'LIMIT'}
end
local member = ARGV[7] == '' and ARGV[6] or ARGV[6] .. ' ' .. ARGV[7]
redis.call('HSET', KEYS[2], ARGV[6], ARGV[5] .. ARGV[8] .. '\n' .. ARGV[9])
redis.call('ZADD', KEYS[3], ARGV[5], member)
schedule_count(KEYS[2], ARGV[7], 1)
if KEYS[5] then
	redis.call('SET', KEYS[5], table.concat({ARGV[3], ARGV[6], f[2] .. '-0',
		ARGV[7] == '' and ARGV[6] or ARGV[7]}, '\0'), 'EX', ARGV[4])
end
if schedule_note(KEYS[3], KEYS[4], ARGV[1]) == member then
	redis.call('PUBLISH', ARGV[2], '+' .. ARGV[1])
end
return {'OK', '0-0'}

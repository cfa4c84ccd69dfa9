#!lua
-- Takes an item back: appends its retraction to the log. Without allow-oom, as commit.
-- KEYS feed, log, items, ids, behind, epoch, replaced
-- ARGV run, feed, channel, item, its newest version as the caller read it, id, at, doc
-- include pos_key
-- include replace
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'n', 'run', 'subs', 'buckets')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local item = ARGV[4]
local old = redis.call('HGET', KEYS[3], item) or own_item(KEYS[2], KEYS[4], item)
if not old or old:sub(-1) == 'r' then
	return {'NOENT'}
end
local newest = old:match('^%S+')
local entry = redis.call('XRANGE', KEYS[2], newest, newest)[1]
if not entry then
	return {'NOENT'}
end
if newest ~= ARGV[5] then
	return {'STALE'}
end
local epoch, n = tonumber(f[2]), tonumber(f[3])
if f[4] ~= ARGV[1] then
	-- Another Redis process, as in commit.
	local now = tonumber(redis.call('TIME')[1])
	epoch = math.max(epoch + 1, now, tonumber(redis.call('GET', KEYS[6]) or 0) + 1)
	n = 0
end
-- It goes the way that its item went: with the same priority, and by when that was committed.
local prio, at = entry[2][1]:match('^%d+ %S+ (%d)%S* (%d+)')
local pos = string.format('%.0f-%.0f', epoch, n + 1)
redis.call('XADD', KEYS[2], pos, f[5] .. ' ' .. ARGV[6] .. ' ' .. prio .. 'r' .. old:gsub(' ', ',')
	.. ':' .. at .. ' ' .. ARGV[7] .. ' ' .. item, ARGV[8])
redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch), 'n', string.format('%.0f', n + 1),
	'run', ARGV[1])
if f[6] == '0' then
	redis.call('HSET', KEYS[1], 'settled', pos)
end
redis.call('ZADD', KEYS[7], 0, pos_key(newest) .. ' ' .. pos .. 'r')
redis.call('HSET', KEYS[3], item, pos .. 'r')
redis.call('HSET', KEYS[4], ARGV[6], pos)
redis.call('SADD', KEYS[5], ARGV[2])
redis.call('PUBLISH', ARGV[3], ARGV[2])
return {'OK', pos}

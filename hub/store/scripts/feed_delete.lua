#!lua flags=allow-oom
-- From here on the feed is gone for everybody; unlink.lua and feed_gone.lua clear up.
-- KEYS feed, feeds, behind, deleting, epoch, due, feeds with dead letters, at
-- ARGV feed
local f = redis.call('HMGET', KEYS[1], 'state', 'buckets', 'epoch', 'born')
if not f[3] then
	redis.call('SREM', KEYS[4], ARGV[1])
	return {'NOFEED'}
end
if not f[1] then
	redis.call('HSET', KEYS[1], 'state', 'deleting')
	redis.call('SADD', KEYS[4], ARGV[1])
	redis.call('ZREM', KEYS[2], ARGV[1])
	redis.call('SREM', KEYS[3], ARGV[1])
	redis.call('SREM', KEYS[7], ARGV[1])
	redis.call('ZREM', KEYS[8], ARGV[1])
	local buckets = redis.call('EXISTS', KEYS[6]) == 1 and tonumber(f[2]) or 0
	for first = 0, buckets - 1, 500 do
		local members = {}
		for k = first, math.min(first + 499, buckets - 1) do
			members[#members + 1] = ARGV[1] .. '|' .. string.format('%.0f', k)
		end
		redis.call('ZREM', KEYS[6], unpack(members))
	end
	if tonumber(redis.call('GET', KEYS[5]) or 0) < tonumber(f[3]) then
		redis.call('SET', KEYS[5], f[3])
	end
end
return {'OK', f[2], f[4]}

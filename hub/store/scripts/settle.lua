#!lua flags=allow-oom
-- Every bucket has reached a position.
-- KEYS fence, feed, behind
-- ARGV name, owner, buckets of the feed, pos, feed
-- include after
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
	return {'LOST'}
end
local f = redis.call('HMGET', KEYS[2], 'state', 'buckets', 'settled', 'epoch', 'n')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local head = f[4] .. '-' .. f[5]
if f[2] ~= ARGV[3] or after(ARGV[4], head) then
	return {'STALE'}
end
if after(ARGV[4], f[3]) then
	redis.call('HSET', KEYS[2], 'settled', ARGV[4])
end
if ARGV[4] ~= head then
	return {'STALE'}
end
redis.call('SREM', KEYS[3], ARGV[5])
return {'OK'}

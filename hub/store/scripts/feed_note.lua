#!lua flags=allow-oom
-- Sets a field of a feed; or takes it away, with the key that it stands for.
-- KEYS feed[, key]
-- ARGV feed, channel, field[, value]
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', ARGV[3])
if f[1] or not f[2] then
	return {'NOFEED'}
end
if ARGV[4] then
	redis.call('HSET', KEYS[1], ARGV[3], ARGV[4])
else
	redis.call('HDEL', KEYS[1], ARGV[3])
	if KEYS[2] then
		redis.call('UNLINK', KEYS[2])
	end
end
if f[3] ~= (ARGV[4] or false) then
	redis.call('PUBLISH', ARGV[2], '@' .. ARGV[1])
end
return {'OK'}

#!lua
-- A feed's avatar. Without allow-oom: it takes room as an event does.
-- KEYS feed, image
-- ARGV feed, channel, sha1, type, width, height, data
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'face')
if f[1] or not f[2] then
	return {'NOFEED'}
end
redis.call('HSET', KEYS[2], 'sha1', ARGV[3], 'type', ARGV[4], 'width', ARGV[5], 'height', ARGV[6],
	'data', ARGV[7])
redis.call('HSET', KEYS[1], 'face', ARGV[3])
if f[3] ~= ARGV[3] then
	redis.call('PUBLISH', ARGV[2], '@' .. ARGV[1])
end
return {'OK'}

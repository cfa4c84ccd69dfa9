#!lua flags=allow-oom
-- Makes a row, or changes the format of one.
-- KEYS feed, bucket
-- ARGV jid, salt, hash, number of the bucket, format
-- include bucket_of
local f = redis.call('HMGET', KEYS[1], 'state', 'salt', 'buckets', 'epoch', 'n', 'subs')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local buckets = tonumber(f[3])
-- The bucket was found with an older count of buckets, or another salt: try again.
if f[2] ~= ARGV[2] or bucket_of(tonumber(ARGV[3]), math.max(buckets, 1)) ~= tonumber(ARGV[4]) then
	return {'RETRY'}
end
local head = f[4] .. '-' .. f[5]
if buckets == 0 then
	buckets = 1
	redis.call('HSET', KEYS[2], '', head)
	redis.call('HSET', KEYS[1], 'buckets', '1')
end
local old = redis.call('HGET', KEYS[2], ARGV[1])
local row = ARGV[5] .. ' ' .. (old and old:match('^%a (.*)$') or head)
redis.call('HSET', KEYS[2], ARGV[1], row)
local subs = tonumber(f[6])
if not old then
	subs = redis.call('HINCRBY', KEYS[1], 'subs', 1)
end
return {'OK', old and 0 or 1, row, subs, buckets}

#!lua flags=allow-oom
-- Makes a bucket from its parent: its rows move, the cursor is copied.
-- KEYS feed, parent, new bucket
-- ARGV number of the new bucket: also the count of buckets before
-- include row_hash
-- include bucket_of
local f = redis.call('HMGET', KEYS[1], 'state', 'salt', 'buckets', 'subs')
if f[1] or not f[2] then
	return {'NOFEED'}
end
if f[3] ~= ARGV[1] then
	return {'STALE'}
end
local new, salt = tonumber(ARGV[1]), tonumber(f[2])
redis.call('HSET', KEYS[3], '', redis.call('HGET', KEYS[2], ''))
local rows = redis.call('HGETALL', KEYS[2])
for i = 1, #rows, 2 do
	if rows[i] ~= '' and bucket_of(row_hash(salt, rows[i]), new + 1) == new then
		redis.call('HSET', KEYS[3], rows[i], rows[i + 1])
		redis.call('HDEL', KEYS[2], rows[i])
	end
end
redis.call('HSET', KEYS[1], 'buckets', string.format('%.0f', new + 1))
return {'OK', tonumber(f[4]), new + 1}

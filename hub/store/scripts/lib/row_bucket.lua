-- f: the feed. Its salt (ARGV 2) and the row's hash (3) and bucket (4) are still right.
local f = redis.call('HMGET', KEYS[1], 'state', 'salt', 'buckets')
if f[1] or not f[2] then
	return {'NOFEED'}
end
-- The bucket was found with an older count of buckets, or another salt: try again.
if f[2] ~= ARGV[2]
	or bucket_of(tonumber(ARGV[3]), math.max(tonumber(f[3]), 1)) ~= tonumber(ARGV[4]) then
	return {'RETRY'}
end

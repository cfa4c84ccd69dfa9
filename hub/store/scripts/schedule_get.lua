#!lua flags=no-writes
-- A scheduled event.
-- KEYS feed, scheduled
-- ARGV id
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local kept = redis.call('HGET', KEYS[2], ARGV[1])
if not kept then
	return {'NOENT'}
end
return {'OK', ARGV[1], kept}

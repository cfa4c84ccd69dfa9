#!lua flags=no-writes
-- The state of a person who is not let in yet.
-- KEYS feed, pending
-- ARGV person
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local value = redis.call('HGET', KEYS[2], ARGV[1])
return value and {'OK', value} or {'NOENT'}

#!lua flags=no-writes
-- A page of those who are not let in yet.
-- KEYS feed, pending
-- ARGV cursor, about how many
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local page = redis.call('HSCAN', KEYS[2], ARGV[1], 'COUNT', ARGV[2])
return {'OK', page[1], page[2]}

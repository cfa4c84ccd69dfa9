#!lua flags=no-writes
-- An event by its public id, with its counters.
-- KEYS feed, log, ids, counters, replaced
-- ARGV id
-- include counters
-- include pos_key
local f = redis.call('HMGET', KEYS[1], 'state', 'settled')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local pos = redis.call('HGET', KEYS[3], ARGV[1])
local entry = pos and redis.call('XRANGE', KEYS[2], pos, pos)[1]
if not entry then
	return {'NOENT'}
end
return {'OK', f[2], entry, redis.call('HMGET', KEYS[4], counters(pos)),
	redis.call('ZRANGEBYLEX', KEYS[5], '[' .. pos_key(pos) .. ' ', '(' .. pos_key(pos) .. '!')}

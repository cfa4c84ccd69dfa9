#!lua flags=allow-oom
-- The last step of a deletion.
-- KEYS feed, deleting
-- ARGV feed, born
local f = redis.call('HMGET', KEYS[1], 'state', 'born')
if f[1] and f[2] == ARGV[2] then
	redis.call('UNLINK', KEYS[1])
	redis.call('SREM', KEYS[2], ARGV[1])
end
return {'OK'}

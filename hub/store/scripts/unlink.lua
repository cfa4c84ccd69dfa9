#!lua flags=allow-oom
-- Removes keys of the feed that is being deleted, and of no other that has its name since.
-- KEYS feed, key...
-- ARGV born
local f = redis.call('HMGET', KEYS[1], 'state', 'born')
if not f[1] or f[2] ~= ARGV[1] then
	return {'STALE'}
end
for i = 2, #KEYS do
	redis.call('UNLINK', KEYS[i])
end
return {'OK'}

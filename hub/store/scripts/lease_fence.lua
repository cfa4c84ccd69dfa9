#!lua flags=allow-oom
-- Lets a new owner's writes, and no older one's, into a partition.
-- KEYS fence
-- ARGV name, fence, token
local old = (redis.call('HGET', KEYS[1], ARGV[1]) or ''):match('^(%d+) ')
if old and tonumber(old) > tonumber(ARGV[2]) then
	return {'LOST'}
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
return {'OK'}

#!lua flags=allow-oom
-- Shows that the owner lives; or gives the name back, keeping its fence.
-- KEYS own
-- ARGV name, token, release
local v = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local token, beat, fence = v:match('^(%S+) (%d+) (%d+)$')
if token ~= ARGV[2] then
	return {'LOST'}
end
if ARGV[3] == '1' then
	token = '-'
end
redis.call('HSET', KEYS[1], ARGV[1],
	token .. ' ' .. string.format('%.0f', tonumber(beat) + 1) .. ' ' .. fence)
return {'OK'}

#!lua flags=allow-oom
-- Takes a name if nobody has it, or if its lease still looks as it was seen.
-- KEYS own
-- ARGV name, new token[, token seen, beat seen]
local v = redis.call('HGET', KEYS[1], ARGV[1]) or ''
local token, beat, fence = v:match('^(%S+) (%d+) (%d+)$')
if token and token ~= '-' and not (token == ARGV[3] and beat == ARGV[4]) then
	return {'EXISTS', token, beat}
end
-- The clock too, lest a failover that lost the newest owner issues its fence again.
local new = math.max(tonumber(fence or 0) + 1, tonumber(redis.call('TIME')[1]))
new = string.format('%.0f', new)
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' 0 ' .. new)
return {'OK', new}

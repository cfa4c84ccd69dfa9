#!lua flags=allow-oom
-- Removes some of the oldest events, if they are settled and over a limit.
-- KEYS feed, log, items, ids, counters, replaced
-- ARGV max_items, oldest, at most
-- include counters
-- include pos_key
local function pair(pos)
	local e, n = pos:match('^(%d+)%-(%d+)$')
	return tonumber(e), tonumber(n)
end
local f = redis.call('HMGET', KEYS[1], 'state', 'settled')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local epoch, n = pair(f[2])
local over = redis.call('XLEN', KEYS[2]) - tonumber(ARGV[1])
local removed, trimmed = 0
local replaced = redis.call('EXISTS', KEYS[6]) == 1
if over <= 0 and ARGV[2] == '0' then
	return {'OK', 0}
end
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[3])) do
	local pos = entry[1]
	local e, m = pair(pos)
	local id, at, item = entry[2][1]:match('^%d+ (%S+) %d%S* (%d+) ?(.*)$')
	if e > epoch or (e == epoch and m > n)
		or (removed >= over and (tonumber(at) or 0) >= tonumber(ARGV[2])) then
		break
	end
	redis.call('XDEL', KEYS[2], pos)
	if item and item ~= '' and (redis.call('HGET', KEYS[3], item) or ''):match('^[%d-]+') == pos then
		redis.call('HDEL', KEYS[3], item)
	end
	if replaced then
		redis.call('ZREMRANGEBYLEX', KEYS[6], '[' .. pos_key(pos) .. ' ', '(' .. pos_key(pos) .. '!')
	end
	redis.call('HDEL', KEYS[4], id or '')
	redis.call('HDEL', KEYS[5], counters(pos))
	removed, trimmed = removed + 1, pos
end
if trimmed then
	redis.call('HSET', KEYS[1], 'trimmed', trimmed)
end
return {'OK', removed}

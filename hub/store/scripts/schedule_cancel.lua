#!lua flags=allow-oom
-- Forgets a scheduled event, or those of an item.
-- KEYS feed, scheduled, times, at
-- ARGV feed, id (or empty), item
-- include schedule
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local gone = 0
local function forget(id, item)
	redis.call('ZREM', KEYS[3], item == '' and id or id .. ' ' .. item)
	redis.call('HDEL', KEYS[2], id)
	schedule_count(KEYS[2], item, -1)
	gone = gone + 1
end
local function item_of(id)
	local kept = not id:find(' ', 1, true) and redis.call('HGET', KEYS[2], id)
	return kept and (kept:match('^%d+ %S+ %d+ ([^\n]*)\n') or '')
end
if ARGV[2] ~= '' then
	local item = item_of(ARGV[2])
	if item then
		forget(ARGV[2], item)
	end
else
	if item_of(ARGV[3]) == '' then
		forget(ARGV[3], '')
	end
	-- As many as a feed may have are looked through in some milliseconds.
	local given = redis.call('HEXISTS', KEYS[2], ' ' .. ARGV[3]) == 1
	for _, member in ipairs(given and redis.call('ZRANGE', KEYS[3], 0, -1) or {}) do
		local id, item = member:match('^(%S+) (.*)$')
		if item == ARGV[3] then
			forget(id, item)
		end
	end
end
if gone == 0 then
	return {'NOENT'}
end
schedule_note(KEYS[3], KEYS[4], ARGV[1])
return {'OK'}

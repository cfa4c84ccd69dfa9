-- What `items` has of an item: the positions of its newest versions and of its first one,
-- newest first, or that of its retraction and an "r".
local VERSIONS = 8
-- The same of one that `items` does not know: it may be an event's own id.
local function own_item(log, ids, item)
	local pos = #item == 36 and redis.call('HGET', ids, item)
	local entry = pos and redis.call('XRANGE', log, pos, pos)[1]
	return entry and entry[2][1]:match('^%d+ %S+ %S+ %d+$') and pos or nil
end
-- Now it is at POS, and its newest version so far was OLD's: noted. What `items` has of it.
local function replaced_by(replaced, old, pos)
	if not old or old:sub(-1) == 'r' then
		return pos
	end
	local versions = {}
	for version in old:gmatch('%S+') do
		versions[#versions + 1] = version
	end
	redis.call('ZADD', replaced, 0, pos_key(versions[1]) .. ' ' .. pos)
	if #versions == VERSIONS then
		table.remove(versions, VERSIONS - 1)
	end
	return pos .. ' ' .. table.concat(versions, ' ')
end
-- GIVEN: item, position, ... of events in the order of the log.
local function items_used(log, items, ids, replaced, given)
	local names, set, now = {}, {}, {}
	for i = 1, #given, 2 do
		names[#names + 1] = given[i]
	end
	local known = redis.call('HMGET', items, unpack(names))
	for k, item in ipairs(names) do
		local old = now[item] or known[k] or own_item(log, ids, item)
		now[item] = replaced_by(replaced, old, given[2 * k])
	end
	for item, value in pairs(now) do
		set[#set + 1], set[#set + 2] = item, value
	end
	redis.call('HSET', items, unpack(set))
end

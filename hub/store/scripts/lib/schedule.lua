-- How many of a feed's scheduled events were given ITEM stands beside them, so that whoever asks
-- for those of an item that has none need not look through all.
local function schedule_count(scheduled, item, by)
	local left = item ~= '' and redis.pcall('HINCRBY', scheduled, ' ' .. item, by)
	if left and (type(left) ~= 'number' or left <= 0) then
		redis.call('HDEL', scheduled, ' ' .. item)
	end
end
-- When the first of a feed's scheduled events is due stands in `at`, once for each feed.
local function schedule_note(times, at, feed)
	local first = redis.call('ZRANGE', times, 0, 0, 'WITHSCORES')
	if first[2] then
		redis.call('ZADD', at, first[2], feed)
	else
		redis.call('ZREM', at, feed)
	end
	return first[1]
end

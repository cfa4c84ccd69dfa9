#!lua flags=no-writes
-- A page of a feed's scheduled events, in the order in which they are due.
-- KEYS feed, scheduled, times
-- ARGV due and id of the one before, at most, a page ends behind so many bytes
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local most, room, more, out = tonumber(ARGV[3]), tonumber(ARGV[4]), 0, {}
-- All may be due at the same time; then they are in the order of their ids.
local from = redis.call('ZCOUNT', KEYS[3], '-inf', '(' .. ARGV[1])
local to = redis.call('ZCOUNT', KEYS[3], '-inf', ARGV[1])
while from < to do
	local mid = math.floor((from + to) / 2)
	local member = redis.call('ZRANGE', KEYS[3], mid, mid)[1]
	if member:match('^%S*') > ARGV[2] then
		to = mid
	else
		from = mid + 1
	end
end
repeat
	local page = redis.call('ZRANGE', KEYS[3], from, from + most)
	for _, member in ipairs(page) do
		local id = member:match('^%S+')
		local kept = id and redis.call('HGET', KEYS[2], id)
		if kept and (#out == 2 * most or (room <= 0 and out[1])) then
			more = 1
			break
		elseif kept then
			out[#out + 1], out[#out + 2] = id, kept
			room = room - #kept
		end
	end
	from = from + most + 1
until more == 1 or #page <= most
return {'OK', more, out}

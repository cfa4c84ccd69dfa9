-- Deliveries that go from one counter of an event to another are gathered, then written.
local counts = {}
local function count(pos, kind, by)
	if kind ~= '-' then
		local field = pos .. ':' .. kind
		counts[field] = (counts[field] or 0) + by
	end
end
local function taken(format)
	return format == 'h' and 's' or 't'
end
-- Taken and sent stand for one another: the format may have changed since. So do superseded
-- and expired: what was lost with its link, and left out when its row was read again, may still
-- come back.
local function counts_write(key)
	local short = {}
	for field, by in pairs(counts) do
		local now = by ~= 0 and redis.call('HINCRBY', key, field, by) or 0
		if now < 0 then
			redis.call('HSET', key, field, '0')
			short[field] = now
		end
	end
	for field, by in pairs(short) do
		local event, kind = field:match('^(.*:)([ts])$')
		for _, other in ipairs(event and {kind == 't' and 's' or 't', 'u', 'e', 'r'} or {}) do
			by = by < 0 and redis.call('HINCRBY', key, event .. other, by) or 0
			if by < 0 then
				redis.call('HSET', key, event .. other, '0')
			end
		end
	end
end
-- Before its failures are forgotten: what is counted up to `counted` is so, then, without an
-- exception.
local function count_first(key, format, hold)
	if hold.tries == '0' or hold.condition == '' then
		return
	end
	local epoch, n = hold.pos:match('^(%d+)%-(%d+)$')
	local first = epoch .. '-' .. string.format('%.0f', tonumber(n) + 1)
	for _, pos in ipairs(hold_members(hold) or {first}) do
		if not after(pos, hold.counted)
			and tonumber(redis.call('HGET', key, pos .. ':h') or 0) > 0 then
			count(pos, 'h', -1)
			count(pos, taken(format), 1)
		end
	end
end
local function is_urgent(entry)
	return entry[2][1]:match('^%d+ %S+ (%d+)') == '3'
end
-- The urgent events of the log that have been looked for: those behind `from`, up to `to`.
-- What is read with them is limited: Redis does nothing else meanwhile.
local seen, room = {list = {}, its = {}}, 16 * 1024 * 1024
local function urgent_look(log, from, to)
	local page
	repeat
		page = room > 0 and redis.call('XRANGE', log, '(' .. from, to, 'COUNT', 50) or {}
		for _, entry in ipairs(page) do
			from, room = entry[1], room - #entry[2][2]
			if is_urgent(entry) then
				seen.list[#seen.list + 1] = from
				seen.its[from] = entry[2][1]:match('^%d+ %S+ %dr(%d+%-%d+)')
			end
		end
	until #page < 50
end
-- Urgent events behind FROM, up to TO, were sent; they will be again. Who was not there SINCE
-- what is retracted is not sent that.
local function count_urgent(log, format, since, from, to)
	if not seen.from then
		seen.from, seen.to = from, from
	end
	if after(to, seen.to) then
		urgent_look(log, seen.to, to)
		seen.to = to
	end
	if after(seen.from, from) then
		urgent_look(log, from, seen.from)
		seen.from = from
	end
	for _, pos in ipairs(seen.list) do
		if after(pos, from) and not after(pos, to) and after(seen.its[pos] or pos, since) then
			count(pos, taken(format), -1)
			count(pos, 'h', 1)
		end
	end
end

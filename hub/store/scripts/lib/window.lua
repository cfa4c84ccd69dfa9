-- What of a hold is on its way, unconfirmed: see `awaited` in hub/core/subscription.h.
local function pos_parts(pos)
	local epoch, n = pos:match('^(%d+)%-(%d+)$')
	return epoch, tonumber(n)
end
local function pos_plus(pos, by)
	local epoch, n = pos_parts(pos)
	return epoch .. '-' .. string.format('%.0f', n + by)
end
local function awaited(hold)
	return hold and more_get(hold, 'w') or 0
end
-- The value of the bit of POS; nil: it is not among what is awaited.
local function awaited_bit(hold, pos)
	local w, epoch, n = awaited(hold), pos_parts(pos)
	local from, base = pos_parts(hold.pos)
	local bit = n - base - 1
	if epoch ~= from or bit < 0 or bit > 31 or math.floor(w / 2 ^ bit) % 2 == 0 then
		return
	end
	return 2 ^ bit
end
-- Does what has failed stand behind its position, counted as held?
local function hold_tries(hold)
	return hold.tries ~= '0' and hold.condition ~= ''
end
-- What the row has had, or what is on its way to it.
local function hold_reached(hold)
	return awaited(hold) > 0 and hold.counted or hold.pos
end
-- POS is awaited, too; where there is no room for it, all is.
local function awaited_set(hold, pos)
	local epoch, n = pos_parts(pos)
	local from, base = pos_parts(hold.pos)
	local fits = epoch == from and n - base <= 32
	more_set(hold, 'w', fits and awaited(hold) + 2 ^ (n - base - 1) or 0)
end
-- POS is no longer awaited; WEIGHT: its bit.
local function awaited_clear(hold, weight)
	local w = awaited(hold) - weight
	while w > 0 and w % 2 == 0 do
		w = w / 2
		hold.pos = pos_plus(hold.pos, 1)
	end
	if w == 0 then
		hold.pos = hold.counted
	end
	more_set(hold, 'w', w)
end
-- Is a row with OPTIONS asked for receipts? BY_FEED: if it has not chosen.
local function asks(format, options, by_feed)
	local own = (options .. ' '):match(' r(0?) ')
	if format ~= 'c' or options:find(' d', 1, true) then
		return false
	end
	if own then
		return own == ''
	end
	return by_feed or options:find(' v', 1, true) ~= nil
end
-- Behind which position it confirms what it gets; nil: it does not.
local function proven(format, options)
	return asks(format, options, false) and options:match(' v(%d+%-%d+)') or nil
end

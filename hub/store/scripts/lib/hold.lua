-- A hold, as sub_hold_text() in hub/core/hold.c writes it; nil where there is none, or what
-- stands there is not one. Its members are strings.
local function hold_parts(text)
	local reason, urgent, pos, due, tries, first, condition, counted, more = text:match(
		'^ ?h([bdxpqkosgc])(u?):(%d+%-%d+):(%d+):(%d+):(%d+):([a-z-]*):(%d+%-%d+)(.*)$')
	if not reason or more ~= '' and not more:find('^:;%a%d[;%a%d-]*$') then
		return
	end
	return {reason = reason, urgent = urgent, pos = pos, due = due, tries = tries, first = first,
		condition = condition, counted = counted, more = more}
end
-- The events of its digest that are behind its position; nil where there is none on its way.
local function hold_members(hold)
	local epoch, last = hold.more:match(';e(%d+)%-(%d+)')
	local high, low = hold.more:match(';m(%d+)%-(%d+)')
	if not epoch or not high then
		return
	end
	local list = {}
	for i = 0, 63 do
		local bit = math.floor((i < 32 and low or high) / 2 ^ (i % 32)) % 2
		local pos = epoch .. '-' .. string.format('%.0f', math.max(last - i, 0))
		if bit == 1 and after(pos, hold.pos) then
			list[#list + 1] = pos
		end
	end
	return list
end
-- MORE without the digest that is on its way.
local function hold_no_digest(more)
	local rest = more:gsub(';[em]%d+%-%d+', '')
	return rest == ':' and '' or rest
end
-- Has it left the common pace?
local function is_held(hold)
	return hold ~= nil and hold.reason ~= 'k'
end
local function ms_text(ms)
	return string.format('%.0f', ms)
end
local function now_ms()
	local t = redis.call('TIME')
	return tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
end
-- Do OPTIONS, as row_parts() gives them, say that it is to wait for this REASON?
local function is_chosen(reason, options)
	local word = ({p = ' z ', q = ' q', o = ' o ', s = ' s', g = ' d', c = ' v'})[reason] or ''
	return (options .. ' '):find(word, 1, true) ~= nil
end
-- A number among what most holds have not; 0 where there is none.
local function more_get(hold, letter)
	return tonumber(hold.more:match(';' .. letter .. '(%d+)') or 0)
end
local function more_set(hold, letter, n)
	local rest = hold.more:gsub(';' .. letter .. '[%d-]*', '')
	hold.more = n == 0 and rest or (rest == '' and ':' or rest) .. ';' .. letter
		.. string.format('%.0f', n)
	if hold.more == ':' then
		hold.more = ''
	end
end
-- How long its OPTIONS let it wait at most, if for a digest: a day may have 25 hours.
local function digest_most(reason, options)
	local minutes = (options .. ' '):match(' d(%d+) ')
	return reason ~= 'g' and math.huge or (minutes or 1500) * 60000
end
-- From what done() is given: its due time is a delay, its first failure may be now. A choice
-- that was taken back since it was read, when there was no hold yet, is over now; a digest that
-- is wanted more often since then is due by that.
local function hold_want(text, old, now, options)
	local hold = hold_parts(text)
	if not hold then
		return
	end
	hold.due = not is_chosen(hold.reason, options) and ms_text(now)
		or hold.due == '18446744073709551615' and '0'
		or ms_text(now + math.min(tonumber(hold.due), digest_most(hold.reason, options)))
	if hold.first ~= '0' then
		hold.first = old and old.first ~= '0' and old.first or ms_text(now)
	end
	return hold
end
-- The dead letters of a feed, and the feeds that have some.
local function dead_note(at, jid, was, is, now)
	if is then
		redis.call('ZADD', at.letters, 'NX', ms_text(now), jid)
		redis.call('SADD', at.feeds, at.feed)
	elseif was then
		redis.call('ZREM', at.letters, jid)
		if redis.call('EXISTS', at.letters) == 0 then
			redis.call('SREM', at.feeds, at.feed)
		end
	end
end
-- Writes a row with another hold, and what it is found by. AT: the key of its bucket, its
-- member of the due set, and the keys of that and of the dead letters.
local function hold_write(at, jid, row, old, hold, now)
	local words = ''
	if hold then
		words = string.format(' h%s%s:%s:%s:%s:%s:%s:%s%s', hold.reason, hold.urgent, hold.pos,
			hold.due, hold.tries, hold.first, hold.condition, hold.counted,
			hold.more)
		if hold.due ~= '0' then
			redis.call('ZADD', at.due, 'LT', hold.due, at.member)
		end
	end
	dead_note(at, jid, old and old.reason == 'd', hold and hold.reason == 'd', now)
	row = row .. words .. at.options
	redis.call('HSET', at.bucket, jid, row)
	return row
end

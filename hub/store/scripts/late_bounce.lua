#!lua flags=allow-oom
-- A bounce that came after its window was done.
-- KEYS feed, bucket, due, dead letters, feeds that have some, counters, log, fence
-- ARGV jid, salt, hash, number of the bucket, feed, channel, name, owner, pos, end, was, hold,
--      what came back with it...
-- include bucket_of
-- include after
-- include row_parts
-- include is_contact
-- include hold
-- include counts
-- include window
if redis.call('HGET', KEYS[8], ARGV[7]) ~= ARGV[8] then
	return {'LOST'}
end
-- include row_bucket
local jid, pos, ends = ARGV[1], ARGV[9], ARGV[10] == '1'
local cursor, row = unpack(redis.call('HMGET', KEYS[2], '', jid), 1, 2)
local format, since, word, options = row_parts(row or '')
local event = redis.call('XRANGE', KEYS[7], pos, pos)[1]
local trimmed = redis.call('HGET', KEYS[1], 'trimmed')
if not format or not after(pos, since)
	or not (event or (trimmed and not after(pos, trimmed))) then
	return {'NOENT'}
end
local old = hold_parts(word)
local urgent = is_held(old) and old.urgent == 'u'
local reached = is_held(old) and hold_reached(old) or cursor
local passed = after(pos, reached) -- an urgent one, which did not wait
if after(pos, cursor) or (passed and not (urgent and event and is_urgent(event))) then
	return {'OK'} -- not done yet: it will be sent again
end
if word:sub(2) ~= ARGV[11] then
	return {'STALE'}
end
local window, since_proven = is_held(old) and awaited(old) > 0, proven(format, options)
local waits = window and awaited_bit(old, pos)
local inside = window and not passed and after(pos, old.pos)
local confirmed = not passed and not waits and since_proven and after(pos, since_proven)
	and (inside or not (event and is_urgent(event)))
if confirmed and not ends then
	return {'OK'}
end
local now = now_ms()
local place = {bucket = KEYS[2], member = ARGV[5] .. '|' .. ARGV[4], due = KEYS[3],
	letters = KEYS[4], feeds = KEYS[5], feed = ARGV[5], options = options}
-- What is gone from the log has no counters: a gap is told in its place.
local counted = is_held(old) and after(old.counted, old.pos) and old.counted or reached
local function count_events(less, more)
	for i = 12, #ARGV do
		local at = i == 12 and pos or ARGV[i]
		local there = not (trimmed and not after(at, trimmed))
		if i == 12 and event or i > 12 and there and not after(at, counted) then
			count(at, less, -1)
			count(at, more, 1)
		end
	end
end
if ends then
	local first = waits and hold_tries(old) and pos == pos_plus(old.pos, 1)
	count_events(confirmed and 'r' or first and 'h' or taken(format), 'l')
	redis.call('HDEL', KEYS[2], jid)
	redis.call('HINCRBY', KEYS[1], 'subs', -1)
	if is_contact(options) then
		redis.call('HINCRBY', KEYS[1], 'contacts', -1)
	end
	dead_note(place, jid, old and old.reason == 'd', false, now)
else
	local hold = hold_want(ARGV[12], old, now, options)
	local digest = hold_members(hold)
	hold.pos, hold.counted, hold.urgent = reached, counted, ''
	more_set(hold, 'w', 0)
	more_set(hold, 'a', 0)
	more_set(hold, 'b', 0)
	if not digest then
		more_set(hold, 'e', 0)
	end
	if urgent then
		count_urgent(KEYS[7], format, since, reached, cursor)
	end
	if window and (inside or passed) then
		-- All that is awaited is sent again, the first of it alone.
		hold.pos, hold.more = old.pos, hold_no_digest(hold.more)
		more_set(hold, 'w', awaited(old))
		for i = 12, inside and #ARGV or 0 do
			local at = i == 12 and pos or ARGV[i]
			if awaited(hold) > 0 and not awaited_bit(hold, at) then
				awaited_set(hold, at)
			end
		end
		local gone = redis.call('HGET', KEYS[1], 'trimmed')
		if not hold_tries(old) and (not gone or after(pos_plus(old.pos, 1), gone)) then
			count(pos_plus(old.pos, 1), taken(format), -1)
			count(pos_plus(old.pos, 1), 'h', 1)
		end
	elseif not passed then
		if is_held(old) then
			count_first(KEYS[6], format, old)
		end
		hold.pos = pos_plus(pos, -1)
		count_events(taken(format), 'h')
		-- A digest is first, then all that is counted.
		if window and not digest then
			-- It, and what was awaited; all of it, where there is no room for that.
			local epoch, n = pos_parts(pos)
			local from, base = pos_parts(old.pos)
			local shift = base - n + 1
			if epoch == from and shift < 32 and awaited(old) * 2 ^ shift < 2 ^ 32 then
				more_set(hold, 'w', 1 + awaited(old) * 2 ^ shift)
			end
		elseif since_proven and not digest
			and not (is_held(old) and after(old.counted, old.pos)) then
			more_set(hold, 'w', 1) -- the others are not in doubt
		end
	else
		hold.more = hold_no_digest(hold.more)
	end
	count_events('-', 'b')
	hold_write(place, jid, format .. ' ' .. since, old, hold, now)
end
counts_write(KEYS[6])
return {'OK'}

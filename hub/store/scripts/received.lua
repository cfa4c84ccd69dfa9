#!lua flags=allow-oom
-- What a row's person has confirmed; or that what is not by then is to be sent again.
-- KEYS feed, bucket, due, dead letters, feeds that have some, counters, fence
-- ARGV jid, salt, hash, number of the bucket, feed, channel, name, owner, in how many ms what is
--      not confirmed is sent again ('0': that is not asked), how long the rest may wait, is
--      who has not chosen asked for receipts ('1': yes), window, position...
-- include bucket_of
-- include after
-- include row_parts
-- include hold
-- include counts
-- include window
if redis.call('HGET', KEYS[7], ARGV[7]) ~= ARGV[8] then
	return {'LOST'}
end
-- include row_bucket
local cursor, row = unpack(redis.call('HMGET', KEYS[2], '', ARGV[1]), 1, 2)
local format, since, word, options = row_parts(row or '')
if not format or not asks(format, options, ARGV[11] == '1') then
	return {'NOENT'}
end
local hold, now = hold_parts(word), now_ms()
local old = hold_parts(word)
if not proven(format, options) then
	-- The first one: what comes is kept until it is confirmed.
	for i = 13, #ARGV do
		if after(ARGV[i], since) and not after(ARGV[i], cursor) then
			redis.call('HSET', KEYS[2], ARGV[1], row .. ' v' .. cursor)
			return {'OK', 0}
		end
	end
	return {'OK', 0}
end
if not is_held(hold) or awaited(hold) == 0 or hold_tries(hold) then
	return {'OK', 0}
end
local again, changed, trimmed = tonumber(ARGV[9]), false, redis.call('HGET', KEYS[1], 'trimmed')
for i = 13, #ARGV do
	local bit = not after(ARGV[i], hold.counted) and awaited_bit(hold, ARGV[i])
	if bit then
		awaited_clear(hold, bit)
		-- What was repeated for another's sake may have been counted before.
		if (not trimmed or after(ARGV[i], trimmed))
			and tonumber(redis.call('HGET', KEYS[6], ARGV[i] .. ':t') or 0) > 0 then
			count(ARGV[i], 't', -1)
			count(ARGV[i], 'r', 1)
		end
		changed = true
	end
end
local due = tonumber(hold.due)
if changed then
	hold.tries, hold.first = '0', '0'
	more_set(hold, 'n', 0)
	more_set(hold, 'b', 0)
end
if changed and hold.reason == 'c' then
	local more = after(cursor, hold.counted)
	local _, base = pos_parts(hold.pos)
	local _, sent = pos_parts(hold.counted)
	if awaited(hold) == 0 then
		more_set(hold, 'a', 0)
		more_set(hold, 'e', 0)
		due = more and now or 0
		hold = more and hold or nil
	elseif more and sent - base <= tonumber(ARGV[12]) / 2 then
		due = now
	elseif more and more_get(hold, 'a') == 0 then
		more_set(hold, 'b', now + tonumber(ARGV[10]))
	end
end
-- Also what has been sent again already, where that is not all.
local partly = hold and hold.reason == 'c' and hold.more:find(';e', 1, true)
if hold and again > 0 and awaited(hold) > 0 and (more_get(hold, 'a') == 0 or partly) then
	more_set(hold, 'a', now + again)
	more_set(hold, 'e', 0)
	changed = true
	if hold.reason == 'c' and (due == 0 or now + again < due) then
		due = now + again
	end
end
if changed then
	if hold then
		hold.due = ms_text(due)
	end
	hold_write({bucket = KEYS[2], member = ARGV[5] .. '|' .. ARGV[4], due = KEYS[3],
		letters = KEYS[4], feeds = KEYS[5], feed = ARGV[5], options = options}, ARGV[1],
		format .. ' ' .. since, old, hold, now)
	counts_write(KEYS[6])
end
return {'OK', hold and due > 0 and due <= now + again and 1 or 0}

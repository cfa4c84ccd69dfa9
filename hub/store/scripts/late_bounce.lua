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
local reached = is_held(old) and old.pos or cursor
local passed = after(pos, reached) -- an urgent one, which did not wait
if after(pos, cursor) or (passed and not (urgent and event and is_urgent(event))) then
	return {'OK'} -- not done yet: it will be sent again
end
if word:sub(2) ~= ARGV[11] then
	return {'STALE'}
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
	count_events(taken(format), 'l')
	redis.call('HDEL', KEYS[2], jid)
	redis.call('HINCRBY', KEYS[1], 'subs', -1)
	if is_contact(options) then
		redis.call('HINCRBY', KEYS[1], 'contacts', -1)
	end
	dead_note(place, jid, old and old.reason == 'd', false, now)
else
	local hold = hold_want(ARGV[12], old, now, options)
	hold.pos, hold.counted, hold.urgent = reached, counted, ''
	if urgent then
		count_urgent(KEYS[7], format, since, reached, cursor)
	end
	if not passed then
		if is_held(old) then
			count_first(KEYS[6], format, old)
		end
		local epoch, n = pos:match('^(%d+)%-(%d+)$')
		hold.pos = epoch .. '-' .. string.format('%.0f', tonumber(n) - 1)
		count_events(taken(format), 'h')
	else
		hold.more = hold_no_digest(hold.more)
	end
	count_events('-', 'b')
	hold_write(place, jid, format .. ' ' .. since, old, hold, now)
end
counts_write(KEYS[6])
return {'OK'}

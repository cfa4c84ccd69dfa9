#!lua flags=allow-oom
-- Moves cursors, raises counters, ends, holds and releases rows: all of it or nothing.
-- KEYS fence, feed, counters, bucket...[, due, dead letters, feeds that have some, log]
-- ARGV name, owner, buckets of the feed as read, as many as it may have now, to, count of
--      buckets, of counters, of rows, feed, is it about what is due, (number, from) a bucket,
--      (field, add) a counter, (jid, pos, end ('2': no, but it is asked to
--      prove anew that it confirms), was, hold, count of moves, FROM TO POS a move) a row
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then
	return {'LOST'}
end
local f = redis.call('HMGET', KEYS[2], 'state', 'salt', 'buckets', 'trimmed')
if f[1] or not f[2] then
	return {'NOFEED'}
end
local buckets = tonumber(f[3])
if buckets > tonumber(ARGV[4]) then
	return {'RETRY', buckets}
end
-- Where it has been split since it was read, some of those named may not be there yet.
local call, last, at, read = redis.call, 3 + tonumber(ARGV[6]), 11, ARGV[3] == ARGV[4]
local there = math.max(buckets, tonumber(ARGV[3]))
for i = 4, last do
	if (read or tonumber(ARGV[at]) < there) and call('HGET', KEYS[i], '') ~= ARGV[at + 1] then
		if ARGV[10] == '1' and tonumber(ARGV[at]) >= buckets then
			call('ZREM', KEYS[last + 1], ARGV[9] .. '|' .. ARGV[at])
		end
		return {'STALE'}
	end
	at = at + 2
end
for i = 4, last do
	if read or tonumber(ARGV[2 * i + 3]) < there then
		call('HSET', KEYS[i], '', ARGV[5])
	end
end
for _ = 1, tonumber(ARGV[7]) do
	call('HINCRBY', KEYS[3], ARGV[at], ARGV[at + 1])
	at = at + 2
end
local rows, about_due = tonumber(ARGV[8]), ARGV[10] == '1'
if rows == 0 and not about_due then
	return {'OK'}
end

-- Few calls come here: the others need not make these functions.
-- include row_hash
-- include bucket_of
-- include after
-- include row_parts
-- include is_contact
-- include hold
-- include counts
local salt, ended, contacts, now, places = tonumber(f[2]), 0, 0, now_ms(), {}
for i = 4, last do
	local number = tonumber(ARGV[2 * i + 3])
	if number < there then
		places[number] = i
	end
end
local place = {due = KEYS[last + 1], letters = KEYS[last + 2], feeds = KEYS[last + 3], feed = ARGV[9]}
for _ = 1, rows do
	local jid, pos, ends, was = ARGV[at], ARGV[at + 1], ARGV[at + 2] == '1', ARGV[at + 3]
	local forget = ARGV[at + 2] == '2'
	local hold, moves = ARGV[at + 4], tonumber(ARGV[at + 5])
	at = at + 6 + moves
	local number = bucket_of(row_hash(salt, jid), buckets)
	local key = KEYS[places[number]]
	local format, since, word, options = row_parts(key and redis.call('HGET', key, jid) or '')
	local old = hold_parts(word or '')
	hold = hold_want(hold, old, now, options or '')
	-- An urgent event came back that was sent although the row is held: also if somebody has
	-- changed the hold meanwhile, as it would say that the event was taken.
	local changed = format and word:sub(2) ~= was
	local urgent = changed and was ~= '' and not about_due and is_held(old) and old.urgent == 'u'
	if urgent and hold then
		hold.pos, hold.counted = old.pos, old.counted
		more_set(hold, 'w', more_get(old, 'w'))
	end
	-- One that was made anew is not held, and not made before what this is about.
	if format and (urgent or not changed) and (after(pos, since) or (not urgent
		and not ends and (was ~= '' or (hold and not after(since, hold.pos))))) then
		for i = at - moves, at - 1 do
			local less, more, event = ARGV[i]:match('^(.)(.)(.+)$')
			if not f[4] or after(event, f[4]) then
				count(event, less, -1)
				count(event, more, 1)
			end
		end
		if ends then
			redis.call('HDEL', key, jid)
			dead_note(place, jid, old and old.reason == 'd', false, now)
			ended = ended + 1
			contacts = contacts + (is_contact(options) and 1 or 0)
		else
			if is_held(old) and old.urgent == 'u' and is_held(hold) and hold.urgent == '' then
				local from = after(old.counted, old.pos) and old.counted or old.pos
				count_urgent(KEYS[last + 4], format, since, from, ARGV[2 * places[number] + 4])
			end
			if forget then
				options = options:gsub(' v%d+%-%d+', '')
			end
			place.bucket, place.options = key, options
			place.member = place.feed .. '|' .. string.format('%.0f', number)
			hold_write(place, jid, format .. ' ' .. since, old, hold, now)
		end
	end
end
counts_write(KEYS[3])
if ended > 0 then
	redis.call('HINCRBY', KEYS[2], 'subs', -ended)
end
if contacts > 0 then
	redis.call('HINCRBY', KEYS[2], 'contacts', -contacts)
end
if about_due then
	for number, i in pairs(places) do
		local first
		for _, row in ipairs(redis.call('HVALS', KEYS[i])) do
			local hold = row:find(' h', 1, true) and hold_parts(select(3, row_parts(row)) or '')
			local due = hold and tonumber(hold.due) or 0
			if due > 0 and (not first or due < first) then
				first = due
			end
		end
		local member = place.feed .. '|' .. string.format('%.0f', number)
		if first then
			redis.call('ZADD', place.due, ms_text(first), member)
		else
			redis.call('ZREM', place.due, member)
		end
	end
end
return {'OK'}

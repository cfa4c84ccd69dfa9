#!lua flags=allow-oom
-- Appends what is due of a feed to its log, and forgets it in its schedule: each is in one of them
-- at any time. With allow-oom: it was let in when it was scheduled, and takes no more room now.
-- KEYS feed, log, items, ids, behind, epoch, scheduled, times, at, replaced
-- ARGV run, feed, channel, at most, no more behind so many bytes
-- include schedule
-- include pos_key
-- include replace
local f = redis.call('HMGET', KEYS[1], 'state', 'epoch', 'n', 'run', 'subs', 'buckets')
if f[1] or not f[2] then
	redis.call('ZREM', KEYS[9], ARGV[2])
	return {'NOFEED'}
end
local t = redis.call('TIME')
local now = string.format('%.0f', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))
local epoch, n = tonumber(f[2]), tonumber(f[3])
local changed = f[4] ~= ARGV[1]
if changed then
	-- Another Redis process, as in commit.
	epoch = math.max(epoch + 1, tonumber(t[1]), tonumber(redis.call('GET', KEYS[6]) or 0) + 1)
	n = 0
end
local room, released, broken, pos = tonumber(ARGV[5]), 0, 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[8], '-inf', now, 'BYSCORE', 'LIMIT', 0, ARGV[4])) do
	if room <= 0 then
		break
	end
	local id, item = member:match('^(%S+) ?(.*)$')
	local kept = id and redis.call('HGET', KEYS[7], id)
	local prio, doc = (kept or ''):match('^%d+ (%S+) %d+[^\n]*\n(.*)$')
	-- No other word may come into the log: nobody could read on from it.
	if prio and (prio:match('^[0-3]$') or prio:match('^[0-3]x%d+$')) then
		n = n + 1
		pos = string.format('%.0f-%.0f', epoch, n)
		-- Its own id may have been given to another one meanwhile: then it is the newer.
		local used = item ~= '' and item or redis.call('HEXISTS', KEYS[3], id) == 1 and id or nil
		local head = {f[5], id, prio, now, used}
		redis.call('XADD', KEYS[2], pos, table.concat(head, ' '), doc)
		redis.call('HSET', KEYS[4], id, pos)
		if used then
			items_used(KEYS[2], KEYS[3], KEYS[4], KEYS[10], {used, pos})
		end
		released, room = released + 1, room - #kept
	else
		broken = broken + 1
	end
	redis.call('ZREM', KEYS[8], member)
	if id then
		redis.call('HDEL', KEYS[7], id)
		schedule_count(KEYS[7], item, -1)
	end
end
schedule_note(KEYS[8], KEYS[9], ARGV[2])
if released > 0 then
	redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch), 'n', string.format('%.0f', n),
		'run', ARGV[1])
	if f[6] == '0' then
		redis.call('HSET', KEYS[1], 'settled', pos)
	end
	redis.call('SADD', KEYS[5], ARGV[2])
	redis.call('PUBLISH', ARGV[3], ARGV[2])
end
return {'OK', released, broken}

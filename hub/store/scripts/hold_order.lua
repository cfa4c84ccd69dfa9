#!lua flags=allow-oom
-- What people say to a hold.
-- KEYS feed, bucket, due, dead letters, feeds that have some, counters
-- ARGV jid, salt, hash, number of the bucket, feed, channel, the order: 1 to be dropped, 2 to be
--      woken if it waits for a presence, 0 to be redriven
-- include bucket_of
-- include after
-- include row_parts
-- include hold
-- include counts
-- include redrive
-- include row_bucket
local format, since, word, options = row_parts(redis.call('HGET', KEYS[2], ARGV[1]) or '')
local hold, drop, wake = hold_parts(word or ''), ARGV[7] == '1', ARGV[7] == '2'
if not is_held(hold) or (drop and hold.reason ~= 'd')
	or (wake and hold.reason ~= 'o' and hold.reason ~= 's') then
	return {'NOENT'}
end
local now, before = now_ms(), {reason = hold.reason}
if drop then
	hold.reason, hold.due = 'x', ms_text(now)
elseif wake then
	hold.due = ms_text(now)
else
	redrive(hold, KEYS[6], format, true, now)
	counts_write(KEYS[6])
end
local row = hold_write({bucket = KEYS[2], member = ARGV[5] .. '|' .. ARGV[4], due = KEYS[3],
	letters = KEYS[4], feeds = KEYS[5], feed = ARGV[5], options = options}, ARGV[1],
	format .. ' ' .. since, before, hold, now)
redis.call('PUBLISH', ARGV[6], '%' .. ARGV[5])
return {'OK', row}

-- Takes the row away, and returns its text; false: there is none.
-- KEYS feed, bucket, dead letters, feeds that have some
-- ARGV jid, salt, hash, number of the bucket, feed
local function leave()
	local row = redis.call('HGET', KEYS[2], ARGV[1])
	if not row then
		return false
	end
	local _, _, word, options = row_parts(row)
	local hold = hold_parts(word or '')
	redis.call('HDEL', KEYS[2], ARGV[1])
	redis.call('HINCRBY', KEYS[1], 'subs', -1)
	if is_contact(options or '') then
		redis.call('HINCRBY', KEYS[1], 'contacts', -1)
	end
	dead_note({letters = KEYS[3], feeds = KEYS[4], feed = ARGV[5]}, ARGV[1],
		hold and hold.reason == 'd', false)
	return row
end

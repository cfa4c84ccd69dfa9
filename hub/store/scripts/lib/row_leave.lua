-- Takes the row away, and returns its text; false: there is none.
-- KEYS feed, bucket
-- ARGV jid
local function leave()
	local row = redis.call('HGET', KEYS[2], ARGV[1])
	if row then
		redis.call('HDEL', KEYS[2], ARGV[1])
		redis.call('HINCRBY', KEYS[1], 'subs', -1)
		if is_contact(select(4, row_parts(row)) or '') then
			redis.call('HINCRBY', KEYS[1], 'contacts', -1)
		end
	end
	return row
end

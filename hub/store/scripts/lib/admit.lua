-- Makes a row, or changes one, and ends what was pending of its person.
-- KEYS feed, bucket, pending, notices
-- ARGV as of the row; then feed, channel, person, the state it must have ('': none) and the
--      resource, notice ('': none), most notices of a partition
local function admit()
	local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
	if f[1] or not f[2] then
		return {'NOFEED'}
	end
	local state, resource = pending_parts(redis.call('HGET', KEYS[3], ARGV[13]) or '')
	if state ~= ARGV[14] or resource ~= ARGV[15] then
		return {'OK'} -- and no row: it is not as it was seen
	end
	if ARGV[16] ~= '' and not notice_fits(KEYS[4], ARGV[17]) then
		return {'FULL'}
	end
	local answer = join()
	if answer[2] then
		redis.call('HDEL', KEYS[3], ARGV[13])
		if ARGV[16] ~= '' then
			notice_add(KEYS[4], ARGV[16], ARGV[11], ARGV[1], ARGV[12])
		end
	end
	return answer
end

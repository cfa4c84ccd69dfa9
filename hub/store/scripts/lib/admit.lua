-- Makes a row, or changes one, and ends what was pending of its person.
-- KEYS as of the row; then pending, notices
-- ARGV as of the row; then person, the state it must have ('': none) and the resource, notice
--      ('': none), most notices of a partition
local function admit()
	local f = redis.call('HMGET', KEYS[1], 'state', 'epoch')
	if f[1] or not f[2] then
		return {'NOFEED'}
	end
	local state, resource = pending_parts(redis.call('HGET', KEYS[7], ARGV[13]) or '')
	if state ~= ARGV[14] or resource ~= ARGV[15] then
		return {'STALE'}
	end
	if ARGV[16] ~= '' and not notice_fits(KEYS[8], ARGV[17]) then
		return {'FULL'}
	end
	local answer = join()
	if answer[1] == 'OK' then
		redis.call('HDEL', KEYS[7], ARGV[13])
		if ARGV[16] ~= '' then
			notice_add(KEYS[8], ARGV[16], ARGV[5], ARGV[1], ARGV[6])
		end
	end
	return answer
end

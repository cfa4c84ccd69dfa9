-- Makes a row, or changes one, and returns the script's answer.
-- KEYS feed, bucket
-- ARGV jid, salt, hash, number of the bucket, format, is the format set, must there be a
--      row, first letters of the options that are replaced, the options, what `casts` must be
--      (0: whatever)
local function join()
	local f = redis.call('HMGET', KEYS[1], 'state', 'salt', 'buckets', 'epoch', 'n', 'subs',
		'casts')
	if f[1] or not f[2] then
		return {'NOFEED'}
	end
	local buckets = tonumber(f[3])
	-- The bucket was found with an older count of buckets, or another salt: try again.
	if f[2] ~= ARGV[2]
		or bucket_of(tonumber(ARGV[3]), math.max(buckets, 1)) ~= tonumber(ARGV[4]) then
		return {'RETRY'}
	end
	if ARGV[10] ~= '0' and tonumber(ARGV[10]) ~= tonumber(f[7] or 0) + 1 then
		return {'OK'} -- and no row: it may have been cast out since
	end
	local old = redis.call('HGET', KEYS[2], ARGV[1])
	if not old and ARGV[7] == '1' then
		return {'NOENT'}
	end
	local head = f[4] .. '-' .. f[5]
	if buckets == 0 then
		buckets = 1
		redis.call('HSET', KEYS[2], '', head)
		redis.call('HSET', KEYS[1], 'buckets', '1')
	end
	local format, since, bounced, options = row_parts(old or '')
	if not format then
		since, bounced, options = head, '', ''
	end
	if not format or ARGV[6] == '1' then
		format = ARGV[5]
	end
	local had = is_contact(options)
	local row = {format .. ' ' .. since .. bounced}
	for word in options:gmatch('%S+') do
		if not ARGV[8]:find(word:sub(1, 1), 1, true) then
			row[#row + 1] = word
		end
	end
	if ARGV[9] ~= '' then
		row[#row + 1] = ARGV[9]
	end
	row = table.concat(row, ' ')
	redis.call('HSET', KEYS[2], ARGV[1], row)
	local has = is_contact(select(4, row_parts(row)))
	if has ~= had then
		redis.call('HINCRBY', KEYS[1], 'contacts', has and 1 or -1)
	end
	local subs = tonumber(f[6])
	if not old then
		subs = redis.call('HINCRBY', KEYS[1], 'subs', 1)
	end
	return {'OK', old and 0 or 1, row, subs, buckets}
end

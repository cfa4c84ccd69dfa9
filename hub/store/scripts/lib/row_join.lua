-- Makes a row, or changes one, and returns the script's answer. Where it was held, it is due.
-- KEYS feed, bucket, due, dead letters, feeds that have some, counters
-- ARGV jid, salt, hash, number of the bucket, feed, channel, format, is the format set, must
--      there be a row, first letters of the options that are replaced, the options, what
--      `casts` must be (0: whatever)
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
	if ARGV[12] ~= '0' and tonumber(ARGV[12]) ~= tonumber(f[7] or 0) + 1 then
		return {'STALE'} -- it may have been cast out since
	end
	local old = redis.call('HGET', KEYS[2], ARGV[1])
	if not old and ARGV[9] == '1' then
		return {'NOENT'}
	end
	local head = f[4] .. '-' .. f[5]
	if buckets == 0 then
		buckets = 1
		redis.call('HSET', KEYS[2], '', head)
		redis.call('HSET', KEYS[1], 'buckets', '1')
	end
	local format, since, word, options = row_parts(old or '')
	if not format then
		since, word, options = head, '', ''
	end
	local was = format
	if not format or ARGV[8] == '1' then
		format = ARGV[7]
	end
	local kept = {''}
	for option in options:gmatch('%S+') do
		if not ARGV[10]:find(option:sub(1, 1), 1, true) then
			kept[#kept + 1] = option
		end
	end
	if ARGV[11] ~= '' then
		kept[#kept + 1] = ARGV[11]
	end
	kept = table.concat(kept, ' ')
	local row, held = format .. ' ' .. since, hold_parts(word)
	if is_held(held) then
		local now, before = now_ms(), {reason = held.reason}
		redrive(held, KEYS[6], was, false, now)
		counts_write(KEYS[6])
		row = hold_write({bucket = KEYS[2], member = ARGV[5] .. '|' .. ARGV[4], due = KEYS[3],
			letters = KEYS[4], feeds = KEYS[5], feed = ARGV[5], options = kept}, ARGV[1], row,
			before, held, now)
		redis.call('PUBLISH', ARGV[6], '%' .. ARGV[5])
	else
		row = row .. word .. kept
		redis.call('HSET', KEYS[2], ARGV[1], row)
	end
	if kept:find(' [osr]') then
		redis.call('HSET', KEYS[1], 'watched', '1')
	end
	local has = is_contact(kept)
	if has ~= is_contact(options) then
		redis.call('HINCRBY', KEYS[1], 'contacts', has and 1 or -1)
	end
	local subs = tonumber(f[6])
	if not old then
		subs = redis.call('HINCRBY', KEYS[1], 'subs', 1)
	end
	return {'OK', old and 0 or 1, row, subs, buckets}
end

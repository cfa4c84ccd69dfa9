#!lua flags=allow-oom
-- Removes a row, and notes how it followed. With allow-oom: it takes about as much as it gives.
-- KEYS feed, bucket, dead letters, feeds that have some, notices
-- ARGV jid, salt, hash, number of the bucket, feed, channel, kind, most notices of a partition
-- include bucket_of
-- include row_parts
-- include is_contact
-- include hold
-- include row_bucket
-- include row_leave
-- include notice
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then
	return {'NOENT'}
end
if not notice_fits(KEYS[5], ARGV[8]) then
	return {'FULL'}
end
local row = leave()
local format, _, _, options = row_parts(row)
notice_add(KEYS[5], ARGV[7], ARGV[5], ARGV[1], ARGV[6],
	format and format .. (is_contact(options) and '+' or ''))
return {'OK', row}

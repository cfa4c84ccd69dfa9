#!lua flags=no-writes
-- Reads a row.
-- KEYS feed, bucket
-- ARGV jid, salt, hash, number of the bucket
-- include bucket_of
-- include row_bucket
local row = redis.call('HGET', KEYS[2], ARGV[1])
return row and {'OK', row} or {'NOENT'}

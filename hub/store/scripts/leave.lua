#!lua flags=allow-oom
-- Removes a row.
-- KEYS feed, bucket, dead letters, feeds that have some
-- ARGV jid, salt, hash, number of the bucket, feed
-- include bucket_of
-- include row_parts
-- include is_contact
-- include hold
-- include row_bucket
-- include row_leave
local row = leave()
return row and {'OK', row} or {'NOENT'}

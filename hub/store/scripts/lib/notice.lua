-- Is there room for a notice of the partition?
local function notice_fits(key, most)
	return redis.call('XLEN', key) < tonumber(most)
end
-- Writes one, and wakes whoever is to say it.
local function notice_add(key, kind, feed, jid, channel)
	redis.call('XADD', key, '*', 'kind', kind, 'feed', feed, 'jid', jid)
	redis.call('PUBLISH', channel, '!' .. feed)
end

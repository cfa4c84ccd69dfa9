-- Is there room for a notice of the partition?
local function notice_fits(key, most)
	return redis.call('XLEN', key) < tonumber(most)
end
-- Writes one, and wakes whoever is to say it. HOW: of how jid followed; nil or '': not said.
local function notice_add(key, kind, feed, jid, channel, how)
	if how and how ~= '' then
		redis.call('XADD', key, '*', 'kind', kind, 'feed', feed, 'jid', jid, 'how', how)
	else
		redis.call('XADD', key, '*', 'kind', kind, 'feed', feed, 'jid', jid)
	end
	redis.call('PUBLISH', channel, '!' .. feed)
end

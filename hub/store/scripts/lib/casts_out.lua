-- As feed_casts_out() in hub/core/feed_affiliation.c, of the texts of two configurations.
local function casts_out(old, new)
	if old == new or not new:find('"outcasts"', 1, true) then
		return false
	end
	local function read(config)
		local fine, c = pcall(cjson.decode, config)
		return fine and type(c) == 'table' and c or {}
	end
	-- Is anybody in list who is not in other?
	local function adds(list, other)
		local there = {}
		for _, jid in ipairs(other or {}) do
			there[jid] = true
		end
		for _, jid in ipairs(list or {}) do
			if not there[jid] then
				return true
			end
		end
		return false
	end
	local before, after = read(old), read(new)
	return #(after.outcasts or {}) > 0 and (adds(after.outcasts, before.outcasts)
		or adds(before.whitelist, after.whitelist) or adds(before.owners, after.owners))
end

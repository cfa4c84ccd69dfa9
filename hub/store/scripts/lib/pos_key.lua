-- A position as it stands in `replaced`: in an order that bytes have, too.
local function pos_key(pos)
	local epoch, n = pos:match('^(%d+)%-(%d+)')
	return string.format('%016.0f-%016.0f', tonumber(epoch), tonumber(n))
end

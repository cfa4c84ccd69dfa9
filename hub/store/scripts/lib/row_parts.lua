-- FORMAT SINCE[ HOLD][ OPTIONS], as sub_parse() in hub/core/subscription.c. HOLD and OPTIONS
-- are '' where there is none; else they begin with their blank.
local function row_parts(row)
	local format, since, rest = row:match('^(%a) (%d+%-%d+)(.*)$')
	if not format then
		return
	end
	rest = rest:match('^ %d+%-%d+(.*)$') or rest -- as earlier versions wrote
	local hold, options = rest:match('^( h%S+)(.*)$')
	return format, since, hold or '', options or rest
end

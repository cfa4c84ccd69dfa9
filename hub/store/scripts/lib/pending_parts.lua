-- STATE AT FORMAT[ OPTIONS][ /RESOURCE]: the state, and the resource with its slash; '' where
-- there is none.
local function pending_parts(value)
	local at = value:find(' /', 1, true)
	return value:sub(1, 1), at and value:sub(at + 1) or ''
end

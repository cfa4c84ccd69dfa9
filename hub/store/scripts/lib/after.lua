-- Is position a after position b?
local function after(a, b)
	local ae, an = a:match('^(%d+)%-(%d+)$')
	local be, bn = b:match('^(%d+)%-(%d+)$')
	ae, an, be, bn = tonumber(ae), tonumber(an), tonumber(be), tonumber(bn)
	return ae > be or (ae == be and an > bn)
end

-- Runs the commands of tests/peers/ardour.py: each line of standard input is a chunk of Lua, answered by one line.
io.stdout:setvbuf("line")
for line in io.lines() do
	local chunk, problem = load(line)
	local ok, result = false, problem
	if chunk then ok, result = pcall(chunk) end
	print((ok and "= " or "! ") .. tostring(result))
end

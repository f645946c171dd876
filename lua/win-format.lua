-- win-format (included by claim.lua, decide.lua and note-request.lua): what a value of the winners looks like, "slot requestId".
-- If a script finds another value, somebody wrote over it by hand. The script then sets the sale's field `broken`, and the loader
-- (SaleLoading.health) rebuilds the sale from PostgreSQL, which removes the field.
-- A pattern and no function: creating a function in each call costs a claim as much as the check costs a user who asks again.
local WIN = '^[1-9]%d* %S+$'

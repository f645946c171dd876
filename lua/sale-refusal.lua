-- sale-refusal (included by claim.lua and decide.lua): why a sale refuses all claims.
-- REFUSED.<code> stands for a code of contracts/claims/refusals.ts; a script that names another code cannot be loaded (script-includes.ts).
-- `time` in milliseconds since 1970; nil: the claim was found to be in time before. Returns a code, or nil or false for none.
local function sale_refusal(state, time, starts_at, ends_at)
  if state == 'OPEN' then
    return time and (time < starts_at and REFUSED.NOT_STARTED or time >= ends_at and REFUSED.ENDED)
  end
  return state == 'PAUSED' and REFUSED.PAUSED or state == 'CLOSED' and REFUSED.ENDED or REFUSED.NOT_LOADED
end

/**
 * What happens inside Redis, where a script runs alone: between looking at a lock and changing it nobody else gets a turn.
 *
 * All three take the locks as KEYS, and as ARGV the life in milliseconds, the journal's id, then for each key the value that is
 * ours and its fence. They answer 1 for each lock that is ours, else 0. A key that holds no string is another program's lock
 * (some use hashes): `pcall` turns Redis's refusal to read it into a table, which equals nothing.
 *
 * They are sent as text (EVAL), not by their hash: that would save some 700 bytes a flight, and cost a second round trip after
 * each restart of Redis.
 */

/**
 * `SET NX PX` for what is free. A lower fence of the same journal is a dead owner, or one that does not know it yet: replaced at
 * once. Values that cannot be read are another's. The fence is read as a double, exact up to 2^53.
 */
export const TAKE = `
local answers = {}
for i, key in ipairs(KEYS) do
  local life, journal, mine, fence = ARGV[1], ARGV[2], ARGV[2 * i + 1], tonumber(ARGV[2 * i + 2])
  local ours = redis.call('SET', key, mine, 'NX', 'PX', life)
  if not ours then
    local held = redis.pcall('GET', key)
    if held == mine then
      ours = redis.call('PEXPIRE', key, life)
    elseif type(held) == 'string' then
      local readable, owner = pcall(cjson.decode, held)
      if readable and type(owner) == 'table' and owner.journal == journal
        and type(owner.fence) == 'number' and owner.fence < fence then
        ours = redis.call('SET', key, mine, 'PX', life)
      end
    end
  end
  answers[i] = ours and 1 or 0
end
return answers`;

/** Only the owner's own value is given more time: a lock that ended and was taken by another stays that one's. */
export const RENEW = `
local answers = {}
for i, key in ipairs(KEYS) do
  local ours = redis.pcall('GET', key) == ARGV[2 * i + 1]
  if ours then redis.call('PEXPIRE', key, ARGV[1]) end
  answers[i] = ours and 1 or 0
end
return answers`;

/** Compare and delete: a plain DEL would free what another has taken since. */
export const RELEASE = `
local answers = {}
for i, key in ipairs(KEYS) do
  local ours = redis.pcall('GET', key) == ARGV[2 * i + 1]
  if ours then redis.call('DEL', key) end
  answers[i] = ours and 1 or 0
end
return answers`;

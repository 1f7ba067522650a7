/// What both scripts begin with: functions in Lua.
///
/// - `text(number)`: with all digits; Lua's own conversion keeps only fourteen.
/// - `number(value, least, most)`: what a cell says, moved into a range; 0 for what is no number.
/// - `ours(key, ...)`: the answer of a command on a key. One of another type is not ours: it is dropped, which counts as forgotten, and `replaced` becomes 1. Any other
///   error is as with `redis.call`: a server without memory, or one that may not be written, is no reason to drop anything.
enum ScriptText {
  static let functions = """
    local replaced = 0
    local function text(number) return string.format('%.0f', number) end
    local function number(value, least, most)
      local found = tonumber(value or 0) or 0
      if found ~= found then return 0 end
      return math.floor(math.max(least, math.min(found, most)))
    end
    local function ours(key, ...)
      local answer = redis.pcall(...)
      if type(answer) == 'table' and answer.err then
        if string.find(answer.err, 'WRONGTYPE', 1, true) then
          redis.call('DEL', key)
          replaced = 1
        end
        answer = redis.call(...)
      end
      return answer
    end
    """
}

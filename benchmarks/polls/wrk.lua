-- Sends the polls of a file in turn and checks every answer.
-- Needs as many threads as connections: a response does not say which request it answers.

local threads = {}

function setup(thread)
  thread:set("place", #threads)
  table.insert(threads, thread)
end

function init(arguments)
  polls, wrong, example = {}, 0, ""
  for line in io.lines(arguments[1]) do
    local path, token, etag, status, body = line:match("^(.-)\t(.-)\t(.-)\t(.-)\t(.*)$")
    local headers = { Authorization = token }
    if etag ~= "" then headers["If-None-Match"] = etag end
    local request = wrk.format("GET", path, headers)
    table.insert(polls, { request = request, status = tonumber(status), body = body })
  end
  at = math.floor(place * #polls / tonumber(arguments[2]))
end

function request()
  at = at % #polls + 1
  return polls[at].request
end

function response(status, headers, body)
  local poll = polls[at]
  if status == poll.status and body:gsub("%s", "") == poll.body then return end
  wrong = wrong + 1
  example = poll.request .. "expected " .. poll.status .. " " .. poll.body
    .. "\ngot " .. status .. " " .. body
end

function done(summary, latency)
  local errors = summary.errors
  local wrong, example = errors.connect + errors.read + errors.write + errors.timeout, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
    example = example == "" and thread:get("example") or example
  end
  io.write(string.format("\nRESULT %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), wrong))
  io.write(example)
end

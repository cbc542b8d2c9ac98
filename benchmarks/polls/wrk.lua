-- Sends the polls of a file in turn and checks every answer.
-- Needs as many threads as connections: a response does not say which request it answers.

local threads = {}

function setup(thread)
  thread:set("place", #threads)
  table.insert(threads, thread)
end

local function split(line)
  local fields = {}
  for field in (line .. "\t"):gmatch("([^\t]*)\t") do
    table.insert(fields, field)
  end
  return fields
end

function init(arguments)
  polls, current, wrong, example = {}, nil, 0, ""
  for line in io.lines(arguments[1]) do
    local path, authorization, etag, status, body = unpack(split(line))
    local headers = { Authorization = authorization }
    if etag ~= "" then headers["If-None-Match"] = etag end
    table.insert(polls, {
      request = wrk.format("GET", path, headers),
      status = tonumber(status),
      body = body,
    })
  end
  at = math.floor(place * #polls / tonumber(arguments[2]))
end

function request()
  at = at % #polls + 1
  current = polls[at]
  return current.request
end

function response(status, headers, body)
  if status == current.status and (body == current.body or body:gsub("%s", "") == current.body) then
    return
  end
  wrong = wrong + 1
  example = current.request:match("[^\r]*") .. "\nexpected " .. current.status .. " " .. current.body
    .. "\ngot " .. status .. " " .. body
end

function done(summary, latency, requests)
  local wrong, example = 0, ""
  for _, thread in ipairs(threads) do
    wrong = wrong + thread:get("wrong")
    example = example == "" and thread:get("example") or example
  end
  local errors = summary.errors
  local lost = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format("\nRESULT %d %d %d %d %d %d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), wrong, lost))
  io.write(example)
end

# The three waits as Sidekiq jobs, each of which enqueues the next.
require "sidekiq"

Sidekiq.configure_server do |config|
  config.redis = { path: ENV["BROKER_SOCKET"], db: ENV["BROKER_DATABASE"].to_i }
end

class Step
  include Sidekiq::Worker

  def perform(number)
    sleep(ENV["CRM_ANSWER_SECONDS"].to_f)
    Sidekiq.redis { |redis| redis.incr("bare:steps") }
    Step.perform_async(number + 1) if number < 3
  end
end

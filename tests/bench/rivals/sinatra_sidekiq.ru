# POST /events: the token, the document parsed, then a job of Sidekiq.
# Environment: BENCH_TOKEN, BENCH_REDIS_PORT.
require "json"
require "rack/utils"
require "sidekiq"
require "sinatra/base"

Sidekiq.configure_client do |config|
  config.redis = { url: "redis://127.0.0.1:#{ENV.fetch('BENCH_REDIS_PORT')}/0" }
end

class DeliverEvent
  include Sidekiq::Worker

  def perform(event) = raise(NotImplementedError)
end

class Ingest < Sinatra::Base
  EXPECTED = "Bearer #{ENV.fetch('BENCH_TOKEN')}".freeze

  set :logging, false
  set :show_exceptions, false

  post "/events" do
    halt 401 unless Rack::Utils.secure_compare(EXPECTED, request.env["HTTP_AUTHORIZATION"].to_s)
    event = JSON.parse(request.body.read)
    halt 422 unless event.is_a?(Hash) && event["title"].is_a?(String)
    id = DeliverEvent.perform_async(event)
    content_type :json
    status 202
    JSON.generate(id: id, feed: "bench", status: "queued")
  end
end

run Ingest

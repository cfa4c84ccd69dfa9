#!/usr/bin/env ruby
# What one writes with xmpp4r: a component that takes events from a list of Redis and
# sends each to all members of a set. No acknowledgement, no flow control, no retry.
#
#   xmpp4r_worker.rb CONFIG.json

require "json"
require "redis"
require "time"
require "xmpp4r"

CONFIG = JSON.parse(File.read(ARGV[0]))
FEED = CONFIG["feed"]

def add(parent, name, text = nil, attributes = {})
  e = REXML::Element.new(name)
  e.add_attributes(attributes)
  e.add_text(text) if text
  parent&.add_element(e)
  e
end

# The Atom entry in a pubsub notification.
def atom(event)
  at, id = Time.now.utc.iso8601(3), "01a202d8-9c8a-7000-8000-0123456789ab"
  top = add(nil, "event", nil, "xmlns" => "http://jabber.org/protocol/pubsub#event")
  item = add(add(top, "items", nil, "node" => FEED), "item", nil, "id" => id)
  entry = add(item, "entry", nil, "xmlns" => "http://www.w3.org/2005/Atom")
  add(entry, "id", "urn:uuid:#{id}")
  add(entry, "title", event["title"])
  add(entry, "updated", at)
  add(entry, "published", at)
  add(add(entry, "author"), "name", FEED)
  add(entry, "link", nil, "rel" => "alternate", "href" => event["url"])
  event["tags"].each { |t| add(entry, "category", nil, "term" => t) }
  add(entry, "content", event["body"], "type" => "text")
  add(entry, "json", JSON.generate(event), "xmlns" => "urn:xmpp:json:0")
  top
end

component = Jabber::Component.new(CONFIG["domain"])
component.connect("127.0.0.1", CONFIG["port"])
component.auth(CONFIG["secret"])
redis = Redis.new(port: CONFIG["redis_port"])
puts "ready"
$stdout.flush

number = 0
loop do
  _, document = redis.blpop(CONFIG["list"])
  event = JSON.parse(document)
  number += 1
  payload = atom(event)
  origin = add(nil, "origin-id", nil, "xmlns" => "urn:xmpp:sid:0",
                                      "id" => "#{FEED}~1-#{number}")
  redis.smembers(CONFIG["set"]).each do |member|
    message = Jabber::Message.new(member)
    message.from = CONFIG["domain"]
    message.id = "#{FEED}~1-#{number}"
    message.add_element(payload)
    message.add_element(origin)
    component.send(message)
  end
end

# A client made of xmpp4r, for xmpp4r.py:  xmpp4r_client.rb PORT CERTIFICATES JID
# Its password is the first line of stdin, a command is each other one: "add JID",
# "remove JID", "say JID TEXT". What it is told is a line of JSON each on stdout. Its end is
# the end of stdin.
require "json"
require "xmpp4r"
require "xmpp4r/roster"

# xmpp4r 0.5.6 has it say 0, against a fault of Ruby 1.8. REXML 3.3 goes by it.
REXML::IOSource.send(:remove_method, :position)

# Before TLS and after SASL xmpp4r ends the thread that reads, and starts another one. The
# old one must be gone by then, or it takes what is meant for the new one.
class Client < Jabber::Client
  def stop
    reader = @parser_thread
    super
    reader.join if reader && reader != Thread.current
  end
end

$stdout.sync = true

def tell(**what)
  $stdout.write(JSON.generate(what) + "\n")
end

def tell_presence(presence)
  tell(kind: "presence", from: presence.from.bare.to_s, type: presence.type,
       show: presence.show, status: presence.status)
end

port, certificates, jid = ARGV
client = Client.new(Jabber::JID.new("#{jid}/xmpp4r"))
client.ssl_capath = certificates
client.connect("127.0.0.1", Integer(port))
client.auth($stdin.gets.chomp)

client.add_message_callback do |message|
  tell(kind: "message", from: message.from.bare.to_s, type: message.type,
       body: message.body)
  true
end
roster = Jabber::Roster::Helper.new(client, false)
roster.add_subscription_callback { |_item, presence| tell_presence(presence) }
roster.add_presence_callback { |_item, _old, now| tell_presence(now) if now }
roster.add_update_callback do |old, item|
  tell(kind: "contact", jid: (item || old).jid.to_s,
       subscription: item ? item.subscription : :remove)
end
# Its own question for the list has no id, which servers refuse.
client.send(Jabber::Iq.new_rosterget.set_id("roster"))
roster.wait_for_roster
client.send(Jabber::Presence.new)
tell(kind: "up", tls: client.is_tls?)

while (line = $stdin.gets)
  command, to, text = line.chomp.split(" ", 3)
  to = Jabber::JID.new(to)
  case command
  when "add" then roster.add(to, nil, true)
  when "remove" then roster[to].remove
  when "say" then client.send(Jabber::Message.new(to, text).set_type(:chat))
  end
end
# Its own close waits for the server's, at times for ever.
exit!

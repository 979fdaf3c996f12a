# frozen_string_literal: true

# Two members of a cluster in one process: what one puts the other reads. Run it with the gem installed: ruby hello.rb

require "mccache"

cluster = "hello-#{Process.pid}" # a name of its own, so that two runs do not meet
one = MCCache::Node.new(cluster: cluster, node_name: "one")
two = MCCache::Node.new(cluster: cluster, node_name: "two")
[one, two].each(&:wait_ready)
prices = one.cache("prices")
mirror = two.cache("prices")
events = mirror.events

prices["apple"] = { "eur" => 1.20, "sold" => false, "seen" => Time.now }
events.pop(timeout: 10) # the put arrived
puts "two reads: #{mirror["apple"]}"

prices.delete("apple")
events.pop(timeout: 10)
puts "after the delete two reads: #{mirror["apple"].inspect}"

abort "they differ" unless prices.checksum == mirror.checksum && mirror["apple"].nil?
[one, two].each(&:close)

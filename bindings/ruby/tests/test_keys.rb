# frozen_string_literal: true

require "support"

# The cluster's key, and a change of it.
class TestKeys < Case
  OLD = "1:#{["o" * 32].pack("m0")}"
  NEW = "2:#{["n" * 32].pack("m0")}"

  def test_a_cluster_changes_its_key_while_it_runs
    members = Array.new(2) { node(crypto_key: OLD, interface: "127.0.0.1") }
    caches = members.map { |member| member.cache("c") }
    caches.first["before"] = 1
    eventually("the put's arrival") { caches.last.key?("before") }
    assert_equal [[1, :primary]], (members.first.keys.map { |key| [key.id, key.role] })
    members.each { |member| assert_same member, member.add_key(NEW) }
    members.each { |member| member.set_primary_key(2) }
    caches.first["between"] = 1
    eventually("the put's arrival") { caches.last.key?("between") }
    eventually("the change") { members.all? { |member| member.keys.map(&:members) == [0, 1] } }
    members.each { |member| member.remove_key(1) }
    caches.last["after"] = 1
    eventually("the put's arrival") { caches.first.key?("after") }
    assert_equal [[2, :primary, 1]], members.first.keys.map(&:to_a)
    assert members.first.keys.first.frozen?
  end

  def test_what_is_no_key_is_refused_and_the_key_is_not_told
    one = node(crypto_key: OLD, interface: "127.0.0.1")
    assert_nil one.setting("crypto_key")
    assert_raises(TypeError) { one.add_key(5) }
    error = assert_raises(MCCache::InvalidArgumentError) { one.add_key("3:secretsecret") }
    refute_includes error.message, "secretsecret"
    [0, 256, -1, 2**40].each { |id| assert_raises(MCCache::InvalidArgumentError) { one.set_primary_key(id) } }
    assert_raises(MCCache::InvalidArgumentError) { one.set_primary_key(7) }
    assert_raises(MCCache::InvalidArgumentError) { one.remove_key(1) }
    assert_raises(TypeError) { one.remove_key("1") }
    assert_raises(MCCache::InvalidArgumentError) { node(cluster: "#{@cluster}-public").add_key(NEW) }
    refute_includes one.inspect, OLD
  end
end

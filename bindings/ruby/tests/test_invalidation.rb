# frozen_string_literal: true

require "support"
require "sqlite3"

# invalidating: nothing of its keys is held or put from the beginning of the block to its end.
class TestInvalidation < Case
  LONG = 20

  def test_in_the_block_its_keys_are_misses_and_what_is_loaded_is_not_put
    c = alone
    c["a"] = c["b"] = c["c"] = 1
    answer = c.invalidating("a", :b, timeout: LONG) do |invalidation|
      assert invalidation.complete?
      assert_nil invalidation.in_time?
      assert_equal ["c"], c.keys
      assert_equal "before", c.get_or_load("a") { "before" }
      refute c.key?("a")
      invalidation
    end
    assert answer.in_time?
    assert_equal "after", c.get_or_load("a") { "after" }
    assert_equal "after", c["a"]
  end

  def test_a_block_that_raises_or_leaves_has_invalidated
    c = alone
    assert_raises(ZeroDivisionError) do
      c.invalidating("k") do
        c["k"] = "meanwhile"
        raise ZeroDivisionError
      end
    end
    refute c.key?("k")
    [1].each { c.invalidating("k") { break } }
    c.get_or_load("k") { 1 }
    assert c.key?("k")
  end

  def test_one_that_is_aborted_ends_there_and_changes_nothing
    c = alone
    aborted = c.invalidating("k") do |invalidation|
      invalidation.abort
      c["k"] = "kept"
      invalidation
    end
    assert_equal "kept", c["k"]
    assert_nil aborted.in_time?
    assert_raises(MCCache::InvalidArgumentError) { aborted.abort }
  end

  def test_who_is_late_is_told
    c = alone
    late = c.invalidating("k", limit: 0.001) do |invalidation|
      eventually("the limit") do
        c.get_or_load("k") { "too early" }
        c.key?("k")
      end
      invalidation
    end
    assert_equal false, late.in_time?
    refute c.key?("k")
  end

  def test_what_cannot_begin_is_refused
    c = alone
    [[[], {}], [["k"] * 65, {}], [["k"], { limit: 0 }], [["k"], { limit: 601 }], [["k"], { timeout: -1 }]].each do |keys, options|
      assert_raises(MCCache::InvalidArgumentError) { c.invalidating(*keys, **options) { flunk "it began" } }
    end
    assert_raises(TypeError) { c.invalidating(1) { flunk "it began" } }
    c.close
    assert_raises(MCCache::ClosedError) { c.invalidating("k") { flunk "it began" } }
  end

  def test_with_a_transaction_of_sqlite
    db = SQLite3::Database.new(":memory:")
    db.execute("CREATE TABLE product (id INTEGER PRIMARY KEY, price INTEGER)")
    db.execute("INSERT INTO product VALUES (7, 1)")
    c = alone
    price = ->(_key) { db.get_first_value("SELECT price FROM product WHERE id = 7") }
    assert_equal 1, c.get_or_load("product:7", &price)
    c.invalidating("product:7") do
      db.transaction { db.execute("UPDATE product SET price = 2 WHERE id = 7") }
      assert_equal 2, c.get_or_load("product:7", &price)
    end
    assert_equal 2, c.get_or_load("product:7", &price)
    assert_equal 2, c["product:7"]
  ensure
    db&.close
  end
end

# frozen_string_literal: true

# A web application whose database rows are cached in every process of it, and stay coherent.
#
#     ruby webapp.rb serve --port 8080 --db shop.db    # as many as you like, on one database
#     ruby webapp.rb                                   # shows itself: two servers, reads, writes, a check
#
# Needs the gems mccache, sqlite3 and webrick.

begin
  require "sqlite3"
  require "webrick"
rescue LoadError => error
  puts "skip webapp: #{error.message} (apt-get install ruby-sqlite3 ruby-webrick)"
  exit
end
require "json"
require "mccache"
require "net/http"
require "rbconfig"
require "tmpdir"

# The rows of the database, behind the cache.
class Products
  NotFound = Class.new(StandardError)

  attr_reader :cache, :loads

  def initialize(file)
    @database = SQLite3::Database.new(file)
    @database.busy_timeout = 5000
    @lock = Mutex.new # one connection, many threads
    @cache = MCCache.cache("products") # the same in every process of the cluster
    @loads = 0
  end

  # The row, and whether it came from memory. A product that is not there raises, and nothing is cached.
  def find(id)
    hit = true
    row = @cache.get_or_load("product:#{id}", ttl: 60) do
      hit = false
      load(id)
    end
    [row, hit]
  end

  # Commits first, then deletes: who reads in between may load the old row, but not keep it.
  def reprice(id, price)
    @lock.synchronize { @database.execute("UPDATE products SET price = ? WHERE id = ?", [price, id]) }
    @cache.delete("product:#{id}")
  end

  private

  def load(id)
    @lock.synchronize do
      @loads += 1
      name, price = @database.get_first_row("SELECT name, price FROM products WHERE id = ?", [id])
      raise NotFound unless name

      { "id" => id, "name" => name, "price" => price }
    end
  end
end

# GET and PUT /products/7
class ProductPages < WEBrick::HTTPServlet::AbstractServlet
  def do_GET(request, response)
    row, hit = products.find(id(request))
    response["Content-Type"] = "application/json"
    response["X-Cache"] = hit ? "hit" : "miss"
    response.body = JSON.generate(row)
  rescue Products::NotFound
    response.status = 404
  end

  def do_PUT(request, response)
    price = URI.decode_www_form(request.body.to_s).to_h["price"]
    return response.status = 400 unless price&.match?(/\A\d{1,7}\.\d\d\z/)

    products.reprice(id(request), price)
    response.status = 204
  end

  private

  def products
    @options.first
  end

  def id(request)
    Integer(request.path_info.delete_prefix("/"), 10)
  rescue ArgumentError
    raise Products::NotFound
  end
end

def serve(port, file)
  products = Products.new(file)
  quiet = WEBrick::Log.new(nil, WEBrick::BasicLog::FATAL)
  at_once = ->(socket) { socket.setsockopt(:TCP, :NODELAY, 1) } # headers and body are two writes
  server = WEBrick::HTTPServer.new(BindAddress: "127.0.0.1", Port: port, Logger: quiet, AccessLog: [], AcceptCallback: at_once)
  server.mount("/products", ProductPages, products)
  server.mount_proc("/stats") do |_, response|
    figures = products.cache.stats
    response.body = JSON.generate(entries: figures.entries, hits: figures.hits, misses: figures.misses, loads: products.loads)
  end
  trap(:TERM) { server.shutdown }
  $stdout.puts "listening on http://127.0.0.1:#{server.config[:Port]}"
  $stdout.flush
  server.start # until it is stopped
end

# One server in a process of its own, and a client of it.
class Server
  def initialize(file)
    @output = IO.popen([RbConfig.ruby, __FILE__, "serve", "--port", "0", "--db", file])
    url = URI(@output.gets.to_s[/http\S+/] || abort("a server did not start"))
    @http = Net::HTTP.start(url.host, url.port)
  end

  # The row and what the server says of the cache.
  def get(id)
    response = @http.get("/products/#{id}")
    [JSON.parse(response.body), response["X-Cache"]]
  end

  def put(id, price)
    form = { "Content-Type" => "application/x-www-form-urlencoded" }
    @http.put("/products/#{id}", "price=#{price}", form).is_a?(Net::HTTPNoContent) || abort("PUT failed")
  end

  def stats
    JSON.parse(@http.get("/stats").body)
  end

  def stop
    @http.finish
    Process.kill(:TERM, @output.pid)
    @output.close
  end
end

def eventually(what)
  deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + 10
  until yield
    abort "#{what}: not within 10 s" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
    sleep 0.005
  end
end

def make_database(file)
  database = SQLite3::Database.new(file)
  database.execute("PRAGMA journal_mode = WAL")
  database.execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price TEXT NOT NULL)")
  database.transaction do
    (1..1000).each { |id| database.execute("INSERT INTO products VALUES (?, ?, ?)", [id, "product #{id}", "1.20"]) }
  end
  database
end

def show_first_steps(one, two)
  puts "A reads product 7: #{one.get(7).last}, from the database"
  eventually("the row's way to B") { two.stats["entries"] == 1 }
  row, cache = two.get(7)
  abort "B should have had the row" unless cache == "hit"
  puts "B reads it: #{cache}, #{row["price"]}; A's load came to B by itself"
  started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
  one.put(7, "1.30")
  eventually("the new price on B") { two.get(7).first["price"] == "1.30" }
  took = (Process.clock_gettime(Process::CLOCK_MONOTONIC) - started) * 1000
  puts format("A changes the price: B tells the new one after %.1f ms", took)
end

def work(servers, dice)
  500.times { servers.sample(random: dice).get(dice.rand(1..1000)) }
  40.times do
    id = dice.rand(1..1000)
    servers.sample(random: dice).put(id, format("%d.%02d", dice.rand(100), dice.rand(100)))
    4.times { servers.sample(random: dice).get(id) }
  end
end

def check(servers, database)
  rows = database.execute("SELECT id, name, price FROM products")
  rows.each do |id, name, price|
    servers.each_with_index do |server, index|
      eventually("product #{id} on #{"AB"[index]}") do
        server.get(id).first == { "id" => id, "name" => name, "price" => price }
      end
    end
  end
  rows.length
end

def show
  ENV["MCCACHE_CLUSTER"] ||= "webapp-#{Process.pid}"
  Dir.mktmpdir do |folder|
    database = make_database(File.join(folder, "shop.db"))
    servers = Array.new(2) { Server.new(File.join(folder, "shop.db")) }
    show_first_steps(*servers)
    work(servers, Random.new)
    puts "after 660 random reads and 40 changes all #{check(servers, database)} products are as in the database, on A and B"
    servers.each_with_index do |server, index|
      figures = server.stats
      puts "#{"AB"[index]}: #{figures["entries"]} entries, #{figures["hits"]} hits, #{figures["loads"]} loads"
    end
    servers.each(&:stop)
  end
end

if ARGV.first == "serve"
  options = ARGV.drop(1).each_slice(2).to_h
  serve(Integer(options.fetch("--port", "8080")), options.fetch("--db"))
else
  show
end

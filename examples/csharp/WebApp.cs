// A web application that keeps database rows in a cache, and stays coherent over many processes.
//
//     mcs -r:MCCache.dll -r:Mono.Data.Sqlite.dll -r:System.Data.dll WebApp.cs
//     mono WebApp.exe                                  # shows itself: two processes, one database
//     mono WebApp.exe serve --port 8080 --db shop.db   # serves until stopped
//
// GET /products/7    the row as JSON; the header X-Cache tells whether it came from memory (hit) or the database (miss)
// PUT /products/7    price=1.30 as a form: changes the row, then takes it out of all caches
// GET /stats         figures of this process

using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using MCCache;
using Mono.Data.Sqlite;

/// <summary>The truth.</summary>
internal sealed class Database
{
    private readonly string file;
    internal Database(string file) => this.file = file;

    internal void Create(int products)
    {
        Run("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price TEXT NOT NULL)", command => command.ExecuteNonQuery());
        Run("WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < " + products + ") INSERT INTO "
            + "products SELECT id, 'product ' || id, printf('%d.%02d', id % 9 + 1, id % 100) FROM n", command => command.ExecuteNonQuery());
    }

    /// <summary>A product, or null. A dictionary goes into a cache as it is, and any language can read it.</summary>
    internal Dictionary<string, object> Find(long id)
    {
        return Run("SELECT name, price FROM products WHERE id = @0", command =>
        {
            using (SqliteDataReader row = command.ExecuteReader())
                return !row.Read() ? null : new Dictionary<string, object>
                    { ["id"] = id, ["name"] = row.GetString(0), ["price"] = row.GetString(1) };
        }, id);
    }

    /// <summary>Changes a price, and commits. False: there is no such product.</summary>
    internal bool SetPrice(long id, string price) =>
        Run("UPDATE products SET price = @0 WHERE id = @1", command => command.ExecuteNonQuery(), price, id) == 1;

    private T Run<T>(string sql, Func<SqliteCommand, T> action, params object[] values)
    {
        using (var connection = new SqliteConnection("Data Source=" + file + ";Default Timeout=10"))
        using (var command = new SqliteCommand("PRAGMA busy_timeout = 10000", connection))
        {
            connection.Open();
            command.ExecuteNonQuery();
            command.CommandText = sql;
            for (int at = 0; at < values.Length; at++) command.Parameters.AddWithValue("@" + at, values[at]);
            return action(command);
        }
    }
}

/// <summary>The application: a cache before a database, behind HTTP.</summary>
internal sealed class Shop
{
    private readonly Database database;
    private readonly Cache cache = Cache.Open("products");
    private long loads;

    internal Shop(Database database) => this.database = database;

    // One request of this process loads a row at a time; the others wait for it. Other processes get it by multicast.
    private Dictionary<string, object> Product(long id, out string found)
    {
        string from = "hit";
        Dictionary<string, object> product = cache.GetOrLoad("product:" + id, () =>
        {
            from = "miss";
            Interlocked.Increment(ref loads);
            return database.Find(id);
        });
        found = from;
        return product;
    }

    // The row first, and the cache when that is committed: a load that began before is not put any more.
    private bool SetPrice(long id, string price)
    {
        bool found = database.SetPrice(id, price);
        cache.Remove("product:" + id);
        return found;
    }

    internal void Serve(int port)
    {
        if (port == 0)
        {
            // HttpListener takes no port 0: one that is free is looked for first.
            var probe = new TcpListener(IPAddress.Loopback, 0);
            probe.Start();
            port = ((IPEndPoint)probe.LocalEndpoint).Port;
            probe.Stop();
        }
        var listener = new HttpListener();
        listener.Prefixes.Add("http://127.0.0.1:" + port + "/");
        listener.Start();
        cache.Node.WaitReady();
        Console.WriteLine("listening on http://127.0.0.1:" + port);
        while (true)
        {
            HttpListenerContext context = listener.GetContext();
            Task.Run(() => Answer(context.Request, context.Response));
        }
    }

    private void Answer(HttpListenerRequest request, HttpListenerResponse response)
    {
        response.ContentType = "application/json";
        try
        {
            response.Close(Encoding.UTF8.GetBytes(Route(request, response) ?? string.Empty), false);
        }
        catch (Exception problem)
        {
            Console.Error.WriteLine(problem);
            response.StatusCode = 500;
            response.Close();
        }
    }

    private string Route(HttpListenerRequest request, HttpListenerResponse response)
    {
        string path = request.Url.AbsolutePath;
        if (path == "/stats")
        {
            CacheStats stats = cache.GetStats();
            return "{\"entries\":" + stats.Entries + ",\"hits\":" + stats.Hits + ",\"misses\":" + stats.Misses
                + ",\"loads\":" + Interlocked.Read(ref loads) + "}";
        }
        response.StatusCode = 404;
        if (!path.StartsWith("/products/") || !long.TryParse(path.Substring("/products/".Length), out long id)) return null;
        if (request.HttpMethod == "PUT")
        {
            string text = new StreamReader(request.InputStream).ReadToEnd().Replace("price=", "");
            bool good = decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal price);
            response.StatusCode = !good ? 400 : SetPrice(id, Demo.Text(price)) ? 204 : 404;
            return null;
        }
        Dictionary<string, object> product = Product(id, out string found);
        response.Headers["X-Cache"] = found;
        response.StatusCode = product == null ? 404 : 200;
        return product == null ? null
            : "{\"id\":" + product["id"] + ",\"name\":\"" + product["name"] + "\",\"price\":\"" + product["price"] + "\"}";
    }
}

/// <summary>Two processes of the application over one database.</summary>
internal static class Demo
{
    private static int Main(string[] arguments)
    {
        if (arguments.Length == 5 && arguments[0] == "serve" && arguments[1] == "--port" && arguments[3] == "--db")
            new Shop(new Database(arguments[4])).Serve(int.Parse(arguments[2]));
        string file = Path.GetTempFileName();
        var database = new Database(file);
        Process a = null, b = null;
        try
        {
            database.Create(1000);
            a = Start(file, out string atA);
            b = Start(file, out string atB);
            Console.WriteLine("A: " + Get(atA, 7));
            Until(() => Get(atB, 7).StartsWith("hit"), "A's load reaches B");
            Console.WriteLine("B: " + Get(atB, 7));
            Stopwatch watch = Stopwatch.StartNew();
            Put(atA, 7, 1.30m);
            Until(() => Get(atB, 7).Contains("\"1.30\""), "B tells the new price");
            Console.WriteLine("A puts the price 1.30, and B tells it " + watch.ElapsedMilliseconds + " ms later");
            Load(new[] { atA, atB });
            Until(() => Enumerable.Range(1, 100).All(id => new[] { atA, atB }.All(
                at => Get(at, id).Contains("\"price\":\"" + database.Find(id)["price"] + "\""))), "both tell what is true");
            Console.WriteLine("both tell what the database has; A: " + Fetch(atA + "/stats") + ", B: " + Fetch(atB + "/stats"));
            return 0;
        }
        catch (Exception problem)
        {
            Console.WriteLine("error: " + problem.Message);
            return 1;
        }
        finally
        {
            foreach (Process process in new[] { a, b }) process?.Kill();
            File.Delete(file);
        }
    }

    internal static string Text(decimal price) => price.ToString("0.00", CultureInfo.InvariantCulture);

    private static Process Start(string file, out string address)
    {
        var start = new ProcessStartInfo(Process.GetCurrentProcess().MainModule.FileName,
            "\"" + typeof(Demo).Assembly.Location + "\" serve --port 0 --db \"" + file + "\"")
            { RedirectStandardOutput = true, UseShellExecute = false };
        start.EnvironmentVariables["MCCACHE_CLUSTER"] = "webapp-" + Process.GetCurrentProcess().Id;
        Process process = Process.Start(start);
        string line = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("it does not start");
        address = line.Substring(line.IndexOf("http", StringComparison.Ordinal));
        return process;
    }

    private static void Load(string[] addresses)
    {
        var random = new Random(7);
        Stopwatch watch = Stopwatch.StartNew();
        int hits = 0;
        for (int request = 0; request < 525; request++)
        {
            string at = addresses[random.Next(2)];
            int id = random.Next(1, 101);
            if (request % 21 == 0) Put(at, id, random.Next(100, 999) / 100m);
            else hits += Get(at, id).StartsWith("hit") ? 1 : 0;
        }
        Console.WriteLine("500 random GETs over both, " + hits + " of them hits, and 25 PUTs: " + watch.ElapsedMilliseconds + " ms");
    }

    private static string Get(string at, long id) => Fetch(at + "/products/" + id);
    private static string Fetch(string url)
    {
        using (var client = new WebClient())
        {
            string body = client.DownloadString(url);
            return (client.ResponseHeaders["X-Cache"] + " " + body).TrimStart();
        }
    }

    private static void Put(string at, long id, decimal price)
    {
        using (var client = new WebClient()) client.UploadString(at + "/products/" + id, "PUT", "price=" + Text(price));
    }

    private static void Until(Func<bool> condition, string what)
    {
        for (Stopwatch watch = Stopwatch.StartNew(); !condition();)
            if (watch.Elapsed > TimeSpan.FromSeconds(10)) throw new TimeoutException("in 10 s never: " + what);
    }
}

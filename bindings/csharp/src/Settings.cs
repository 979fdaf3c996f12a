using System;
using System.Collections;
using System.Collections.Generic;
using System.Globalization;

namespace MCCache
{
    /// <summary>
    /// Settings of a node or a cache, by the names of the configuration file:
    /// <c>new Settings { ["cluster"] = "orders", ["cache_ttl"] = TimeSpan.FromMinutes(15) }</c>. Values are text as the
    /// file has it, numbers in the setting's own unit, Booleans, and times.
    /// </summary>
    public sealed class Settings : IEnumerable<KeyValuePair<string, string>>
    {
        private readonly Dictionary<string, string> values = new Dictionary<string, string>();
        private readonly List<string> order = new List<string>();

        /// <summary>A file (TOML) to read before these, over the environment's; null for none. For nodes only.</summary>
        public string ConfigFile { get; set; }

        /// <summary>A setting's value. Setting it again replaces it.</summary>
        /// <exception cref="KeyNotFoundException">It is asked for and was not set.</exception>
        /// <exception cref="ArgumentException">The value is none of the types that a setting can have.</exception>
        public object this[string name]
        {
            get { return values[name]; }

            set
            {
                string text = TextOf(name, value);
                if (!values.ContainsKey(name))
                {
                    order.Add(name);
                }
                values[name] = text;
            }
        }

        /// <summary>Adds a setting, so that they can be listed in braces.</summary>
        /// <exception cref="ArgumentException">It was set already, or its value is of a type that is not accepted.</exception>
        public void Add(string name, object value)
        {
            values.Add(name, TextOf(name, value));
            order.Add(name);
        }

        /// <summary>The names and the texts that the library is given, in the order in which they were set.</summary>
        public IEnumerator<KeyValuePair<string, string>> GetEnumerator()
        {
            foreach (string name in order)
            {
                yield return new KeyValuePair<string, string>(name, values[name]);
            }
        }

        IEnumerator IEnumerable.GetEnumerator()
        {
            return GetEnumerator();
        }

        internal Interop.Config ForNode()
        {
            Interop.Config config = Interop.Config.from_environment();
            if (ConfigFile != null)
            {
                config.load(ConfigFile);
            }
            Assign(config);
            return config;
        }

        // Null if there is none: then the node's own are meant, and another opening with none agrees.
        internal Interop.Config ForCache()
        {
            if (ConfigFile != null)
            {
                throw new MCCacheConfigException("a cache reads no file of its own: give ConfigFile to the node, and "
                    + "write the cache's settings into its table [cache.NAME]");
            }
            if (order.Count == 0)
            {
                return null;
            }
            var config = new Interop.Config();
            Assign(config);
            return config;
        }

        private void Assign(Interop.Config config)
        {
            foreach (KeyValuePair<string, string> each in this)
            {
                config.set(each.Key, each.Value);
            }
        }

        private static string TextOf(string name, object value)
        {
            CultureInfo invariant = CultureInfo.InvariantCulture;
            switch (value == null || value is Enum ? TypeCode.Object : Type.GetTypeCode(value.GetType()))
            {
                case TypeCode.String:
                    return (string)value;
                case TypeCode.Boolean:
                    return (bool)value ? "true" : "false";
                case TypeCode.Double:
                    return ((double)value).ToString("R", invariant);
                case TypeCode.Single:
                    return ((float)value).ToString("R", invariant);
                case TypeCode.SByte:
                case TypeCode.Byte:
                case TypeCode.Int16:
                case TypeCode.UInt16:
                case TypeCode.Int32:
                case TypeCode.UInt32:
                case TypeCode.Int64:
                case TypeCode.UInt64:
                case TypeCode.Decimal:
                    return ((IFormattable)value).ToString(null, invariant);
            }
            if (value is TimeSpan time)
            {
                // With its unit: a number alone is of the setting's, which is the minute for some.
                return ((decimal)time.Ticks / TimeSpan.TicksPerSecond).ToString("0.#######", invariant) + "s";
            }
            throw new MCCacheArgumentException("setting `" + name + "`: expected text, a number, a Boolean or a TimeSpan, "
                + "not " + (value == null ? "null" : value.GetType().ToString()));
        }
    }
}

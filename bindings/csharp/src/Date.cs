using System;
using System.Globalization;

namespace MCCache
{
    /// <summary>
    /// A day of the calendar without a time and a zone, 0001-01-01 to 9999-12-31: what other languages call a date. In a
    /// cache it is a CBOR date (RFC 8943).
    /// </summary>
    public readonly struct Date : IEquatable<Date>, IComparable<Date>, IComparable
    {
        private static readonly DateTime Epoch = new DateTime(1970, 1, 1);

        private readonly int dayNumber;

        /// <summary>A day.</summary>
        /// <exception cref="ArgumentOutOfRangeException">The calendar has no such day.</exception>
        public Date(int year, int month, int day) : this(new DateTime(year, month, day)) { }

        /// <summary>The day of a date and time, as its own clock shows it.</summary>
        public Date(DateTime time)
        {
            dayNumber = (int)(time.Ticks / TimeSpan.TicksPerDay);
        }

        /// <summary>The year, 1 to 9999.</summary>
        public int Year
        {
            get { return ToDateTime().Year; }
        }

        /// <summary>The month, 1 to 12.</summary>
        public int Month
        {
            get { return ToDateTime().Month; }
        }

        /// <summary>The day of the month, 1 to 31.</summary>
        public int Day
        {
            get { return ToDateTime().Day; }
        }

        /// <summary>The day's midnight, of unspecified kind.</summary>
        public DateTime ToDateTime()
        {
            return new DateTime(dayNumber * TimeSpan.TicksPerDay);
        }

        /// <summary>The day in ISO 8601, like 2026-11-25.</summary>
        public override string ToString()
        {
            return ToDateTime().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        }

        /// <summary>Reads a day in ISO 8601, like 2026-11-25.</summary>
        /// <returns>Whether it is one.</returns>
        public static bool TryParse(string text, out Date date)
        {
            bool found = DateTime.TryParseExact(
                text, "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out DateTime time);
            date = new Date(time);
            return found;
        }

        /// <inheritdoc/>
        public bool Equals(Date other)
        {
            return dayNumber == other.dayNumber;
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return other is Date date && Equals(date);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return dayNumber;
        }

        /// <inheritdoc/>
        public int CompareTo(Date other)
        {
            return dayNumber.CompareTo(other.dayNumber);
        }

        int IComparable.CompareTo(object other)
        {
            return other == null ? 1 : CompareTo((Date)other);
        }

        /// <summary>Whether both are the same day.</summary>
        public static bool operator ==(Date left, Date right)
        {
            return left.Equals(right);
        }

        /// <summary>Whether they are different days.</summary>
        public static bool operator !=(Date left, Date right)
        {
            return !left.Equals(right);
        }

        /// <summary>Whether the first is earlier.</summary>
        public static bool operator <(Date left, Date right)
        {
            return left.dayNumber < right.dayNumber;
        }

        /// <summary>Whether the first is later.</summary>
        public static bool operator >(Date left, Date right)
        {
            return left.dayNumber > right.dayNumber;
        }

        // Null if the calendar has no such day.
        internal static Date? OfEpochDays(long days)
        {
            long number = days + Epoch.Ticks / TimeSpan.TicksPerDay;
            return days < -1000000 || number < 0 || number > DateTime.MaxValue.Ticks / TimeSpan.TicksPerDay
                || days > 10000000
                ? (Date?)null
                : new Date(new DateTime(number * TimeSpan.TicksPerDay));
        }
    }

    /// <summary>A CBOR item with a tag that has no meaning here. It is written as it was read.</summary>
    public sealed class Tagged : IEquatable<Tagged>
    {
        /// <summary>A tagged value, of any type that a cache takes.</summary>
        public Tagged(ulong number, object value)
        {
            Number = number;
            Value = value;
        }

        /// <summary>The tag's number, as IANA registers them.</summary>
        public ulong Number { get; }

        /// <summary>What is tagged.</summary>
        public object Value { get; }

        /// <inheritdoc/>
        public bool Equals(Tagged other)
        {
            return other != null && Number == other.Number && CborEquality.Keys.Equals(Value, other.Value);
        }

        /// <inheritdoc/>
        public override bool Equals(object other)
        {
            return Equals(other as Tagged);
        }

        /// <inheritdoc/>
        public override int GetHashCode()
        {
            return Number.GetHashCode() ^ (Value == null ? 0 : CborEquality.Keys.GetHashCode(Value));
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            return Number + "(" + Value + ")";
        }
    }
}

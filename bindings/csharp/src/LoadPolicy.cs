using System.Globalization;

namespace MCCache
{
    /// <summary>
    /// How values of a cache are loaded: the settings <c>eager_refresh</c>, <c>fail_safe</c>, <c>fail_safe_throttle</c>,
    /// <c>load_soft_timeout</c> and <c>load_hard_timeout</c>. From <see cref="Cache.CreateLoadPolicy"/>, for single calls of
    /// <see cref="Cache.GetOrLoad{T}"/> and <see cref="Cache.GetOrLoadAsync{T}"/>; does not change, and is used by any threads.
    /// </summary>
    public sealed class LoadPolicy
    {
        private readonly long patienceMs;
        private readonly long patienceWithExpiredMs;

        // The cache's settings, with others over them, if any.
        internal LoadPolicy(Interop.Cache cache, Interop.Config settings)
        {
            Native = new Interop.LoadPolicy(cache, settings);
            patienceMs = Native.patience(false);
            patienceWithExpiredMs = Native.patience(true);
        }

        internal Interop.LoadPolicy Native { get; }

        /// <summary>How long whoever wants a value waits for its load: longer if there is no expired one to be served.</summary>
        internal long PatienceMs(bool hasExpired)
        {
            return hasExpired ? patienceWithExpiredMs : patienceMs;
        }

        /// <inheritdoc/>
        public override string ToString()
        {
            return "MCCache.LoadPolicy: patient for " + Shown(patienceMs) + ", with an expired value for "
                + Shown(patienceWithExpiredMs);
        }

        private static string Shown(long ms)
        {
            return ms == Times.Forever ? "ever" : ms.ToString(CultureInfo.InvariantCulture) + " ms";
        }
    }
}

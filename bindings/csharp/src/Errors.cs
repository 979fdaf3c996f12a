using System;
using System.Collections.Generic;
using System.IO;

namespace MCCache
{
    /// <summary>
    /// What all exceptions of MCCache have in common. Each derives from the exception of .NET that people expect, so
    /// that existing handlers catch it; <c>catch (Exception e) when (e is IMCCacheError)</c> catches all of them.
    /// </summary>
    public interface IMCCacheError
    {
        /// <summary>What went wrong, and what to do about it.</summary>
        string Message { get; }
    }

    /// <summary>The key has no value.</summary>
    public sealed class MCCacheKeyNotFoundException : KeyNotFoundException, IMCCacheError
    {
        internal MCCacheKeyNotFoundException(string message) : base(message) { }
    }

    /// <summary>An argument is of a type or a value that is not accepted. Nothing was changed.</summary>
    public class MCCacheArgumentException : ArgumentException, IMCCacheError
    {
        internal MCCacheArgumentException(string message) : base(message) { }
    }

    /// <summary>The key or the value is longer than accepted. Nothing was changed.</summary>
    public sealed class MCCacheTooLargeException : MCCacheArgumentException
    {
        internal MCCacheTooLargeException(string message) : base(message) { }
    }

    /// <summary>The cache, node or queue was closed, by this or by another thread.</summary>
    public sealed class MCCacheClosedException : ObjectDisposedException, IMCCacheError
    {
        internal MCCacheClosedException(string message) : base(null, message) { }
    }

    /// <summary>The time allowed ran out. What was waited for may still happen.</summary>
    public sealed class MCCacheTimeoutException : TimeoutException, IMCCacheError
    {
        internal MCCacheTimeoutException(string message) : base(message) { }
    }

    /// <summary>A setting or a configuration file is wrong.</summary>
    public sealed class MCCacheConfigException : MCCacheArgumentException
    {
        internal MCCacheConfigException(string message) : base(message) { }
    }

    /// <summary>The network could not be set up or used.</summary>
    public sealed class MCCacheNetworkException : IOException, IMCCacheError
    {
        internal MCCacheNetworkException(string message) : base(message) { }
    }

    /// <summary>
    /// A value cannot be read: it was put in a form that this version does not know, is not well-formed, or needs to be
    /// asked for. <see cref="Cache.OpenView"/> gives its bytes all the same.
    /// </summary>
    public sealed class MCCacheCodecException : FormatException, IMCCacheError
    {
        internal MCCacheCodecException(string message) : base(message) { }

        internal MCCacheCodecException(string message, Exception cause) : base(message, cause) { }
    }

    /// <summary>A bug of the library. The process goes on; please report the message.</summary>
    public sealed class MCCacheInternalException : InvalidOperationException, IMCCacheError
    {
        internal MCCacheInternalException(string message) : base(message) { }
    }

    /// <summary>
    /// The native library is not there, or is of another version. The message lists the places that were looked in.
    /// </summary>
    public sealed class MCCacheLibraryException : DllNotFoundException, IMCCacheError
    {
        internal MCCacheLibraryException(string message) : base(message) { }

        internal MCCacheLibraryException(string message, Exception cause) : base(message, cause) { }
    }
}

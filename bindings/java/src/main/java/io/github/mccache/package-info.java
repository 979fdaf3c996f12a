/**
 * A cache inside every process, kept coherent across the cluster by UDP multicast, with no server.
 *
 * <p>Begin at {@link io.github.mccache.Mccache} and {@link io.github.mccache.Cache}; a process with nodes of its own begins at
 * {@link io.github.mccache.Node}. Nothing is started or loaded before the first of these is used.
 */
package io.github.mccache;

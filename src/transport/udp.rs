//! Two UDP sockets and a poll: wait, receive in batches, send in trains.
//!
//! The invariant: a wait never sleeps over something that is there. Readiness is edge-triggered, so what a poll tells is
//! kept in `ready` and `woken` until it was acted upon, whoever polled. How the sockets are made does not live here.
//!
//! Trains use the kernel's segmentation (UDP_SEGMENT, Linux 4.18) and merging (UDP_GRO, 5.0) through `quinn-udp`. Where
//! the system or a network card refuses them, datagrams go one by one.

#![expect(clippy::disallowed_methods, reason = "a full socket is waited for, two milliseconds at most")]

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, IoSliceMut};
use std::net::{SocketAddr, UdpSocket as StdSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use quinn_udp::{RecvMeta, Transmit, UdpSocketState};
use socket2::Socket;

use super::fault::{self, Step};
use super::hops::Hops;
use super::probe::{self, Early};
use super::socket::{Plan, Sockets};
use super::{Channel, Destination, Options};
use crate::error::{Error, Result};

/// Messages received by one system call; each may be a merged train.
const BATCH: usize = 8;

/// Bytes of a receive buffer: the longest train the kernel merges is below 64 KiB.
const BUFFER_LEN: usize = 1 << 16;

/// Batches taken from each socket in one call of [`Udp::receive`], so that timers get their turn under load.
const BATCHES_PER_CALL: usize = 4;

/// Most bytes of a train: the largest IPv4 payload, 65,535 less 20, less the UDP header of 8.
const TRAIN_MAX: usize = 65_507;

/// How long one call of [`Udp::send`] waits in all for room in the send buffer. Two milliseconds drain some 250 KB at
/// 1 Gbit/s; longer would hold up receiving.
const WRITABLE_WAIT_MAX: Duration = Duration::from_millis(2);

/// How often one datagram or train is offered to the system: an error left by an earlier datagram's ICMP answer is
/// reported once and then gone, and so is a full buffer after the wait.
const SEND_TRIES: usize = 4;

/// Longest single sleep. A wait may end early, and longer ones would overflow the system's milliseconds.
const SLEEP_MAX: Duration = Duration::from_secs(3600);

/// Events taken from one poll: two sockets and the waker.
const EVENTS: usize = 4;

const GROUP: Token = Token(0);
const UNICAST: Token = Token(1);
const WAKE: Token = Token(2);

/// Wakes a thread inside [`Udp::wait`] from any thread. Cheap to clone.
///
/// A wake while nobody waits is kept for the next wait; many wakes before it count as one. After the [`Udp`] is gone it
/// does nothing.
#[derive(Clone, Debug)]
pub struct Waker(Arc<mio::Waker>);

impl Waker {
    /// Ends the wait that is under way, or else the next one at once.
    pub fn wake(&self) {
        if let Err(error) = self.0.wake() {
            tracing::debug!(%error, "wake failed");
        }
    }
}

/// Two UDP sockets (group and ephemeral unicast) and a poll.
///
/// Threads: one at a time (`&mut self`); only [`Waker`]s go elsewhere. Fork: a forked child may drop its copy, or close
/// its [`Udp::raw_fds`]; neither disturbs the parent's. It must neither wait nor send by it.
pub struct Udp {
    poll: Poll,
    events: Events,
    waker: Waker,
    woken: bool,
    /// None: unicast alone.
    group: Option<Endpoint>,
    unicast: Endpoint,
    buffers: Buffers,
    early: VecDeque<Early>,
    pub(super) plan: Plan,
    local: SocketAddr,
    receive_buffer: (usize, usize),
    max_payload: usize,
    multicast_heard: bool,
    /// While somebody wants to know.
    hops: Option<Box<Hops>>,
}

type Buffers = Box<[[u8; BUFFER_LEN]; BATCH]>;

type Sink<'a> = &'a mut dyn FnMut(SocketAddr, Channel, &mut [u8]);

/// One socket, the kernel's abilities on it, and whether something may be waiting in it.
#[derive(Debug)]
struct Endpoint {
    socket: UdpSocket,
    state: UdpSocketState,
    ready: bool,
}

impl Udp {
    /// Opens both sockets, joins the group and sends itself a probe; takes up to 200 ms if that is not heard.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`](crate::error::Error::InvalidArgument) for a group or interface that cannot be one;
    /// [`Error::Network`](crate::error::Error::Network) with a cure when the port is taken, the interface is not this
    /// host's, or the system refuses to send to the group.
    pub fn open(options: &Options) -> Result<Udp> {
        match Udp::open_plan(&Plan::check(options)?) {
            Err(error @ Error::Network { .. }) if options.group.is_some() && !options.needs_group => {
                let udp = Udp::open_plan(&Plan::check(&Options { group: None, ..options.clone() })?)?;
                // The same that refused the group would have refused unicast if it were not the group's own trouble.
                tracing::warn!(%error, "no multicast here: everything goes by unicast");
                Ok(udp)
            }
            other => other,
        }
    }

    fn open_plan(plan: &Plan) -> Result<Udp> {
        let sockets = Sockets::open(plan)?;
        let mut udp = Udp::assemble(plan, sockets).map_err(|e| fault::network(Step::Create, plan, e))?;
        if plan.group.is_some() {
            udp.multicast_heard = probe::run(&mut udp, plan)?;
        }
        tracing::debug!(
            group = ?plan.group,
            local = %udp.local,
            max_payload = udp.max_payload,
            receive_buffer = udp.receive_buffer.1,
            train = udp.unicast.state.max_gso_segments(),
            multicast_heard = udp.multicast_heard,
            "sockets open"
        );
        Ok(udp)
    }

    fn assemble(plan: &Plan, sockets: Sockets) -> io::Result<Udp> {
        let poll = Poll::new()?;
        let waker = Waker(Arc::new(mio::Waker::new(poll.registry(), WAKE)?));
        let buffers = vec![[0; BUFFER_LEN]; BATCH].try_into().expect("BATCH elements make an array of BATCH");
        Ok(Udp {
            group: sockets.group.map(|socket| Endpoint::register(socket, &poll, GROUP)).transpose()?,
            unicast: Endpoint::register(sockets.unicast, &poll, UNICAST)?,
            poll,
            events: Events::with_capacity(EVENTS),
            waker,
            woken: false,
            buffers,
            early: VecDeque::new(),
            plan: plan.clone(),
            local: sockets.local,
            receive_buffer: sockets.receive_buffer,
            max_payload: sockets.max_payload,
            multicast_heard: false,
            hops: None,
        })
    }

    /// A waker of this socket's [`Udp::wait`].
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Where this node's datagrams come from, and where unicast reaches it: the interface's address, a port of its own.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Bytes of receive buffer (asked, granted), of the socket that got less.
    ///
    /// Both in the unit of the setting: Linux reports twice what it grants, which is halved here. A datagram of 1,400
    /// bytes takes 2,305 of what Linux reports.
    #[must_use]
    pub fn receive_buffer(&self) -> (usize, usize) {
        self.receive_buffer
    }

    /// Largest UDP payload, in bytes, that needs no fragmentation on this interface; at most 1,472, also on loopback.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.max_payload
    }

    /// The group that was joined; None: there is unicast alone.
    #[must_use]
    pub fn group(&self) -> Option<SocketAddr> {
        self.plan.group
    }

    /// Whether this node heard its own probe when it was opened. If not, a warning with a cure was logged.
    #[must_use]
    pub fn multicast_heard(&self) -> bool {
        self.multicast_heard
    }

    /// Begins or ends to look how many routers away those are who send by unicast. Costs a system call a batch meanwhile.
    pub fn watch_hops(&mut self, whether: bool) {
        let is_v6 = self.local.is_ipv6();
        match (whether, self.hops.take()) {
            (true, None) => self.hops = Hops::watch(&self.unicast.socket, is_v6).map(Box::new),
            (false, Some(hops)) => hops.end(&self.unicast.socket, is_v6),
            (_, as_it_was) => self.hops = as_it_was,
        }
    }

    /// Who sent by unicast while that was looked at, each with the number of routers between.
    #[must_use]
    pub fn hops(&self) -> Vec<(SocketAddr, u8)> {
        self.hops.as_ref().map_or_else(Vec::new, |hops| hops.seen())
    }

    /// Sleeps until a socket is readable, the waker is used, or the timeout (`None`: forever) ends.
    ///
    /// May return early, also on a signal: the caller looks at its own timers and calls again.
    ///
    /// # Errors
    /// [`Error::Network`](crate::error::Error::Network) if the poll itself fails; the sockets are then of no use.
    pub fn wait(&mut self, timeout: Option<Duration>) -> Result<()> {
        let pending = self.woken || self.is_ready() || !self.early.is_empty();
        if !pending {
            self.poll_once(timeout).map_err(|e| fault::network(Step::Receive, &self.plan, e))?;
        }
        self.woken = false;
        Ok(())
    }

    /// Whether a socket may have something.
    fn is_ready(&self) -> bool {
        self.unicast.ready || self.group_is_ready()
    }

    fn group_is_ready(&self) -> bool {
        self.group.as_ref().is_some_and(|group| group.ready)
    }

    /// Polls and remembers what it told; says whether the unicast socket became writable.
    fn poll_once(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        let mut writable = false;
        match self.poll.poll(&mut self.events, timeout.map(|timeout| timeout.min(SLEEP_MAX))) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(false),
            other => other?,
        }
        for event in &self.events {
            let readable = event.is_readable() || event.is_error();
            match event.token() {
                GROUP => {
                    if let Some(group) = &mut self.group {
                        group.ready |= readable;
                    }
                }
                UNICAST => {
                    self.unicast.ready |= readable;
                    writable |= event.is_writable();
                }
                _ => self.woken = true,
            }
        }
        Ok(writable)
    }

    /// Receives what is there (bounded per call), handing each datagram on with its sender; true if more may be waiting.
    ///
    /// Datagrams of one sender and channel come in the order the kernel gave them. A node's own multicast is among them:
    /// its sender is [`Udp::local_addr`]. `each` may change the bytes; they are gone when it returns.
    ///
    /// # Errors
    /// [`Error::Network`](crate::error::Error::Network) if a socket fails for good. ICMP errors that earlier datagrams
    /// met are no failure of this socket and are passed over.
    pub fn receive(&mut self, each: &mut dyn FnMut(SocketAddr, Channel, &mut [u8])) -> Result<bool> {
        for Early { from, channel, mut bytes } in std::mem::take(&mut self.early) {
            each(from, channel, &mut bytes);
        }
        self.receive_all(&mut |from, channel, bytes| {
            if !probe::is_probe(bytes) {
                each(from, channel, bytes);
            }
        })
    }

    /// As [`Udp::receive`] from the sockets alone, probes included.
    pub(super) fn receive_all(&mut self, each: Sink<'_>) -> Result<bool> {
        // The first round asks both sockets whatever was polled, so that callers need not wait before they receive.
        let mut round = self.receive_round(true, true, each);
        for _ in 1..BATCHES_PER_CALL {
            if round.is_err() || !self.is_ready() {
                break;
            }
            round = self.receive_round(self.unicast.ready, self.group_is_ready(), each);
        }
        round.map_err(|e| fault::network(Step::Receive, &self.plan, e))?;
        Ok(self.is_ready())
    }

    /// One batch from each socket that is asked for. Unicast first: repairs and requests are rare and awaited.
    fn receive_round(&mut self, unicast: bool, group: bool, each: Sink<'_>) -> io::Result<()> {
        if unicast {
            if let Some(hops) = &mut self.hops {
                hops.look(&self.unicast.socket);
            }
            self.unicast.receive_batch(&mut self.buffers, Channel::Unicast, each)?;
        }
        if let Some(socket) = self.group.as_mut().filter(|_| group) {
            socket.receive_batch(&mut self.buffers, Channel::Group, each)?;
        }
        Ok(())
    }

    pub(super) fn group_socket(&self) -> Option<&UdpSocket> {
        self.group.as_ref().map(|group| &group.socket)
    }

    pub(super) fn unicast_socket(&self) -> &UdpSocket {
        &self.unicast.socket
    }

    /// Keeps what the probe received for the first [`Udp::receive`].
    pub(super) fn keep(&mut self, early: VecDeque<Early>) {
        self.early = early;
    }

    /// Sends one or more datagrams of `segment` bytes each (the last may be shorter) that lie back to back in `bytes`.
    ///
    /// Any number of bytes: it is cut into trains as long as the system takes them. If the send buffer is full it waits
    /// for room, at most 2 ms.
    ///
    /// # Errors
    /// What the system said; the datagrams from the refused one on were not sent, and count as lost.
    /// `WouldBlock`: the send buffer stayed full. `InvalidInput`: `segment` is 0, or the address is of another IP
    /// version or has no port. `NotConnected`: there is no group. Nothing was sent then.
    pub fn send(&mut self, to: Destination, bytes: &[u8], segment: usize) -> io::Result<()> {
        let destination = match to {
            Destination::Group => {
                let none = || io::Error::new(ErrorKind::NotConnected, "there is no group here");
                self.plan.group.ok_or_else(none)?
            }
            Destination::Unicast(addr) => addr,
        };
        // The kernel's answer to these, EINVAL, would be taken for a refusal of segmentation, for good; and the address
        // is a datagram's source, so anybody can choose it.
        if segment == 0 || destination.port() == 0 || destination.is_ipv4() != self.plan.interface.is_ipv4() {
            return Err(io::Error::new(ErrorKind::InvalidInput, "a segment of 0 bytes, port 0 or another IP version"));
        }
        let mut patience = WRITABLE_WAIT_MAX;
        let mut rest = bytes;
        while !rest.is_empty() {
            let (train, after) = rest.split_at(self.train_len(segment).min(rest.len()));
            self.send_train(destination, train, segment, &mut patience)?;
            rest = after;
        }
        Ok(())
    }

    /// Bytes of the longest train of `segment`-byte datagrams the system now takes.
    fn train_len(&self, segment: usize) -> usize {
        // A segment beyond the MTU fails in a train on every try; alone it fails telling why, or passes on loopback.
        let segments = if segment > self.max_payload { 1 } else { self.unicast.state.max_gso_segments() };
        segment * segments.min(TRAIN_MAX / segment).max(1)
    }

    fn send_train(&mut self, to: SocketAddr, train: &[u8], segment: usize, patience: &mut Duration) -> io::Result<()> {
        let result = self.offer(&transmit(to, train, segment), patience);
        match result {
            Err(error) if train.len() > segment && refuses_segmentation(&error) => {
                // quinn-udp has turned segmentation off by now (EIO, EINVAL), but this train was not sent.
                tracing::debug!(%error, "train refused, sending its datagrams singly");
                train.chunks(segment).try_for_each(|datagram| self.offer(&transmit(to, datagram, segment), patience))
            }
            other => other,
        }
    }

    /// Hands one transmit to the kernel, over again while that can help.
    fn offer(&mut self, transmit: &Transmit<'_>, patience: &mut Duration) -> io::Result<()> {
        let mut tries = 1;
        loop {
            let Endpoint { socket, state, .. } = &self.unicast;
            match socket.try_io(|| state.try_send(socket.into(), transmit)) {
                Err(error) if tries < SEND_TRIES && is_icmp_answer(&error) => {}
                Err(error) if tries < SEND_TRIES && error.kind() == ErrorKind::WouldBlock => {
                    if !self.wait_writable(patience)? {
                        return Err(error);
                    }
                }
                other => return other,
            }
            tries += 1;
        }
    }

    /// Waits until the unicast socket takes a datagram again; false when `patience`, which it uses up, is exhausted.
    fn wait_writable(&mut self, patience: &mut Duration) -> io::Result<bool> {
        let start = Instant::now();
        // Always registered for writing, each datagram sent would end a wait.
        self.register_unicast(Interest::READABLE | Interest::WRITABLE)?;
        let mut writable = Ok(false);
        while matches!(writable, Ok(false)) && start.elapsed() < *patience {
            writable = self.poll_once(Some(patience.saturating_sub(start.elapsed())));
        }
        *patience = patience.saturating_sub(start.elapsed());
        self.register_unicast(Interest::READABLE)?;
        writable
    }

    fn register_unicast(&mut self, interest: Interest) -> io::Result<()> {
        self.poll.registry().reregister(&mut self.unicast.socket, UNICAST, interest)
    }

    /// Raw file descriptors (both sockets, the poll), for closing the inherited copies in a forked child.
    ///
    /// The waker's descriptor is not among them, as `mio` does not tell it; it closes with the last [`Waker`] and on exec.
    #[must_use]
    pub fn raw_fds(&self) -> Vec<i32> {
        #[cfg(unix)]
        {
            use std::os::fd::AsRawFd;
            let group = self.group.iter().map(|group| group.socket.as_raw_fd());
            group.chain([self.unicast.socket.as_raw_fd(), self.poll.as_raw_fd()]).collect()
        }
        #[cfg(not(unix))]
        Vec::new()
    }
}

impl fmt::Debug for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Udp { plan, local, receive_buffer, max_payload, multicast_heard, .. } = self;
        f.debug_struct("Udp")
            .field("plan", plan)
            .field("local", local)
            .field("receive_buffer", receive_buffer)
            .field("max_payload", max_payload)
            .field("multicast_heard", multicast_heard)
            .finish_non_exhaustive()
    }
}

impl Endpoint {
    fn register(socket: Socket, poll: &Poll, token: Token) -> io::Result<Endpoint> {
        let mut socket = UdpSocket::from_std(StdSocket::from(socket));
        // Also forbids fragments (DF) and turns merging on where the system can.
        let state = UdpSocketState::new((&socket).into())?;
        if state.may_fragment() {
            tracing::debug!("the system cannot forbid IP fragments on this socket");
        }
        poll.registry().register(&mut socket, token, Interest::READABLE)?;
        Ok(Endpoint { socket, state, ready: true })
    }

    /// Receives one batch and clears `ready` if that emptied the socket.
    fn receive_batch(&mut self, buffers: &mut Buffers, channel: Channel, each: Sink<'_>) -> io::Result<()> {
        let mut slices = buffers.each_mut().map(|buffer| IoSliceMut::new(buffer));
        let mut metas = [RecvMeta::default(); BATCH];
        let Endpoint { socket, state, .. } = self;
        let count = match socket.try_io(|| state.recv((&*socket).into(), &mut slices, &mut metas)) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.ready = false;
                return Ok(());
            }
            Err(error) if is_icmp_answer(&error) => {
                self.ready = true;
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        // A batch cut short found the socket empty; what comes after makes a new edge.
        self.ready = count >= BATCH.min(quinn_udp::BATCH_SIZE);
        for (slice, meta) in slices.iter_mut().zip(&metas).take(count) {
            split(slice, meta, channel, each);
        }
        Ok(())
    }
}

/// Hands on the datagrams that the kernel merged into one buffer.
fn split(slice: &mut [u8], meta: &RecvMeta, channel: Channel, each: Sink<'_>) {
    let received = slice.get_mut(..meta.len).unwrap_or_default();
    if received.is_empty() {
        // A datagram without payload is one all the same, and has no stride to be cut by.
        return each(meta.addr, channel, received);
    }
    for datagram in received.chunks_mut(meta.stride.max(1)) {
        each(meta.addr, channel, datagram);
    }
}

fn transmit(destination: SocketAddr, contents: &[u8], segment: usize) -> Transmit<'_> {
    Transmit { destination, ecn: None, contents, segment_size: Some(segment), src_ip: None }
}

/// Whether a train may have been refused for being one: EIO is a card's driver, EINVAL and EMSGSIZE are kernels'.
fn refuses_segmentation(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE))
}

/// Whether it tells of an ICMP answer to an earlier datagram: someone else's port is closed, this socket is well.
fn is_icmp_answer(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionRefused | ErrorKind::ConnectionReset)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::transport::tests::{drain_for, open, options};

    #[test]
    fn a_wait_for_room_to_send_forgets_neither_datagrams_nor_wakes() {
        let mut udp = open(&options());
        drain_for(&mut udp, Duration::from_millis(1));
        udp.waker().wake();
        udp.send(Destination::Group, b"datagram", 8).expect("loopback takes it");
        let mut patience = Duration::from_secs(5);
        assert!(udp.wait_writable(&mut patience).expect("the poll works"), "loopback always has room");
        assert!(patience > Duration::from_secs(1));
        assert!(udp.woken, "the edge of the wake was spent on the wait for room");
        udp.woken = false;
        // So may have been the datagram's: the next wait must not sleep over it.
        let start = Instant::now();
        assert_eq!(drain_for(&mut udp, Duration::from_secs(5)).len(), 1);
        assert!(start.elapsed() < Duration::from_secs(4));
    }

    #[test]
    fn a_wait_for_room_to_send_ends_when_its_patience_does() {
        let mut udp = open(&options());
        let mut patience = Duration::ZERO;
        assert!(!udp.wait_writable(&mut patience).expect("the poll works"));
    }

    /// Sends to a group nobody joined, as if an input firewall dropped what comes back.
    #[test]
    fn a_probe_that_is_not_heard_is_told_and_keeps_a_bounded_number_of_others_datagrams() {
        let mut udp = open(&options());
        let to = Destination::Unicast(udp.local_addr());
        udp.send(to, &[7; 3 * 1024], 2).expect("sent");
        udp.plan.group = Some(SocketAddr::from((Ipv4Addr::new(239, 255, 255, 255), 4000)));
        let plan = udp.plan.clone();
        assert!(!probe::run(&mut udp, &plan).expect("sending works"));
        let mut kept = 0;
        while udp.receive(&mut |_, _, _| kept += 1).expect("the sockets work") {}
        assert_eq!(kept, 1024, "of 1536");
    }

    /// Linux refuses broadcast to a socket without SO_BROADCAST with EACCES, as an output firewall does with EPERM.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_probe_that_cannot_be_sent_fails_the_opening_with_a_cure() {
        let mut udp = open(&options());
        udp.plan.group = Some(SocketAddr::from((Ipv4Addr::BROADCAST, 4000)));
        let plan = udp.plan.clone();
        let text = probe::run(&mut udp, &plan).expect_err("it is refused").to_string();
        assert!(text.starts_with("cannot send to the group") && text.contains("output firewall"), "{text}");
    }

    #[test]
    fn a_buffer_is_cut_where_the_kernel_merged() {
        let from: SocketAddr = "127.0.0.1:1".parse().expect("an address");
        let cut = |len, stride| {
            let mut lengths = Vec::new();
            let meta = RecvMeta { addr: from, len, stride, ..RecvMeta::default() };
            split(&mut [0; 16], &meta, Channel::Group, &mut |_, _, bytes| lengths.push(bytes.len()));
            lengths
        };
        assert_eq!(cut(10, 4), [4, 4, 2]);
        assert_eq!(cut(10, 10), [10]);
        assert_eq!(cut(0, 0), [0]);
        assert_eq!(cut(3, 0), [1, 1, 1], "nonsense from the kernel is cut small, not trusted");
        assert_eq!(cut(17, 4), [0], "a length beyond the buffer is not believed");
    }

    #[test]
    fn trains_are_as_long_as_kernel_and_packet_allow() {
        let udp = open(&options());
        let most = udp.unicast.state.max_gso_segments();
        assert_eq!(udp.train_len(1400), 1400 * most.min(46));
        assert_eq!(udp.train_len(100), 100 * most.min(655));
        assert_eq!(udp.train_len(1473), 1473, "beyond the MTU: alone");
        assert_eq!(udp.train_len(70_000), 70_000, "beyond UDP: alone, for the kernel to refuse");
    }
}

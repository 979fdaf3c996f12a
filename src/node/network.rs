//! What a node knows of its network, for who asks why members do not find each other (`mccache doctor`).

use std::net::SocketAddr;

use super::Node;
use super::core::{Command, NodeCore};
use crate::error::Result;
use crate::protocol::{Protocol, Stranger};
use crate::transport::Udp;

/// A node's sockets, its list of members, and who was heard and not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// Where this node's datagrams come from.
    pub local: SocketAddr,
    /// The group that was joined; None: everything goes by unicast.
    pub group: Option<SocketAddr>,
    /// Whether this node heard its own multicast when it was opened.
    pub multicast_heard: bool,
    /// Largest UDP payload that the interface carries in one piece.
    pub payload_carried: usize,
    /// Bytes of receive buffer: asked, granted.
    pub receive_buffer: (usize, usize),
    /// Where members were looked for, each with whether one is there.
    pub contacts: Vec<(SocketAddr, bool)>,
    /// Who sent by unicast since this was asked for, no longer ago than ten seconds before: each with the number of routers
    /// between, by the time to live of the last datagram that was looked at. Empty where the system does not tell; Linux
    /// does.
    pub hops: Vec<(SocketAddr, u8)>,
    /// Names in `members` that were not found in DNS, each with the reason.
    pub unknown_names: Vec<(String, String)>,
    /// Senders whose datagrams were not opened. Anybody can have sent them.
    pub strangers: Vec<Stranger>,
}

impl Network {
    /// As it is now.
    pub(super) fn of(udp: &Udp, protocol: &Protocol, unknown_names: &[(String, String)]) -> Network {
        Network {
            local: udp.local_addr(),
            group: udp.group(),
            multicast_heard: udp.multicast_heard(),
            payload_carried: udp.max_payload(),
            receive_buffer: udp.receive_buffer(),
            contacts: protocol.contacts(),
            hops: udp.hops(),
            unknown_names: unknown_names.to_vec(),
            strangers: protocol.strangers(),
        }
    }
}

impl Node {
    /// What this node knows of its network. Waits for a turn of the driver.
    ///
    /// # Errors
    /// As [`Node::members`].
    pub fn network(&self) -> Result<Network> {
        self.live()?.asked(Command::Network)
    }
}

impl NodeCore {
    /// The driver's answer to a question.
    pub(super) fn asked<T>(&self, question: impl FnOnce(crossbeam_channel::Sender<T>) -> Command) -> Result<T> {
        let (answer, told) = crossbeam_channel::bounded(1);
        self.question(question(answer))?;
        told.recv_timeout(super::ANSWER_WAIT_MAX).map_err(|error| match error {
            crossbeam_channel::RecvTimeoutError::Timeout => {
                crate::error::Error::Timeout { what: "the driver to answer".into(), waited: super::ANSWER_WAIT_MAX }
            }
            crossbeam_channel::RecvTimeoutError::Disconnected => self.gone(),
        })
    }
}

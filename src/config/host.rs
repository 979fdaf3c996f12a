//! What this host answers while settings are resolved: its name, its interfaces, its routes.
//!
//! The invariant: nothing is sent and nothing is changed. What the answers lead to does not live here (`resolve`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

/// The questions, so that tests can stand in for a host.
pub(super) trait Host {
    /// The host's name, or an empty text.
    fn name(&self) -> String;
    /// This process's id.
    fn process(&self) -> u32;
    /// Each IPv4 address with the name of its interface.
    fn interfaces(&self) -> io::Result<Vec<(String, Ipv4Addr)>>;
    /// This host's own address on the route to `group`.
    fn address_towards(&self, group: SocketAddr) -> io::Result<Ipv4Addr>;
}

/// The host this process runs on.
#[derive(Debug)]
pub(super) struct ThisHost;

impl Host for ThisHost {
    #[cfg(unix)]
    fn name(&self) -> String {
        rustix::system::uname().nodename().to_string_lossy().into_owned()
    }

    #[cfg(not(unix))]
    fn name(&self) -> String {
        std::env::var("COMPUTERNAME").unwrap_or_default()
    }

    fn process(&self) -> u32 {
        std::process::id()
    }

    fn interfaces(&self) -> io::Result<Vec<(String, Ipv4Addr)>> {
        let all = if_addrs::get_if_addrs()?;
        Ok(all
            .into_iter()
            .filter_map(|interface| match interface.ip() {
                IpAddr::V4(address) => Some((interface.name, address)),
                IpAddr::V6(_) => None,
            })
            .collect())
    }

    /// Connecting a UDP socket looks the route up and sends nothing.
    fn address_towards(&self, group: SocketAddr) -> io::Result<Ipv4Addr> {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(group)?;
        match socket.local_addr()?.ip() {
            IpAddr::V4(address) if !address.is_unspecified() && !address.is_loopback() => Ok(address),
            other => Err(io::Error::new(io::ErrorKind::AddrNotAvailable, format!("the route leads to {other}"))),
        }
    }
}

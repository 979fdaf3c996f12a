//! What this host answers while settings are resolved: its name, its interfaces, its routes.
//!
//! The invariant: nothing is sent and nothing is changed. What the answers lead to does not live here (`resolve`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

/// The questions, so that tests can stand in for a host.
pub(super) trait Host {
    /// The host's name, or an empty text.
    fn name(&self) -> String;
    /// This process's id.
    fn process(&self) -> u32;
    /// Each address with the name of its interface.
    fn interfaces(&self) -> io::Result<Vec<(String, IpAddr)>>;
    /// This host's own address on the route to `there`.
    fn address_towards(&self, there: SocketAddr) -> io::Result<IpAddr>;
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

    fn interfaces(&self) -> io::Result<Vec<(String, IpAddr)>> {
        Ok(if_addrs::get_if_addrs()?.into_iter().map(|interface| (interface.name.clone(), interface.ip())).collect())
    }

    /// Connecting a UDP socket looks the route up and sends nothing.
    fn address_towards(&self, there: SocketAddr) -> io::Result<IpAddr> {
        let any: IpAddr = if there.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.connect(there)?;
        let address = socket.local_addr()?.ip();
        if address.is_unspecified() || address.is_loopback() {
            return Err(io::Error::new(io::ErrorKind::AddrNotAvailable, format!("the route leads to {address}")));
        }
        Ok(address)
    }
}

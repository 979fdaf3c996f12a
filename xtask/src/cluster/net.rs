//! A network of this machine's own: hosts that are network namespaces, each with one interface on a bridge in another
//! namespace; and what may befall it.
//!
//! The invariant: nothing here touches the machine's own network, and everything is removed when the [`Net`] is dropped,
//! or else by the next run, which removes what a run that was killed left behind.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// The interface of every host.
pub(crate) const INTERFACE: &str = "eth0";
/// How every namespace of ours begins; the process that made it follows.
const OURS: &str = "mcc";

/// The bridge and its hosts.
#[derive(Debug)]
pub(crate) struct Net {
    tag: String,
    hosts: usize,
}

impl Net {
    /// A bridge with these options (`ip link ... type bridge OPTIONS`) and hosts on it, numbered from 0.
    pub(crate) fn new(hosts: usize, bridge: &[&str]) -> Result<Net, String> {
        remove_orphans()?;
        // Made first, so that a failure half-way removes what there is.
        let mut net = Net { tag: format!("{OURS}{}", std::process::id()), hosts: 0 };
        net.make_namespace(&net.switch())?;
        let mut link = vec!["link", "add", "br0", "type", "bridge"];
        link.extend_from_slice(bridge);
        net.ip(&net.switch(), &link)?;
        net.ip(&net.switch(), &["link", "set", "br0", "up"])?;
        for _ in 0..hosts {
            net.add_host()?;
        }
        Ok(net)
    }

    /// One more host; its number.
    pub(crate) fn add_host(&mut self) -> Result<usize, String> {
        let host = self.hosts;
        self.hosts += 1;
        self.make_namespace(&self.namespace(host))?;
        self.ip(&self.namespace(host), &["link", "set", "lo", "up"])?;
        self.connect(host)?;
        nft(
            &self.namespace(host),
            "table inet mcc {
                chain lose { type filter hook input priority 0; }
                chain cut { type filter hook input priority -10; }
            }",
        )?;
        Ok(host)
    }

    /// The namespace of a host.
    pub(crate) fn namespace(&self, host: usize) -> String {
        format!("{}h{host}", self.tag)
    }

    /// The address of a host.
    pub(crate) fn address(&self, host: usize) -> String {
        format!("10.77.0.{}", host + 1)
    }

    /// Gives a host its interface.
    pub(crate) fn connect(&self, host: usize) -> Result<(), String> {
        let (namespace, port) = (self.namespace(host), format!("p{host}"));
        let peer = ["peer", "name", INTERFACE, "netns", &namespace];
        self.ip(&self.switch(), &[&["link", "add", &port, "type", "veth"], &peer[..]].concat())?;
        self.ip(&self.switch(), &["link", "set", &port, "master", "br0", "up"])?;
        let address = format!("{}/24", self.address(host));
        self.ip(&namespace, &["address", "add", &address, "dev", INTERFACE])?;
        // Without a search for duplicates, which would keep the address from use for a second.
        let address = format!("fd77::{:x}/64", host + 1);
        self.ip(&namespace, &["address", "add", &address, "dev", INTERFACE, "nodad"])?;
        self.ip(&namespace, &["link", "set", INTERFACE, "up"])?;
        self.ip(&namespace, &["route", "add", "default", "dev", INTERFACE])
    }

    /// Takes a host's interface away, with its address and its routes, as an unplugged card or a stopped container network.
    pub(crate) fn disconnect(&self, host: usize) -> Result<(), String> {
        self.ip(&self.namespace(host), &["link", "delete", INTERFACE])
    }

    /// Has a host send each datagram by itself: the kernel cuts trains before the wire, so that each is lost by itself.
    pub(crate) fn cut_trains(&self, host: usize) -> Result<(), String> {
        self.ip(&self.namespace(host), &["link", "set", INTERFACE, "gso_max_segs", "1"])
    }

    /// Loses this share of what reaches a host, in thousandths. A train that travels as one packet is lost as one.
    pub(crate) fn lose(&self, host: usize, permille: u32) -> Result<(), String> {
        let rule = format!("add rule inet mcc lose meta l4proto udp numgen random mod 1000 < {permille} counter drop");
        nft(&self.namespace(host), &format!("flush chain inet mcc lose\n{rule}"))
    }

    /// Packets that [`Net::lose`] has lost at a host since it was last called.
    pub(crate) fn lost(&self, host: usize) -> Result<u64, String> {
        let listed = output(&mut inside(&self.namespace(host), "nft", &["list", "chain", "inet", "mcc", "lose"]), "")?;
        Ok(packets(&listed))
    }

    /// Lets nothing from these hosts reach this one.
    pub(crate) fn cut(&self, host: usize, from: &[usize]) -> Result<(), String> {
        let addresses: Vec<String> = from.iter().filter(|other| **other != host).map(|h| self.address(*h)).collect();
        let rule = format!("add rule inet mcc cut ip saddr {{ {} }} drop", addresses.join(", "));
        nft(&self.namespace(host), &format!("flush chain inet mcc cut\n{rule}"))
    }

    /// Undoes [`Net::cut`].
    pub(crate) fn heal(&self, host: usize) -> Result<(), String> {
        nft(&self.namespace(host), "flush chain inet mcc cut")
    }

    fn switch(&self) -> String {
        format!("{}sw", self.tag)
    }

    fn make_namespace(&self, name: &str) -> Result<(), String> {
        output(Command::new("ip").args(["netns", "add", name]), "").map(drop)
    }

    fn ip(&self, namespace: &str, arguments: &[&str]) -> Result<(), String> {
        output(Command::new("ip").args(["-netns", namespace]).args(arguments), "").map(drop)
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        let hosts = (0..self.hosts).map(|host| self.namespace(host));
        for namespace in hosts.chain([self.switch()]) {
            // What could not be removed is removed by the next run.
            let _left = output(Command::new("ip").args(["netns", "delete", &namespace]), "");
        }
    }
}

/// A program inside a namespace. `ip netns exec` becomes the program, so that its process is the child.
pub(crate) fn inside(namespace: &str, program: impl AsRef<std::ffi::OsStr>, arguments: &[&str]) -> Command {
    let mut command = Command::new("ip");
    command.args(["netns", "exec", namespace]).arg(program).args(arguments);
    command
}

/// Why there can be no such network here, if so.
pub(crate) fn obstacle() -> Option<String> {
    for (program, package) in [("ip", "iproute2"), ("nft", "nftables")] {
        if crate::workspace::on_path(program).is_none() {
            return Some(format!("`{program}` is not on PATH (Debian's package {package})"));
        }
    }
    let name = format!("{OURS}{}try", std::process::id());
    let made = output(Command::new("ip").args(["netns", "add", &name]), "");
    let ruled = made.and_then(|_| nft(&name, "table inet mcc { chain c { type filter hook input priority 0; }; }"));
    let links = [&["br0", "type", "bridge"][..], &["p0", "type", "veth", "peer", "name", "p1"]];
    let linked = ruled.and_then(|()| {
        let add = |link: &&[&str]| output(Command::new("ip").args(["-netns", &name, "link", "add"]).args(*link), "");
        links.iter().try_for_each(|link| add(link).map(drop))
    });
    let _absent = output(Command::new("ip").args(["netns", "delete", &name]), "");
    linked
        .err()
        .map(|problem| format!("no network namespaces with rules, bridges and cables here (root is needed): {problem}"))
}

/// Removes namespaces of runs whose process is gone.
fn remove_orphans() -> Result<(), String> {
    let listed = output(Command::new("ip").args(["netns", "list"]), "")?;
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        let digits: String = name.strip_prefix(OURS).unwrap_or("").chars().take_while(char::is_ascii_digit).collect();
        if !digits.is_empty() && !Path::new("/proc").join(&digits).exists() {
            let _left = output(Command::new("ip").args(["netns", "delete", name]), "");
        }
    }
    Ok(())
}

fn nft(namespace: &str, script: &str) -> Result<(), String> {
    output(&mut inside(namespace, "nft", &["-f", "-"]), script).map(drop)
}

/// Runs a program that must succeed, with `input`; its output.
fn output(command: &mut Command, input: &str) -> Result<String, String> {
    let mut run = || {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(input.as_bytes())?;
        }
        child.wait_with_output()
    };
    let ended = run().map_err(|error| format!("{command:?}: {error}"))?;
    if ended.status.success() {
        return Ok(String::from_utf8_lossy(&ended.stdout).into_owned());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&ended.stderr).trim().replace('\n', " ")))
}

/// The packets that `nft list chain` says a rule has counted.
fn packets(listed: &str) -> u64 {
    let after = listed.split("counter packets ").nth(1).unwrap_or("");
    after.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_are_read_from_a_listed_rule() {
        let listed = "table inet mcc {\n chain lose {\n meta l4proto udp numgen random mod 1000 < 50 counter packets 1234 \
                      bytes 99 drop\n }\n}";
        assert_eq!(packets(listed), 1234);
        assert_eq!(packets("table inet mcc { }"), 0);
    }
}

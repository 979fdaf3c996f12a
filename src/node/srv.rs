//! SRV records (RFC 2782): where a service's hosts are, each with its port.
//!
//! The system's resolver tells addresses alone, so the name servers of `/etc/resolv.conf` are asked here: by UDP with room
//! for 1,232 bytes (RFC 6891), by TCP if an answer does not fit, in turn if they do not answer, for the name with the
//! domains of `search` behind it as `ndots` says. The invariant: it ends, after so many questions of so long each.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

use simple_dns::rdata::{OPT, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QCLASS, QTYPE, Question, RCODE, TYPE};

use crate::crypto;

/// Where the system says whom to ask.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Room for an answer by UDP: the largest that no path cuts up (the DNS flag day of 2020).
const UDP_MAX: u16 = 1_232;
/// Datagrams that are not the answer, after which it is waited for no more.
const STRAYS_MAX: usize = 16;
/// The system may say to wait for longer, or to ask more often.
const TIMEOUT_MAX: Duration = Duration::from_secs(5);
const ATTEMPTS_MAX: u32 = 3;
const SERVERS_MAX: usize = 3;
const SEARCH_MAX: usize = 6;

/// A host of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub(super) host: String,
    pub(super) port: u16,
    /// What came with the answer. It may be none, and then has to be looked up.
    pub(super) addresses: Vec<IpAddr>,
}

/// Why there are no hosts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// Nobody can be asked.
    NoServer(String),
    /// Those who were asked did not answer.
    Silent(String),
    /// One answered that it cannot.
    Failed(SocketAddr, String),
    /// There is no such name.
    NoName,
    /// The name has no SRV records, or they say that the service is not there.
    NoRecords,
    /// It can be none.
    BadName,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Missing::NoServer(why) => write!(f, "no name server to ask for SRV records: {why}"),
            Missing::Silent(why) => write!(f, "no name server answers: {why}"),
            Missing::Failed(server, why) => write!(f, "the name server {server} answers {why}"),
            Missing::NoName => write!(f, "no such name"),
            Missing::NoRecords => write!(f, "the name has no SRV records"),
            Missing::BadName => write!(f, "a part of more than 63 bytes, or of none"),
        }
    }
}

/// Whom to ask, and how.
#[derive(Clone, Debug)]
pub(super) struct Servers {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) search: Vec<String>,
    pub(super) ndots: usize,
    pub(super) timeout: Duration,
    pub(super) attempts: u32,
}

impl Servers {
    /// As the system has it now.
    pub(super) fn of_system() -> Result<Servers, Missing> {
        let no_server = |error: io::Error| Missing::NoServer(format!("{RESOLV_CONF}: {error}"));
        let text = std::fs::read(RESOLV_CONF).map_err(no_server)?;
        Ok(Servers::parse(&text))
    }

    fn parse(text: &[u8]) -> Servers {
        // What it does not understand it leaves out, as the system's resolver does.
        let (config, _errors) = resolv_conf::Config::parse_with_errors(text);
        let servers = config.get_nameservers_or_local();
        Servers {
            addresses: servers.iter().take(SERVERS_MAX).map(|ip| SocketAddr::from((IpAddr::from(ip), 53))).collect(),
            search: config.get_last_search_or_domain().take(SEARCH_MAX).cloned().collect(),
            ndots: usize::try_from(config.ndots).unwrap_or(usize::MAX),
            timeout: Duration::from_secs(config.timeout.into()).clamp(Duration::from_secs(1), TIMEOUT_MAX),
            attempts: config.attempts.clamp(1, ATTEMPTS_MAX),
        }
    }

    /// The hosts of the service `name`.
    pub(super) fn targets(&self, name: &str) -> Result<Vec<Target>, Missing> {
        let mut missing = Missing::NoName;
        for name in self.candidates(name) {
            match self.ask(&name) {
                // One that exists says more than one that does not.
                Err(Missing::NoName) => {}
                Err(Missing::NoRecords) => missing = Missing::NoRecords,
                other => return other,
            }
        }
        Err(missing)
    }

    /// The names that `name` may stand for, as resolv.conf(5) has it.
    fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return vec![whole.to_owned()];
        }
        let mut names: Vec<String> = self.search.iter().map(|domain| format!("{name}.{domain}")).collect();
        let dots = name.bytes().filter(|&byte| byte == b'.').count();
        names.insert(if dots >= self.ndots { 0 } else { names.len() }, name.to_owned());
        names
    }

    fn ask(&self, name: &str) -> Result<Vec<Target>, Missing> {
        let question = Name::new(name).map_err(|_too_long| Missing::BadName)?;
        let (mut silent, mut failed) = (Vec::new(), None);
        for attempt in 0..self.attempts {
            for &server in &self.addresses {
                match self.ask_server(server, &question).map(|answer| targets_of(server, &answer, &question)) {
                    // Another one may be able to.
                    Ok(Err(failure @ Missing::Failed(..))) => failed = Some(failure),
                    Ok(told) => return told,
                    Err(error) if attempt == 0 => silent.push(format!("{server} ({})", words(&error))),
                    Err(_again) => {}
                }
            }
        }
        Err(failed.unwrap_or_else(|| Missing::Silent(silent.join(", "))))
    }

    /// The answer of one server, by UDP, or by TCP if that was cut short.
    fn ask_server(&self, server: SocketAddr, name: &Name<'_>) -> io::Result<Vec<u8>> {
        let id = u16::from_le_bytes(crypto::random().map_err(io::Error::other)?);
        let query = query(id, name).map_err(io::Error::other)?;
        let answer = self.ask_udp(server, &query, (id, name))?;
        let is_cut = Packet::parse(&answer).map_or(true, |packet| packet.has_flags(PacketFlag::TRUNCATION));
        if is_cut { self.ask_tcp(server, &query, (id, name)) } else { Ok(answer) }
    }

    fn ask_udp(&self, server: SocketAddr, query: &[u8], asked: (u16, &Name<'_>)) -> io::Result<Vec<u8>> {
        let any = if server.is_ipv4() { IpAddr::from(Ipv4Addr::UNSPECIFIED) } else { Ipv6Addr::UNSPECIFIED.into() };
        let socket = UdpSocket::bind((any, 0))?;
        socket.set_read_timeout(Some(self.timeout))?;
        // Nobody else's datagrams come in, and a closed port shows as an error.
        socket.connect(server)?;
        socket.send(query)?;
        let mut answer = vec![0; UDP_MAX.into()];
        for _ in 0..STRAYS_MAX {
            let len = socket.recv(&mut answer)?;
            let got = answer.get(..len).unwrap_or_default();
            if is_answer(got, asked) {
                return Ok(got.to_vec());
            }
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, "answers to other questions only"))
    }

    fn ask_tcp(&self, server: SocketAddr, query: &[u8], asked: (u16, &Name<'_>)) -> io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&server, self.timeout)?;
        stream.set_read_timeout(Some(self.timeout))?;
        stream.set_write_timeout(Some(self.timeout))?;
        let len = u16::try_from(query.len()).map_err(io::Error::other)?;
        stream.write_all(&[&len.to_be_bytes(), query].concat())?;
        let mut len = [0; 2];
        stream.read_exact(&mut len)?;
        let mut answer = vec![0; u16::from_be_bytes(len).into()];
        stream.read_exact(&mut answer)?;
        match is_answer(&answer, asked) && Packet::parse(&answer).is_ok() {
            true => Ok(answer),
            false => Err(io::Error::new(io::ErrorKind::InvalidData, "no answer to the question by TCP")),
        }
    }
}

fn query(id: u16, name: &Name<'_>) -> simple_dns::Result<Vec<u8>> {
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    *packet.opt_mut() = Some(OPT { opt_codes: Vec::new(), udp_packet_size: UDP_MAX, version: 0 });
    let (qtype, qclass) = (QTYPE::TYPE(TYPE::SRV), QCLASS::CLASS(CLASS::IN));
    packet.questions.push(Question::new(name.clone(), qtype, qclass, false));
    packet.build_bytes_vec()
}

/// Whether a message answers this question; what is cut short after the question is an answer, too.
fn is_answer(bytes: &[u8], (id, name): (u16, &Name<'_>)) -> bool {
    // Id, flags with the highest bit for an answer, one question.
    let starts = matches!(bytes, [a, b, flags, _, 0, 1, ..] if [*a, *b] == id.to_be_bytes() && flags & 0x80 != 0);
    let Some(rest) = bytes.get(12..).filter(|_| starts) else { return false };
    // A question cannot be compressed: its name stands first.
    let mut expected: Vec<u8> = Vec::new();
    for label in name.as_bytes() {
        expected.push(u8::try_from(label.len()).unwrap_or(0));
        expected.extend_from_slice(label);
    }
    expected.push(0);
    rest.get(..expected.len()).is_some_and(|name| name.eq_ignore_ascii_case(&expected))
}

fn targets_of(server: SocketAddr, answer: &[u8], name: &Name<'_>) -> Result<Vec<Target>, Missing> {
    let failed = |why: String| Missing::Failed(server, why);
    let packet = Packet::parse(answer).map_err(|error| failed(error.to_string()))?;
    match packet.rcode() {
        RCODE::NoError => {}
        RCODE::NameError => return Err(Missing::NoName),
        other => return Err(failed(format!("{other:?} for {name}"))),
    }
    let addresses_of = |host: &Name<'_>| {
        let of_host = packet.additional_records.iter().filter(|record| record.name == *host);
        let addresses = of_host.filter_map(|record| match &record.rdata {
            RData::A(a) => Some(IpAddr::from(Ipv4Addr::from(a.address))),
            RData::AAAA(aaaa) => Some(IpAddr::from(Ipv6Addr::from(aaaa.address))),
            _ => None,
        });
        addresses.collect()
    };
    let targets: Vec<Target> = packet
        .answers
        .iter()
        .filter_map(|record| match &record.rdata {
            // A target of no labels, ".", says that the service is not there.
            RData::SRV(srv) if srv.port != 0 && !srv.target.get_labels().is_empty() => {
                Some(Target { host: srv.target.to_string(), port: srv.port, addresses: addresses_of(&srv.target) })
            }
            _ => None,
        })
        .collect();
    if targets.is_empty() { Err(Missing::NoRecords) } else { Ok(targets) }
}

fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "silent".to_owned(),
        io::ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
        _ => error.to_string(),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a name server answers on a thread of its own")]
mod tests {
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use simple_dns::ResourceRecord;
    use simple_dns::rdata::{A, SRV};

    use super::*;

    /// What a name server of the test does with a question by UDP, made from its empty reply.
    type Answer = fn(&mut Packet<'_>);

    const PATIENCE: Duration = Duration::from_secs(10);

    /// Answers so many questions by UDP at a port of its own, and one by TCP if asked to; ends then.
    struct NameServer {
        address: SocketAddr,
        thread: JoinHandle<Vec<String>>,
    }

    impl NameServer {
        fn start(questions: usize, by_tcp: bool, answer: Answer) -> NameServer {
            let (udp, tcp) = loop {
                let udp = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has room");
                // The same port, unless another process has it.
                if let Ok(tcp) = TcpListener::bind(udp.local_addr().expect("it is bound")) {
                    break (udp, tcp);
                }
            };
            udp.set_read_timeout(Some(PATIENCE)).expect("an option every socket has");
            let address = udp.local_addr().expect("it is bound");
            let thread = std::thread::spawn(move || {
                let mut asked = Vec::new();
                for _ in 0..questions {
                    let mut bytes = [0; 512];
                    let (len, asker) = udp.recv_from(&mut bytes).expect("a question within ten seconds");
                    let mut reply = reply_to(&bytes[..len], &mut asked);
                    answer(&mut reply);
                    if by_tcp {
                        reply.answers.clear();
                        reply.set_flags(PacketFlag::TRUNCATION);
                    }
                    // Somebody else's, which must be passed over.
                    let mut other = reply.clone();
                    other.set_id(reply.id().wrapping_add(1));
                    for packet in [other, reply] {
                        udp.send_to(&packet.build_bytes_vec().expect("an answer"), asker).expect("sent");
                    }
                }
                if by_tcp {
                    let (mut stream, _) = tcp.accept().expect("asked again");
                    stream.set_read_timeout(Some(PATIENCE)).expect("an option every socket has");
                    let mut len = [0; 2];
                    stream.read_exact(&mut len).expect("a length");
                    let mut bytes = vec![0; u16::from_be_bytes(len).into()];
                    stream.read_exact(&mut bytes).expect("a question");
                    let mut reply = reply_to(&bytes, &mut asked);
                    answer(&mut reply);
                    let bytes = reply.build_bytes_vec().expect("an answer");
                    let len = u16::try_from(bytes.len()).expect("below 64 KiB").to_be_bytes();
                    stream.write_all(&[&len[..], &bytes].concat()).expect("sent");
                }
                asked
            });
            NameServer { address, thread }
        }

        fn servers(&self) -> Servers {
            Servers { addresses: vec![self.address], search: Vec::new(), ndots: 1, timeout: PATIENCE, attempts: 1 }
        }

        /// What it was asked for.
        fn asked(self) -> Vec<String> {
            self.thread.join().expect("it was asked as often as it was to be")
        }
    }

    fn reply_to(question: &[u8], asked: &mut Vec<String>) -> Packet<'static> {
        let packet = Packet::parse(question).expect("a question");
        let [question] = &packet.questions[..] else { panic!("one question") };
        assert_eq!((question.qtype, question.qclass), (QTYPE::TYPE(TYPE::SRV), QCLASS::CLASS(CLASS::IN)));
        assert!(packet.has_flags(PacketFlag::RECURSION_DESIRED));
        assert_eq!(packet.opt().map(|opt| opt.udp_packet_size), Some(UDP_MAX));
        asked.push(question.qname.to_string());
        let mut reply = Packet::new_reply(packet.id());
        reply.questions.push(question.clone().into_owned());
        reply
    }

    fn record(reply: &mut Packet<'_>, host: &'static str, port: u16) {
        let name = reply.questions[0].qname.clone().into_owned();
        let srv = SRV { priority: 0, weight: 0, port, target: Name::new_unchecked(host) };
        reply.answers.push(ResourceRecord::new(name, CLASS::IN, 30, RData::SRV(srv)));
    }

    fn target(host: &str, port: u16, addresses: &[IpAddr]) -> Target {
        Target { host: host.to_owned(), port, addresses: addresses.to_vec() }
    }

    #[test]
    fn a_service_is_its_hosts_with_their_ports_and_the_addresses_that_came_along() {
        let server = NameServer::start(1, false, |reply| {
            record(reply, "a.test", 4_000);
            record(reply, "b.test", 4_001);
            let address = RData::A(A { address: Ipv4Addr::new(192, 0, 2, 7).into() });
            reply.additional_records.push(ResourceRecord::new(Name::new_unchecked("B.TEST"), CLASS::IN, 30, address));
        });
        let targets = server.servers().targets("_mccache._udp.cache.test");
        let b = IpAddr::from([192, 0, 2, 7]);
        assert_eq!(targets, Ok(vec![target("a.test", 4_000, &[]), target("b.test", 4_001, &[b])]));
        assert_eq!(server.asked(), ["_mccache._udp.cache.test"]);
    }

    #[test]
    fn an_answer_that_fits_no_datagram_comes_by_tcp() {
        let server =
            NameServer::start(1, true, |reply| (1..=300).for_each(|port| record(reply, "host.cache.test", port)));
        let targets = server.servers().targets("_mccache._udp.cache.test").expect("an answer");
        assert_eq!((targets.len(), &targets[299]), (300, &target("host.cache.test", 300, &[])));
        assert_eq!(server.asked().len(), 2);
    }

    #[test]
    fn names_are_tried_with_the_domains_that_the_system_searches() {
        let servers = |search: &[&str], ndots| Servers {
            addresses: Vec::new(),
            search: search.iter().map(|&domain| domain.to_owned()).collect(),
            ndots,
            timeout: PATIENCE,
            attempts: 1,
        };
        let names = |name, ndots| servers(&["ns.svc.cluster.local", "local"], ndots).candidates(name);
        assert_eq!(names("_m._udp.c", 5), ["_m._udp.c.ns.svc.cluster.local", "_m._udp.c.local", "_m._udp.c"]);
        assert_eq!(names("_m._udp.c", 1), ["_m._udp.c", "_m._udp.c.ns.svc.cluster.local", "_m._udp.c.local"]);
        assert_eq!(names("_m._udp.c.", 5), ["_m._udp.c"]);
        let server = NameServer::start(2, false, |reply| {
            if reply.questions[0].qname.to_string() == "_m._udp.c.test" {
                record(reply, "a.test", 1);
            } else {
                *reply.rcode_mut() = RCODE::NameError;
            }
        });
        let found =
            Servers { search: vec!["no.test".into(), "test".into(), "never".into()], ndots: 5, ..server.servers() };
        assert_eq!(found.targets("_m._udp.c"), Ok(vec![target("a.test", 1, &[])]));
        assert_eq!(server.asked(), ["_m._udp.c.no.test", "_m._udp.c.test"]);
    }

    #[test]
    fn why_there_is_nothing_is_told() {
        let told = |answer: Answer| {
            let server = NameServer::start(1, false, answer);
            let told = server.servers().targets("_m._udp.x").expect_err("nothing");
            server.asked();
            told
        };
        assert_eq!(told(|reply| *reply.rcode_mut() = RCODE::NameError), Missing::NoName);
        assert_eq!(told(|_empty| ()), Missing::NoRecords);
        assert_eq!(told(|reply| record(reply, "", 1)), Missing::NoRecords, "the target . means that it is not there");
        let failed = told(|reply| *reply.rcode_mut() = RCODE::ServerFailure).to_string();
        assert!(failed.contains("ServerFailure") && failed.contains("127.0.0.1:"), "{failed}");
        let too_long = "x".repeat(64);
        let nobody = Servers {
            addresses: vec![SocketAddr::from((Ipv4Addr::LOCALHOST, 9))],
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_millis(50),
            attempts: 2,
        };
        assert_eq!(nobody.targets(&too_long), Err(Missing::BadName));
        let silent = nobody.targets("x").expect_err("nobody is at the port of discard").to_string();
        assert!(silent.starts_with("no name server answers: 127.0.0.1:9 ("), "{silent}");
    }

    #[test]
    fn one_that_cannot_answer_is_followed_by_the_next_that_can() {
        let failing = NameServer::start(1, false, |reply| *reply.rcode_mut() = RCODE::Refused);
        let answering = NameServer::start(1, false, |reply| record(reply, "a.test", 1));
        let servers = Servers { addresses: vec![failing.address, answering.address], ..failing.servers() };
        assert_eq!(servers.targets("x"), Ok(vec![target("a.test", 1, &[])]));
        assert_eq!((failing.asked().len(), answering.asked().len()), (1, 1));
    }

    #[test]
    fn what_the_system_says_of_name_servers_is_bounded() {
        let text = "nameserver 192.0.2.1\nnameserver fd00::1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\n\
                    search a.test b.test\noptions ndots:5 timeout:99 attempts:99 nonsense\n";
        let servers = Servers::parse(text.as_bytes());
        assert_eq!(servers.addresses.len(), SERVERS_MAX);
        assert_eq!(servers.addresses[1], "[fd00::1]:53".parse().expect("an address"));
        assert_eq!((servers.search.join(" ").as_str(), servers.ndots), ("a.test b.test", 5));
        assert_eq!((servers.timeout, servers.attempts), (TIMEOUT_MAX, ATTEMPTS_MAX));
        // An empty file means this host.
        let none = Servers::parse(b"");
        assert_eq!(none.addresses[0], "127.0.0.1:53".parse().expect("an address"));
    }
}

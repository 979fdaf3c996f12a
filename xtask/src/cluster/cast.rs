//! A cluster under test: a network, members on it, and what is demanded of them in the end.
#![expect(clippy::disallowed_methods, reason = "it measures how long members take to agree")]

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::member::{ANSWER_MAX, Answer, Member, figures};
use super::net::{INTERFACE, Net};
use super::truth::{Truth, Write};
use crate::journal::Journal;

/// How long members that ought to agree within a second are waited for before it is called off.
pub(crate) const AGREE_MAX: Duration = Duration::from_secs(30);
/// Between two looks whether they agree.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// Three heartbeats. Members that were equal must still be so after it: nothing that was deleted has come back.
const QUIET: Duration = Duration::from_millis(1_600);
/// What a member says of itself at the end: everything that went another way than straight on.
const TOLD: &[&str] = &[
    "gaps",
    "repaired",
    "lost",
    "nacks_sent",
    "repairs_multicast",
    "repairs_unicast",
    "state_transfers",
    "receivers_lagging",
    "members_failed",
    "reassembly_dropped",
    "send_failures",
    "outbox_overflows",
    "rejected_header",
    "rejected_seal",
    "rejected_rate",
    "rejected_replay",
    "rejected_frame",
];

/// What every scenario is given.
#[derive(Debug)]
pub(crate) struct Lab<'a> {
    pub(crate) journal: &'a mut Journal,
    /// The program of a member.
    pub(crate) program: PathBuf,
    /// The library that puts a member's clock behind, if it could be built.
    pub(crate) behind: Result<PathBuf, String>,
}

impl Lab<'_> {
    pub(crate) fn say(&mut self, text: impl AsRef<str>) {
        self.journal.say(text);
    }
}

/// Members on a network.
#[derive(Debug)]
pub(crate) struct Cast {
    // Before the network: dropped, so killed, first.
    pub(crate) members: Vec<Member>,
    pub(crate) net: Net,
    program: PathBuf,
    settings: Vec<String>,
}

/// What members did until they stopped.
#[derive(Debug)]
pub(crate) struct Worked {
    /// When the last of them wrote last.
    pub(crate) last_write: Instant,
    pub(crate) calls: u64,
    pub(crate) writes: u64,
    pub(crate) slowest: Duration,
}

impl Cast {
    /// A member on each of `hosts` hosts, all of whom know each other.
    pub(crate) fn start(lab: &Lab<'_>, hosts: usize, settings: &[&str]) -> Result<Cast, String> {
        Cast::on_bridge(lab, hosts, settings, &[])
    }

    /// The same on a bridge with options.
    pub(crate) fn on_bridge(lab: &Lab<'_>, hosts: usize, settings: &[&str], bridge: &[&str]) -> Result<Cast, String> {
        let net = Net::new(hosts, bridge)?;
        let cluster = format!("cluster=c{}", std::process::id());
        let base = [cluster.as_str(), KEY, "cache_size=1G", "cache_max=4000000"];
        let interface = format!("interface={INTERFACE}");
        let settings = base.iter().chain(&[interface.as_str()]).chain(settings).map(|&text| text.to_owned()).collect();
        let mut cast = Cast { members: Vec::new(), net, program: lab.program.clone(), settings };
        for host in 0..hosts {
            cast.add(host, &format!("m{host}"), &[])?;
        }
        cast.await_ready()?;
        cast.await_all()?;
        Ok(cast)
    }

    /// One more member; it is not waited for.
    pub(crate) fn add(&mut self, host: usize, name: &str, environment: &[(&str, String)]) -> Result<usize, String> {
        self.add_with(host, name, &[], environment)
    }

    /// One more member with settings of its own.
    pub(crate) fn add_with(
        &mut self,
        host: usize,
        name: &str,
        own: &[&str],
        environment: &[(&str, String)],
    ) -> Result<usize, String> {
        let mut settings = self.settings.clone();
        settings.push(format!("node_name={name}"));
        settings.extend(own.iter().map(|&text| text.to_owned()));
        let member = Member::start(&self.program, &self.net.namespace(host), &settings, environment)?;
        self.members.push(member);
        Ok(self.members.len() - 1)
    }

    /// Waits until every member that has not said so yet is ready.
    fn await_ready(&mut self) -> Result<(), String> {
        for member in &mut self.members {
            ready(member)?;
        }
        Ok(())
    }

    /// Waits until each knows all others as alive.
    pub(crate) fn await_all(&mut self) -> Result<(), String> {
        let others = self.members.len() - 1;
        self.ask_all(&format!("others {others} 30")).map(drop)
    }

    /// Gives all the same order, and then reads the answers: they work at the same time.
    pub(crate) fn ask_all(&mut self, order: &str) -> Result<Vec<Answer>, String> {
        for member in &mut self.members {
            member.order(order)?;
        }
        self.members.iter_mut().map(|member| member.answer(ANSWER_MAX)).collect()
    }

    /// Has all work at once until they are done.
    pub(crate) fn work(&mut self, options: &str) -> Result<Worked, String> {
        self.ask_all(&format!("run {options}"))?;
        self.finish("wait")
    }

    /// Waits for work to end (`wait`), or ends it (`stop`).
    pub(crate) fn finish(&mut self, order: &str) -> Result<Worked, String> {
        let answers = self.ask_all(order)?;
        Worked::of(&answers)
    }

    /// Looks until all checksums are equal; how long after `since` that was.
    pub(crate) fn agree(&mut self, since: Instant) -> Result<Duration, String> {
        loop {
            let answers = self.ask_all("checksum")?;
            if answers.iter().all(|answer| answer.line == answers[0].line) {
                return Ok(since.elapsed());
            }
            if since.elapsed() > AGREE_MAX {
                let told: Vec<String> = answers
                    .iter()
                    .zip(&self.members)
                    .map(|(answer, member)| format!("{} {}", member.name, answer.line))
                    .collect();
                return Err(format!("not equal after {:?}: {}", since.elapsed(), told.join(", ")));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Looks until all checksums are equal, says how long after `since` that was, and refuses more than `mark`.
    pub(crate) fn agree_within(
        &mut self,
        lab: &mut Lab<'_>,
        since: Instant,
        event: &str,
        mark: Duration,
    ) -> Result<Duration, String> {
        let took = self.agree(since)?;
        lab.say(format!("  byte-equal {took:.1?} after {event}"));
        if took > mark {
            return Err(format!("it took {took:.1?} after {event}; at most {mark:?}"));
        }
        Ok(took)
    }

    /// All must hold the same bytes, and still after some quiet.
    pub(crate) fn check_equal(&mut self) -> Result<String, String> {
        let before = self.digest()?;
        std::thread::sleep(QUIET);
        let after = self.digest()?;
        if before != after {
            return Err(format!("it changed while nobody wrote: {before}, then {after}"));
        }
        Ok(after)
    }

    /// The one digest of all.
    pub(crate) fn digest(&mut self) -> Result<String, String> {
        let digests = self.ask_all("digest")?;
        match digests.iter().all(|digest| digest.line == digests[0].line) {
            true => Ok(digests[0].line.clone()),
            false => {
                let told: Vec<&str> = digests.iter().map(|digest| digest.line.as_str()).collect();
                Err(format!("the bytes differ: {}", told.join(", ")))
            }
        }
    }

    /// The newest write of each key by the members that are there.
    pub(crate) fn truth(&mut self) -> Result<Truth, String> {
        let mut truth = Truth::default();
        for member in &mut self.members {
            for line in member.list("ledger")? {
                truth.note(Write::parse(&line)?);
            }
        }
        Ok(truth)
    }

    /// What the first member holds.
    pub(crate) fn held(&mut self) -> Result<Vec<Write>, String> {
        self.members[0].list("dump")?.iter().map(|line| Write::parse(line)).collect()
    }

    /// Each must know so many others, all of them alive.
    pub(crate) fn check_states(&mut self, others: usize) -> Result<(), String> {
        for answer in self.ask_all("states")? {
            let words: Vec<&str> = answer.line.split_whitespace().skip(1).collect();
            if words.len() != others || !words.iter().all(|word| word.ends_with("=Alive")) {
                return Err(format!("{others} others should be known and alive, but: {}", answer.line));
            }
        }
        Ok(())
    }

    /// All are byte-equal, hold for each key what was written last and nothing that was deleted, and stay so.
    pub(crate) fn check(&mut self, lab: &mut Lab<'_>) -> Result<(), String> {
        self.check_but_for(lab, None)
    }

    /// The same, but keys with this prefix need only be equal: whoever wrote them cannot be asked any more.
    pub(crate) fn check_but_for(&mut self, lab: &mut Lab<'_>, prefix: Option<&str>) -> Result<(), String> {
        let digest = self.check_equal()?;
        let truth = self.truth()?;
        truth.check(&self.held()?, prefix)?;
        let (sum, entries) = digest.split_once(' ').unwrap_or((&digest, "?"));
        let short = sum.get(..16).unwrap_or(sum);
        lab.say(format!("  all hold the same {entries} entries (SHA-256 {short}...): {truth}"));
        self.tell_figures(lab)
    }

    /// Says what the members' counters came to.
    pub(crate) fn tell_figures(&mut self, lab: &mut Lab<'_>) -> Result<(), String> {
        let answers = self.ask_all("figures")?;
        let all: Vec<_> = answers.iter().map(|answer| figures(&answer.line)).collect();
        let sum = |name: &str| all.iter().filter_map(|figures| figures.get(name)).sum::<u64>();
        let mut told = vec![format!("{} datagrams sent", sum("datagrams_sent"))];
        told.extend(TOLD.iter().filter(|name| sum(name) > 0).map(|name| format!("{name} {}", sum(name))));
        lab.say(format!("  {}", told.join(", ")));
        Ok(())
    }

    /// Sum of a counter over all members.
    pub(crate) fn counter(&mut self, name: &str) -> Result<u64, String> {
        Ok(self.ask_all("figures")?.iter().map(|answer| answer.figure(name)).sum())
    }

    /// Packets that the rules of loss have lost.
    pub(crate) fn lost(&self, hosts: usize) -> Result<u64, String> {
        (0..hosts).map(|host| self.net.lost(host)).sum()
    }
}

/// The key of every cluster under test: 32 bytes that protect nothing.
const KEY: &str = "crypto_key=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// Waits until a member that was started says that it is ready; how long that took.
pub(crate) fn ready(member: &mut Member) -> Result<Duration, String> {
    let answer = member.answer(2 * ANSWER_MAX)?;
    match (answer.word(0), answer.word(1).parse()) {
        ("ready", Ok(micros)) => Ok(Duration::from_micros(micros)),
        _ => Err(format!("{}: {}", member.name, answer.line)),
    }
}

impl Worked {
    pub(crate) fn of(answers: &[Answer]) -> Result<Worked, String> {
        let sum = |name: &str| answers.iter().map(|answer| answer.figure(name)).sum();
        let last_write = answers.iter().map(Answer::ago).max().ok_or("nobody worked")?;
        let slowest = answers.iter().map(|answer| answer.figure("slowest_us")).max().unwrap_or(0);
        Ok(Worked { last_write, calls: sum("calls"), writes: sum("writes"), slowest: Duration::from_micros(slowest) })
    }
}

//! What is shown, act by act, and the verdict.
//!
//! The invariant: a sentence that holds a figure is said after the figure was measured, and the verdict rests on what every
//! process says of its own cache, not on what this one believes.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::time::Duration;

use mccache::crypto::generate_key;

use super::line::Line;
use super::screen::Screen;
use super::stage::{PATIENCE, Stage, State, Ticket};
use super::{Options, wall};
use crate::figures::{count, row, span, word};
use crate::outcome::{Failure, Result};

/// How many acts there are.
const ACTS: usize = 7;
/// Between two writes that are timed: long enough that none waits for another.
const PACE_US: u32 = 1_000;
/// A newcomer finds this many times `--keys`.
const FILL: u32 = 100;
/// Different keys each process writes while another is killed: few, as all are filled in again in the act after.
const KILL_KEYS: u32 = 100;
/// Different keys of the storm: few enough that the processes write the same ones at the same time.
const STORM_KEYS: u32 = 10_000;
/// Between a writer's last paced write and the question who saw it.
const SETTLE: Duration = Duration::from_millis(200);
/// The key of the acts that show a single entry.
const GREETING: &str = "greeting";

/// The demonstration under way.
struct Play<'o> {
    options: &'o Options,
    stage: Stage,
    cluster: String,
    key: String,
    port: u16,
}

/// Plays it from the first act to the verdict.
pub(super) fn play(options: &Options) -> Result<()> {
    let nodes = word(options.nodes.into());
    let title = format!("mccache demo: {nodes} processes on this host, over loopback only");
    let mut play = Play {
        options,
        stage: Stage::new(Screen::new(&title, options.plain))?,
        cluster: format!("demo-{}-{}", std::process::id(), wall().as_nanos()),
        key: generate_key(None)?,
        port: free_port()?,
    };
    match play.acts() {
        Err(Failure::Said(why)) => {
            play.stage.screen.end(&play.stage.cast, &format!("The demonstration failed: {why}."), false)?;
            Err(Failure::Shown)
        }
        ended => ended,
    }
}

/// A port that nobody on this host receives on now.
fn free_port() -> Result<u16> {
    let port = UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.local_addr()).map(|address| address.port());
    port.map_err(|error| Failure::Said(format!("no UDP port to be had: {error}")))
}

impl Play<'_> {
    fn acts(&mut self) -> Result<()> {
        self.meet()?;
        self.write()?;
        self.delete()?;
        self.join()?;
        self.kill()?;
        self.storm()?;
        self.compare()
    }

    fn act(&mut self, number: usize, text: &str) -> Result<()> {
        self.stage.screen.act(format!("act {number}/{ACTS}: {text}"))
    }

    fn say(&mut self, text: String) -> Result<()> {
        self.stage.screen.say(text)
    }

    fn meet(&mut self) -> Result<()> {
        let nodes = usize::from(self.options.nodes);
        self.act(1, &format!("{} processes start and find each other by multicast", word(nodes)))?;
        let begun = wall();
        let started = (0..nodes).map(|at| self.stage.start(&name(at))).collect::<Result<Vec<_>>>()?;
        let opening = started.iter().map(|at| self.open(*at, 0)).collect::<Result<Vec<_>>>()?;
        self.stage.answers(&opening)?;
        let met = self.all_see(&started, nodes - 1)?;
        self.stage.show(&started, State::Ready);
        let called: Vec<String> = started.iter().map(|at| self.stage.called(*at)).collect();
        let took = span(met.saturating_sub(begun));
        self.say(format!("{} know each other, {took} after the first was started", row(&called)))
    }

    fn write(&mut self) -> Result<()> {
        let (writer, readers) = self.writer_and_readers();
        let names = row(&self.stage.names(&readers));
        self.act(2, &format!("what is written on {} is read on {names}", name(writer)))?;
        let text = format!("hello from {}", self.stage.called(writer));
        let seen = self.watched(&readers, &text, writer, "put")?;
        self.say(format!("{} puts {GREETING} = \"{text}\"", name(writer)))?;
        for (reader, (lag, read)) in readers.iter().zip(seen) {
            self.say(format!("{} reads \"{read}\" {} later", name(*reader), span(lag)))?;
        }
        self.stage.all(&readers, "measured")?;
        self.stage.show(&[writer], State::Writes);
        let keys = self.options.keys;
        let writing = self.stage.ask(writer, "write", |order| {
            order.with("prefix", "timed").with("count", keys).with("keys", keys).with("pace_us", PACE_US)
        })?;
        let wrote: u64 = self.stage.answer(writing)?.number("wrote");
        self.stage.show(&[writer], State::Ready);
        self.stage.pass(SETTLE)?;
        let lags = Lags::of(&self.stage.all(&readers, "measured")?);
        let wrote = count(wrote);
        self.say(format!("{wrote} more, one a millisecond: each is read on {names} {}", lags.told()))
    }

    fn delete(&mut self) -> Result<()> {
        let (writer, readers) = self.writer_and_readers();
        // Not by its writer: the last member that read it.
        let Some((deleter, _)) = readers.split_last() else { return Ok(()) };
        let others: Vec<usize> = self.stage.living().into_iter().filter(|at| at != deleter).collect();
        self.act(3, &format!("what {} wrote is deleted on {}", name(writer), name(*deleter)))?;
        let gone = self.watched(&others, "", *deleter, "delete")?;
        let slowest = gone.iter().map(|(lag, _)| *lag).max().unwrap_or_default();
        let names = row(&self.stage.names(&others));
        self.say(format!("{} deletes {GREETING}: gone on {names} after {}", name(*deleter), span(slowest)))
    }

    fn join(&mut self) -> Result<()> {
        self.act(4, "one more process joins and is filled by the others")?;
        let held = self.fill()?;
        let before = self.stage.living();
        let begun = wall();
        let joiner = self.stage.start(&name(before.len()))?;
        self.stage.show(&[joiner], State::Joins);
        let opening = self.open(joiner, 0)?;
        let opened = self.stage.answer(opening)?;
        let ready = opened.span("ready");
        let has = opened.number::<u64>("entries");
        self.stage.show(&[joiner], State::Ready);
        self.all_see(&self.stage.living(), before.len())?;
        self.say(format!(
            "{} held {} of {} entries {} after it was started, {} of that to be filled",
            self.stage.called(joiner),
            count(has),
            count(held),
            span(ready.saturating_sub(begun)),
            span(ready.saturating_sub(opened.span("opened"))),
        ))
    }

    /// Gives the newcomer something to be filled with; how many entries there are then.
    fn fill(&mut self) -> Result<u64> {
        let (writer, _) = self.writer_and_readers();
        let entries = u32::from(self.options.keys) * FILL;
        let fill = |order: Line| order.with("prefix", "fill").with("count", entries).with("keys", entries);
        let writing = self.stage.ask(writer, "write", fill)?;
        let wrote = span(self.stage.answer(writing)?.span("took"));
        let waited = self.stage.all(&[writer], "sync")?.iter().map(|line| span(line.span("took"))).collect::<String>();
        let entries = count(entries.into());
        self.say(format!("{} wrote {entries} more in {wrote}; all had them {waited} later", name(writer)))?;
        Ok(self.stage.status(&[writer])?.iter().map(|line| line.number::<u64>("entries")).sum())
    }

    fn kill(&mut self) -> Result<()> {
        let victim = usize::from(self.options.nodes) - 1;
        let survivors: Vec<usize> = self.stage.living().into_iter().filter(|at| *at != victim).collect();
        let names = row(&self.stage.names(&survivors));
        self.act(5, &format!("{} is killed with SIGKILL while {names} write on", name(victim)))?;
        self.stage.all(&survivors, "measured")?;
        let mut writing = Vec::new();
        for at in &survivors {
            let prefix = format!("kill-{}", name(*at));
            let fill = |order: Line| order.with("prefix", prefix).with("count", u32::MAX).with("keys", KILL_KEYS);
            writing.push(self.stage.ask(*at, "write", |order| fill(order).with("pace_us", PACE_US))?);
        }
        self.stage.show(&survivors, State::Writes);
        self.stage.status(&[victim])?;
        let killed = self.stage.kill(victim)?;
        self.say(format!("{} is killed: it had no chance to say goodbye", self.stage.called(victim)))?;
        let gone = name(victim);
        let noticed = self.stage.wait_for(&format!("every process to notice that {gone} is gone"), |stage| {
            let noticed = |at: &usize| {
                let news = stage.news.iter().find(|news| news.by == *at && is_end(&news.line, &gone));
                news.map(|news| news.line.span("at").saturating_sub(killed))
            };
            survivors.iter().map(noticed).collect::<Option<Vec<Duration>>>()
        })?;
        for ticket in self.stage.ask_all(&survivors, "stop")? {
            self.stage.answer(ticket)?;
        }
        let wrote = self.stage.answers(&writing)?.iter().map(|line| line.number::<u64>("wrote")).sum();
        self.stage.show(&survivors, State::Ready);
        self.stage.pass(SETTLE)?;
        let lags = Lags::of(&self.stage.all(&survivors, "measured")?);
        let (first, last) = (noticed.iter().min(), noticed.iter().max());
        let (first, last) = (first.copied().unwrap_or_default(), last.copied().unwrap_or_default());
        self.say(format!("{names} noticed it after {} to {}", span(first), span(last)))?;
        self.say(format!("meanwhile they wrote {} times, each read on the others {}", count(wrote), lags.told()))
    }

    fn storm(&mut self) -> Result<()> {
        let percent = self.options.drop;
        let seconds = u32::from(self.options.seconds);
        self.act(6, &format!("{percent} % of all datagrams are dropped while all write for {seconds} s"))?;
        let living = self.stage.living();
        self.reopen(&living, percent)?;

        let before = Totals::of(&self.stage.status(&living)?);
        self.stage.all(&living, "unobserve")?;
        let mut storms = Vec::new();
        for at in &living {
            let fill = |order: Line| order.with("keys", STORM_KEYS).with("ms", seconds * 1000).with("seed", at + 1);
            storms.push(self.stage.ask(*at, "storm", fill)?);
        }
        self.stage.show(&living, State::Writes);
        // The patience for an answer begins when it is due.
        self.stage.pass(Duration::from_secs(seconds.into()))?;
        let stormed = self.stage.answers(&storms)?;
        let wrote: u64 = stormed.iter().map(|line| line.number::<u64>("wrote")).sum();
        let ended = stormed.iter().map(|line| line.span("at")).max().unwrap_or_default();
        self.stage.all(&living, "sync")?;
        let applied = wall().saturating_sub(ended);
        self.stage.show(&living, State::Ready);
        let during = Totals::of(&self.stage.status(&living)?).since(&before);
        self.say(format!(
            "{} writes to {} keys, {} a second; of a key's writes only the newest goes out: {} were sent",
            count(wrote),
            count(STORM_KEYS.into()),
            count(wrote / u64::from(seconds)),
            count(during.sent),
        ))?;
        self.say(format!("{}; {} after the last write all had all", during.told(), span(applied)))
    }

    /// Has `these`, one after another, leave and come back with `percent` of what they receive thrown away. The others
    /// keep the entries meanwhile: there is always one that holds them.
    fn reopen(&mut self, these: &[usize], percent: u8) -> Result<()> {
        let begun = wall();
        for at in these {
            self.stage.show(&[*at], State::Reopens);
            self.stage.all(&[*at], "close")?;
            let opening = self.open(*at, percent)?;
            self.stage.answer(opening)?;
            self.all_see(&[*at], these.len() - 1)?;
            self.stage.show(&[*at], State::Ready);
        }
        let reopened = span(wall().saturating_sub(begun));
        self.say(format!("one after another reopened with {percent} % loss and was filled anew, all in {reopened}"))
    }

    fn compare(&mut self) -> Result<()> {
        self.act(7, "quiet; every process adds up what it holds")?;
        let living = self.stage.living();
        let begun = wall();
        let mut last = self.stage.status(&living)?;
        if !coherent(&last) {
            while !coherent(&last) && wall().saturating_sub(begun) < PATIENCE {
                self.stage.pass(SETTLE)?;
                last = self.stage.status(&living)?;
            }
            let waited = span(wall().saturating_sub(begun));
            self.say(format!("at first they differed; this is how it stands after another {waited}"))?;
        }
        let settled = coherent(&last);
        for (at, line) in living.iter().zip(&last) {
            let entries = count(line.number("entries"));
            self.say(format!("{}: {entries} entries, checksum {}", self.stage.called(*at), line.text("checksum")))?;
        }
        let verdict = verdict(&self.stage.names(&living), &last);
        self.stage.screen.end(&self.stage.cast, &verdict, settled)?;
        if settled { Ok(()) } else { Err(Failure::Shown) }
    }

    /// Has process `at` open its node, which throws away `percent` of what it receives.
    fn open(&mut self, at: usize, percent: u8) -> Result<Ticket> {
        let (cluster, key, port) = (self.cluster.clone(), self.key.clone(), self.port);
        self.stage.ask(at, "open", |order| {
            order
                .with("cluster", cluster)
                .with("crypto_key", key)
                .with("node_name", name(at))
                .with("multicast_port", port)
                .with("test_drop_percent", percent)
        })
    }

    /// Waits until each of `these` sees `members` others; when the last one did.
    fn all_see(&mut self, these: &[usize], members: usize) -> Result<Duration> {
        let mut tickets = Vec::new();
        for at in these {
            tickets.push(self.stage.ask(*at, "meet", |order| order.with("members", members))?);
        }
        Ok(self.stage.answers(&tickets)?.iter().map(|line| line.span("at")).max().unwrap_or_default())
    }

    /// Has `actor` put or delete the greeting; how long after it each of `watchers` read `text`, and what it read.
    fn watched(&mut self, watchers: &[usize], text: &str, actor: usize, verb: &str) -> Result<Vec<(Duration, String)>> {
        let fill = |order: Line| order.with("key", GREETING).with("text", text);
        let mut watching = Vec::new();
        for at in watchers {
            watching.push(self.stage.ask(*at, "watch", fill)?);
        }
        self.stage.answers(&watching)?;
        let acting = self.stage.ask(actor, verb, fill)?;
        let begun = self.stage.answer(acting)?.span("at");
        let seen = self.stage.all(watchers, "watched")?;
        if seen.iter().any(|line| line.number::<u8>("missed") != 0) {
            return Err(Failure::Said(format!("a {verb} on {} was not seen on every process", name(actor))));
        }
        Ok(seen.iter().map(|line| (line.span("at").saturating_sub(begun), line.text("text").to_owned())).collect())
    }

    fn writer_and_readers(&self) -> (usize, Vec<usize>) {
        let mut living = self.stage.living();
        (living.remove(0), living)
    }
}

/// `a`, `b`, `c` and so on; there are fewer processes than letters.
fn name(at: usize) -> String {
    u8::try_from(at)
        .ok()
        .and_then(|at| b'a'.checked_add(at))
        .map_or_else(|| at.to_string(), |c| char::from(c).to_string())
}

/// Whether `line` says that the member called `gone` is gone.
fn is_end(line: &Line, gone: &str) -> bool {
    line.verb == "failed" && line.text("member") == gone
}

/// Whether all hold the same.
fn coherent(lines: &[Line]) -> bool {
    let held = |line: &Line| (line.text("checksum").to_owned(), line.text("entries").to_owned());
    let Some(first) = lines.first().map(held) else { return false };
    !first.0.is_empty() && lines.iter().all(|line| held(line) == first)
}

/// What `names` hold, as `lines` say, in a sentence.
fn verdict(names: &[String], lines: &[Line]) -> String {
    let mut groups: BTreeMap<(&str, u64), Vec<&String>> = BTreeMap::new();
    for (name, line) in names.iter().zip(lines) {
        groups.entry((line.text("checksum"), line.number("entries"))).or_default().push(name);
    }
    if let (Some(((_, entries), all)), 1) = (groups.iter().next(), groups.len()) {
        return format!("coherent: {} processes hold the same {} entries", word(all.len()), count(*entries));
    }
    let told = groups
        .iter()
        .map(|((checksum, entries), who)| format!("{}: {} entries, checksum {checksum}", row(who), count(*entries)));
    let told = told.collect::<Vec<_>>().join("; ");
    format!("NOT coherent: {told}. This is a bug of mccache: please report it with the lines above")
}

/// How long writes took to be read elsewhere.
struct Lags {
    seen: u64,
    median: Duration,
    greatest: Duration,
}

impl Lags {
    /// The worst of what each process says.
    fn of(lines: &[Line]) -> Lags {
        let greatest = |name| lines.iter().map(|line| line.span(name)).max().unwrap_or_default();
        let seen = lines.iter().map(|line| line.number::<u64>("seen")).sum();
        Lags { seen, median: greatest("median"), greatest: greatest("greatest") }
    }

    fn told(&self) -> String {
        let (median, greatest) = (span(self.median), span(self.greatest));
        format!("within {median} in the median, {greatest} at most ({} readings)", count(self.seen))
    }
}

/// Counters of all processes added up.
struct Totals {
    sent: u64,
    dropped: u64,
    gaps: u64,
    repaired: u64,
    lost: u64,
}

impl Totals {
    fn of(lines: &[Line]) -> Totals {
        let sum = |name| lines.iter().map(|line| line.number::<u64>(name)).sum();
        Totals {
            sent: sum("updates_sent"),
            dropped: sum("dropped_on_purpose"),
            gaps: sum("gaps"),
            repaired: sum("repaired"),
            lost: sum("lost"),
        }
    }

    fn since(&self, before: &Totals) -> Totals {
        Totals {
            sent: self.sent.saturating_sub(before.sent),
            dropped: self.dropped.saturating_sub(before.dropped),
            gaps: self.gaps.saturating_sub(before.gaps),
            repaired: self.repaired.saturating_sub(before.repaired),
            lost: self.lost.saturating_sub(before.lost),
        }
    }

    fn told(&self) -> String {
        let (dropped, gaps, repaired) = (count(self.dropped), count(self.gaps), count(self.repaired));
        let lost = match self.lost {
            0 => String::new(),
            lost => format!(", {} given up and mended by comparing caches", count(lost)),
        };
        format!("{dropped} datagrams were dropped, {gaps} found missing, {repaired} of them repaired{lost}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(entries: u64, checksum: &str) -> Line {
        Line::new(1, "ok").with("entries", entries).with("checksum", checksum)
    }

    #[test]
    fn one_that_differs_in_checksum_or_number_makes_it_incoherent() {
        let same = [holds(5, "aa"), holds(5, "aa"), holds(5, "aa")];
        assert!(coherent(&same));
        assert!(!coherent(&[holds(5, "aa"), holds(5, "aa"), holds(5, "ab")]));
        assert!(!coherent(&[holds(5, "aa"), holds(6, "aa"), holds(5, "aa")]));
        assert!(!coherent(&[]), "nobody said anything");
        assert!(!coherent(&[Line::default(), Line::default()]), "nobody said what it holds");
    }

    #[test]
    fn the_verdict_says_who_differs() {
        let names = ["a", "b", "d"].map(str::to_owned);
        let same = [holds(5_000, "aa"), holds(5_000, "aa"), holds(5_000, "aa")];
        assert_eq!(verdict(&names, &same), "coherent: three processes hold the same 5,000 entries");
        let differ = [holds(5, "aa"), holds(6, "ab"), holds(5, "aa")];
        let said = verdict(&names, &differ);
        assert!(
            said.starts_with("NOT coherent: a and d: 5 entries, checksum aa; b: 6 entries, checksum ab."),
            "{said}"
        );
    }

    #[test]
    fn processes_are_called_by_letters() {
        assert_eq!((name(0), name(12)), ("a".to_owned(), "m".to_owned()));
    }
}

//! Real processes that write as fast as they can through loss, then fall silent and must be byte-equal within a second.
//!
//! `cluster [SECONDS] [PROCESSES] [DROP_PERCENT]`; ten seconds, three processes and ten percent when nothing is said. The
//! mix of calls is that of the stress test of McCache for Python: 55 % look-ups, 20 % inserts, 20 % updates, 5 % deletes,
//! over 100 keys. This program starts itself once for each member.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program that measures, and reports what it saw"
)]

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use mccache::config::Config;
use mccache::node::{Cache, Node, Ttl};
use mccache::rng::Rng;
use mccache::update::Codec;

const KEYS: u64 = 100;
/// From the last write to equality everywhere.
const SILENCE_MAX: Duration = Duration::from_secs(1);
const START_MAX: Duration = Duration::from_secs(20);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let result = match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["member", cluster, group, name, drop, others] => member(
            &[("cluster", cluster), ("multicast_ip", group), ("node_name", name), ("test_drop_percent", drop)],
            others,
        ),
        ref rest => {
            let number = |at: usize, default: u64| rest.get(at).and_then(|text| text.parse().ok()).unwrap_or(default);
            parent(number(0, 10), number(1, 3), number(2, 10))
        }
    };
    match result {
        Ok(()) => {
            println!("test result: ok. 1 passed; 0 failed");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            println!("error: {problem}\ntest result: FAILED. 0 passed; 1 failed");
            ExitCode::FAILURE
        }
    }
}

/// A member as its parent sees it. Killed when it is dropped.
struct Member {
    child: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Member {
    fn order(&mut self, order: &str) -> Result<(), String> {
        writeln!(self.orders, "{order}").map_err(|error| format!("a member is gone: {error}"))
    }

    /// The next line; a member that ends or says nothing sensible is an error.
    fn answer(&mut self) -> Result<String, String> {
        let mut line = String::new();
        match self.answers.read_line(&mut line) {
            Ok(0) | Err(_) => Err("a member ended before it was told to".to_owned()),
            Ok(_) => Ok(line.trim().to_owned()),
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
    }
}

fn parent(seconds: u64, processes: u64, drop: u64) -> Result<(), String> {
    let own = std::process::id();
    let group = format!("239.192.91.7:{}", 20_000 + own % 20_000);
    let start = |at: u64| -> Result<Member, String> {
        let program = std::env::current_exe().map_err(|error| error.to_string())?;
        let mut child = Command::new(program)
            .args(["member", &format!("stress-{own}"), &group, &format!("member-{at}"), &drop.to_string()])
            .arg((processes - 1).to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| error.to_string())?;
        let orders = child.stdin.take().ok_or("no stdin")?;
        let answers = BufReader::new(child.stdout.take().ok_or("no stdout")?);
        Ok(Member { child, orders, answers })
    };
    let mut members = (0..processes).map(start).collect::<Result<Vec<_>, _>>()?;
    for member in &mut members {
        let line = member.answer()?;
        if line != "ready" {
            return Err(format!("a member did not get ready: {line}"));
        }
    }
    for member in &mut members {
        member.order(&format!("write {seconds}"))?;
    }
    for member in &mut members {
        println!("{}", member.answer()?);
    }
    let silence = Instant::now();
    let equal_after = until_equal(&mut members, silence)?;
    println!("byte-equal {equal_after:?} after the last write");
    for member in &mut members {
        member.order("figures")?;
        println!("{}", member.answer()?);
    }
    let contents = members.iter_mut().map(contents).collect::<Result<Vec<_>, _>>()?;
    match contents.iter().all(|content| *content == contents[0]) {
        true if equal_after <= SILENCE_MAX => Ok(()),
        true => Err(format!("it took longer than {SILENCE_MAX:?}")),
        false => Err("equal checksums, but not equal bytes".to_owned()),
    }
}

/// Asks for checksums until all are equal, for ten times as long as it may take.
fn until_equal(members: &mut [Member], silence: Instant) -> Result<Duration, String> {
    loop {
        let mut sums = Vec::new();
        for member in members.iter_mut() {
            member.order("checksum")?;
            sums.push(member.answer()?);
        }
        if sums.iter().all(|sum| *sum == sums[0]) {
            return Ok(silence.elapsed());
        }
        if silence.elapsed() > 10 * SILENCE_MAX {
            return Err(format!("not equal after {:?}: {sums:?}", silence.elapsed()));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn contents(member: &mut Member) -> Result<Vec<String>, String> {
    member.order("contents")?;
    let mut lines = Vec::new();
    loop {
        match member.answer()?.as_str() {
            "end" => break,
            line => lines.push(line.to_owned()),
        }
    }
    lines.sort();
    Ok(lines)
}

/// One member: obeys its parent line by line until its input ends.
fn member(settings: &[(&str, &str)], others: &str) -> Result<(), String> {
    let text = |error: mccache::error::Error| error.to_string();
    let mut config = Config::new();
    for (name, value) in settings {
        config.set(name, value).map_err(text)?;
    }
    let node = Node::open(&config).map_err(text)?;
    let cache = node.cache("stress").map_err(text)?;
    node.wait_ready(START_MAX).map_err(text)?;
    let others: usize = others.parse().map_err(|_| "how many others?")?;
    let deadline = Instant::now() + START_MAX;
    while node.members().map_err(text)?.len() < others {
        if Instant::now() > deadline {
            println!("only {} others", node.members().map_err(text)?.len());
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("ready");
    for line in std::io::stdin().lines() {
        let line = line.map_err(|error| error.to_string())?;
        match line.split_whitespace().collect::<Vec<_>>()[..] {
            ["write", seconds] => write(&cache, Duration::from_secs(seconds.parse().unwrap_or(1))).map_err(text)?,
            ["checksum"] => println!("{:?}", cache.checksum().map_err(text)?),
            ["figures"] => println!("{}", figures(&node)),
            ["contents"] => print_contents(&cache).map_err(text)?,
            _ => println!("what is `{line}`?"),
        }
    }
    node.close();
    std::process::exit(0);
}

fn write(cache: &Cache, span: Duration) -> mccache::error::Result<()> {
    let mut rng = Rng::new(u64::from(std::process::id()));
    let (start, mut calls, mut writes) = (Instant::now(), 0u64, 0u64);
    while start.elapsed() < span {
        for _ in 0..64 {
            calls += 1;
            let key = format!("key-{}", rng.below(KEYS));
            let dice = rng.below(100);
            if dice < 55 {
                cache.get(key.as_bytes())?;
                continue;
            }
            writes += 1;
            if dice < 95 {
                let value = rng.next_u64().to_le_bytes().repeat(1 + usize::try_from(rng.below(20)).unwrap_or(0));
                cache.put(key.as_bytes(), &value, Codec::RAW, Ttl::Default)?;
            } else {
                cache.delete(key.as_bytes())?;
            }
        }
    }
    println!("{calls} calls, {writes} of them writes");
    Ok(())
}

fn figures(node: &Node) -> String {
    let shown = [
        "updates_sent",
        "updates_conflated",
        "updates_applied",
        "updates_stale",
        "datagrams_sent",
        "gaps",
        "repaired",
        "lost",
        "state_transfers",
        "dropped_on_purpose",
        "receivers_lagging",
        "rejected_replay",
    ];
    let figures = node.metrics();
    let shown =
        figures.iter().filter(|(name, _, _)| shown.contains(name)).map(|(name, _, value)| format!("{name} {value}"));
    shown.collect::<Vec<_>>().join(", ")
}

fn print_contents(cache: &Cache) -> mccache::error::Result<()> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for key in cache.keys() {
        let key = key?;
        if let Some(value) = cache.get(&key)? {
            println!("{} {} {}", hex(&key), value.codec().0, hex(&value));
        }
    }
    println!("end");
    Ok(())
}

//! What a member does while it is not looked at: a mix of look-ups, puts and deletes over some keys, or iteration while
//! others write. A thread of its own does it, and watches that nothing it reads is older than what it has read before.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mccache::hlc::Version;
use mccache::node::{Cache, Ttl};
use mccache::rng::Rng;
use mccache::update::Codec;

use crate::{number, stamp, text};

/// Calls between two looks at the clock when there is no wait between them.
const CALLS_PER_LOOK: u64 = 64;

/// Work under way.
pub(crate) struct Work {
    thread: JoinHandle<Result<String, String>>,
    stop: Arc<AtomicBool>,
}

/// What is to be done; every option is NAME=VALUE.
#[derive(Clone, Debug)]
struct Plan {
    seconds: f64,
    keys: u64,
    prefix: String,
    /// The longest wait between two calls, in microseconds; the wait is random. Without one there is no wait.
    aperture: u64,
    /// Of a hundred calls, how many look up and how many delete; the others put.
    gets: u64,
    deletes: u64,
    /// The longest value.
    longest: u64,
    /// Iterates instead; keys with this prefix are never written meanwhile and must all be met.
    iterate: Option<String>,
}

impl Plan {
    fn of(options: &[&str]) -> Result<Plan, String> {
        let mut plan = Plan {
            seconds: 5.0,
            keys: 100,
            prefix: "key-".to_owned(),
            aperture: 0,
            gets: 55,
            deletes: 5,
            longest: 200,
            iterate: None,
        };
        for option in options {
            let (name, value) = option.split_once('=').ok_or(format!("`{option}` is not NAME=VALUE"))?;
            match name {
                "seconds" => plan.seconds = number(value)?,
                "keys" => plan.keys = number(value)?,
                "prefix" => plan.prefix = value.to_owned(),
                "aperture" => plan.aperture = number(value)?,
                "gets" => plan.gets = number(value)?,
                "deletes" => plan.deletes = number(value)?,
                "longest" => plan.longest = number(value)?,
                "iterate" => plan.iterate = Some(value.to_owned()),
                _ => return Err(format!("no such option: {option}")),
            }
        }
        Ok(plan)
    }
}

impl Work {
    pub(crate) fn begin(cache: &Cache, options: &[&str]) -> Result<Work, String> {
        let plan = Plan::of(options)?;
        let (cache, stop) = (cache.clone(), Arc::<AtomicBool>::default());
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new()
            .name("work".into())
            .spawn(move || match plan.iterate.is_some() {
                true => iterate(&cache, &plan, &stopped),
                false => Worker::new(&cache, &plan).run(&stopped),
            })
            .map_err(text)?;
        Ok(Work { thread, stop })
    }

    /// What became of it, when it ends by itself.
    pub(crate) fn wait(self) -> Result<String, String> {
        self.thread.join().map_err(|_| "the worker panicked".to_owned())?
    }

    /// Ends it now.
    pub(crate) fn end(self) -> Result<String, String> {
        self.stop.store(true, Ordering::Relaxed);
        self.wait()
    }
}

struct Worker<'a> {
    cache: &'a Cache,
    plan: &'a Plan,
    rng: Rng,
    writer: u64,
    counter: u64,
    /// The newest version read of each key.
    newest: BTreeMap<u64, Version>,
    calls: u64,
    writes: u64,
    deletes: u64,
    slowest: Duration,
    last_write: Instant,
}

impl<'a> Worker<'a> {
    fn new(cache: &'a Cache, plan: &'a Plan) -> Worker<'a> {
        let writer = stamp::writer(cache.node().name());
        Worker {
            cache,
            plan,
            rng: Rng::new(writer ^ u64::from(std::process::id())),
            writer,
            counter: 0,
            newest: BTreeMap::new(),
            calls: 0,
            writes: 0,
            deletes: 0,
            slowest: Duration::ZERO,
            last_write: Instant::now(),
        }
    }

    fn run(mut self, stop: &AtomicBool) -> Result<String, String> {
        let begun = Instant::now();
        let span = Duration::from_secs_f64(self.plan.seconds);
        while begun.elapsed() < span && !stop.load(Ordering::Relaxed) {
            let calls = if self.plan.aperture == 0 { CALLS_PER_LOOK } else { 1 };
            for _ in 0..calls {
                self.call()?;
            }
            if self.plan.aperture > 0 {
                std::thread::sleep(Duration::from_micros(self.rng.below(self.plan.aperture + 1)));
            }
        }
        Ok(format!(
            "calls={} writes={} deletes={} seconds={:.2} slowest_us={} ago_us={}",
            self.calls,
            self.writes,
            self.deletes,
            begun.elapsed().as_secs_f64(),
            self.slowest.as_micros(),
            self.last_write.elapsed().as_micros()
        ))
    }

    fn call(&mut self) -> Result<(), String> {
        self.calls += 1;
        let number = self.rng.below(self.plan.keys);
        let key = format!("{}{number}", self.plan.prefix).into_bytes();
        let dice = self.rng.below(100);
        if dice < self.plan.gets {
            return self.look_up(&key, number);
        }
        let begun = Instant::now();
        if dice < self.plan.gets + self.plan.deletes {
            self.deletes += 1;
            self.cache.delete(&key).map_err(text)?;
        } else {
            self.counter += 1;
            let len = usize::try_from(self.rng.below(self.plan.longest + 1)).map_err(text)?;
            let value = stamp::value(&key, self.writer, self.counter, len);
            self.cache.put(&key, &value, Codec::RAW, Ttl::Default).map_err(text)?;
        }
        self.writes += 1;
        self.last_write = Instant::now();
        self.slowest = self.slowest.max(begun.elapsed());
        Ok(())
    }

    /// Reads a key; what comes must be a whole value of that key and no older than what came before.
    fn look_up(&mut self, key: &[u8], number: u64) -> Result<(), String> {
        let Some(entry) = self.cache.metadata(key).map_err(text)? else { return Ok(()) };
        stamp::check(key, &entry.value)?;
        let newest = self.newest.entry(number).or_insert(entry.version);
        if entry.version < *newest {
            return Err(format!("stale: key {number} was read at {newest:?} and then at {:?}", entry.version));
        }
        *newest = entry.version;
        Ok(())
    }
}

/// Iterates over and over: each key once, and those that stay every time.
fn iterate(cache: &Cache, plan: &Plan, stop: &AtomicBool) -> Result<String, String> {
    let begun = Instant::now();
    let span = Duration::from_secs_f64(plan.seconds);
    let stay = plan.iterate.clone().unwrap_or_default();
    let (mut rounds, mut met) = (0u64, 0u64);
    while begun.elapsed() < span && !stop.load(Ordering::Relaxed) {
        let mut seen = BTreeSet::new();
        for key in cache.keys() {
            let key = key.map_err(text)?;
            met += 1;
            if key.starts_with(stay.as_bytes()) && !seen.insert(key.to_vec()) {
                return Err(format!("{} was met twice", stamp::hex(&key)));
            }
            if let Some(value) = cache.get(&key).map_err(text)? {
                stamp::check(&key, &value)?;
            }
        }
        if seen.len() as u64 != plan.keys {
            return Err(format!("{} of {} keys that stay were met", seen.len(), plan.keys));
        }
        rounds += 1;
    }
    Ok(format!("rounds={rounds} met={met}"))
}

//! The store beside quick_cache, moka and a map behind a mutex: time a call, memory an entry, hit ratios.
//!
//! Every measurement is a ratio: in each round all contenders run in turn, and the median over the rounds of the quotients
//! is printed. Keys of 16 bytes, values of 100. Ours is called as a C program calls it, through `mcc_get_into`, `mcc_get`
//! and `mcc_put`; the others as a Rust program calls them, with keys and values that are shared, not copied.

mod contenders;
mod traces;

use std::time::Instant;

use contenders::{Contender, Locked, Moka, Ours, Quick};

const ROUNDS: usize = 7;
const VALUE: [u8; 100] = [b'v'; 100];

fn main() {
    if std::env::args().any(|argument| argument == "hits") {
        return traces::hit_ratios();
    }
    for (title, entries, trace, threads) in [
        ("get, in cache: 4,000 entries, uniform", 4_000, traces::uniform(4_000, 400_000), 1),
        ("get, 100,000 entries, zipf 0.99", 100_000, traces::zipf(100_000, 0.99, 400_000), 1),
        ("get, 100,000 entries, zipf 0.99, 2 threads", 100_000, traces::zipf(100_000, 0.99, 400_000), 2),
    ] {
        compare(title, &contenders(entries * 2), |contender| {
            for key in 0..entries {
                contender.put(key);
            }
            Box::new(|| timed(threads, &trace, |key| assert!(contender.get(key))))
        });
    }
    let limited: Vec<_> = contenders(100_000).into_iter().filter(|(name, _)| *name != "map").collect();
    let mut next = 0;
    let fresh: Vec<Vec<u32>> = (0..=ROUNDS).map(|_| { next += 200_000; (next - 200_000..next).collect() }).collect();
    compare("put of new keys into a full cache of 100,000", &limited, |contender| {
        let mut rounds = fresh.iter();
        rounds.next().into_iter().flatten().for_each(|key| contender.put(*key));
        Box::new(move || timed(1, rounds.next().expect("one a round"), |key| contender.put(key)))
    });
    let both: Vec<(&str, Box<dyn Contender>)> =
        vec![("local", Box::new(Ours::open(1_000_000, "local"))), ("replicated", Box::new(Ours::open(1_000_000, "replicate")))];
    let trace = traces::uniform(100_000, 100_000);
    compare("ours: put over values, replicated beside local", &both, |contender| {
        trace.iter().for_each(|key| contender.put(*key));
        Box::new(|| timed(1, &trace, |key| contender.put(key)))
    });
    memory();
    traces::hit_ratios();
}

fn contenders(entries: u32) -> Vec<(&'static str, Box<dyn Contender>)> {
    vec![
        ("mccache", Box::new(Ours::open(entries, "local"))),
        ("quick_cache", Box::new(Quick::new(entries))),
        ("moka", Box::new(Moka::new(entries))),
        ("map", Box::new(Locked::default())),
    ]
}

/// A round of one contender, which tells nanoseconds a call.
type Round<'a> = Box<dyn FnMut() -> f64 + 'a>;

fn compare<'a>(
    title: &str,
    all: &'a [(&'static str, Box<dyn Contender>)],
    mut prepare: impl FnMut(&'a dyn Contender) -> Round<'a>,
) {
    let mut rounds: Vec<Round<'a>> = all.iter().map(|(_, contender)| prepare(&**contender)).collect();
    let mut times: Vec<Vec<f64>> = vec![Vec::new(); all.len()];
    for _ in 0..ROUNDS {
        for (round, times) in rounds.iter_mut().zip(&mut times) {
            times.push(round());
        }
    }
    println!("{title}");
    for (index, (name, _)) in all.iter().enumerate() {
        let mut ratios: Vec<f64> = times[0].iter().zip(&times[index]).map(|(first, other)| first / other).collect();
        println!("  {name:<12} {:>7.0} ns   {} takes {:.2} of it", median(&mut times[index].clone()), all[0].0, median(&mut ratios));
    }
}

fn median(figures: &mut [f64]) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// Nanoseconds a call, each of the threads making all calls.
fn timed(threads: usize, trace: &[u32], call: impl Fn(u32) + Sync) -> f64 {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let call = &call;
            let (before, after) = trace.split_at(trace.len() / threads * thread);
            scope.spawn(move || after.iter().chain(before).for_each(|key| call(*key)));
        }
    });
    begun.elapsed().as_secs_f64() * 1e9 / trace.len() as f64
}

fn memory() {
    const ENTRIES: u32 = 1_000_000;
    println!("resident bytes an entry, {ENTRIES} entries of 16 and 100 bytes");
    let makers: [(&str, fn() -> Box<dyn Contender>); 3] = [
        ("mccache", || Box::new(Ours::open(ENTRIES * 2, "local"))),
        ("quick_cache", || Box::new(Quick::new(ENTRIES * 2))),
        ("moka", || Box::new(Moka::new(ENTRIES * 2))),
    ];
    for (name, make) in makers {
        let contender = make();
        let before = resident();
        (0..ENTRIES).for_each(|key| contender.put(key));
        println!("  {name:<12} {:>4}", resident().saturating_sub(before) / u64::from(ENTRIES));
        drop(contender);
        // SAFETY: it only gives free memory back, so that the next begins where this one began.
        unsafe { libc::malloc_trim(0) };
    }
}

fn resident() -> u64 {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("Linux");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("statm has seven numbers") * 4096
}

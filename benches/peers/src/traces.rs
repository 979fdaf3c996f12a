//! Which keys are asked for, and how often a cache of a share of them has what is asked.

use crate::contenders::{Contender, Moka, Ours, Quick};

/// xorshift64*: the same numbers in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.roll() >> 11) as f64 / (1_u64 << 53) as f64
    }
    fn below(&mut self, n: u32) -> u32 {
        u32::try_from(self.roll() % u64::from(n)).expect("below n")
    }
}

pub fn uniform(keys: u32, len: usize) -> Vec<u32> {
    let mut dice = Dice(1);
    (0..len).map(|_| dice.below(keys)).collect()
}

/// Key `k` is asked for as often as `1 / (k + 1)^exponent` says. Hot keys are spread over the numbers.
pub fn zipf(keys: u32, exponent: f64, len: usize) -> Vec<u32> {
    let mut sum = 0.0;
    let sums: Vec<f64> = (1..=keys).map(|k| { sum += f64::from(k).powf(-exponent); sum }).collect();
    let mut dice = Dice(2);
    let rank = |share: f64| u32::try_from(sums.partition_point(|s| *s < share * sum)).expect("below keys").min(keys - 1);
    // A prime that divides no number of keys here: one to one.
    (0..len).map(|_| u32::try_from(u64::from(rank(dice.share())) * 7_919 % u64::from(keys)).expect("below keys")).collect()
}

/// A zipf in which a walk over keys that nobody asks for again takes turns with the rest.
fn scans(keys: u32, len: usize) -> Vec<u32> {
    let mut cold = keys;
    let mut trace = zipf(keys, 0.9, len);
    for chunk in trace.chunks_mut(10_000).skip(1).step_by(3) {
        for key in chunk {
            *key = cold;
            cold += 1;
        }
    }
    trace
}

/// All keys in turn, again and again, with a hot tenth in between.
fn loops(keys: u32, len: usize) -> Vec<u32> {
    let mut dice = Dice(3);
    let keys_of = |i: usize| u32::try_from(i % keys as usize).expect("below keys");
    (0..len).map(|i| if i % 2 == 0 { keys_of(i / 2) } else { dice.below(keys / 10) }).collect()
}

/// A zipf whose hot keys become others ten times.
fn shifts(keys: u32, len: usize) -> Vec<u32> {
    let mut trace = zipf(keys, 0.9, len);
    for (part, chunk) in (0_u32..).zip(trace.chunks_mut(len / 10)) {
        chunk.iter_mut().for_each(|key| *key = (*key + part * 31_337) % keys);
    }
    trace
}

/// All keys in turn, again and again; they are half as many again as a tenth.
fn round_and_round(keys: u32, len: usize) -> Vec<u32> {
    (0..len).map(|i| u32::try_from(i % (keys as usize * 3 / 20)).expect("below keys")).collect()
}

/// Keys that were asked for lately are asked for again, the later the likelier; three in ten are new.
fn recency(len: usize) -> Vec<u32> {
    let mut dice = Dice(5);
    let mut trace: Vec<u32> = Vec::with_capacity(len);
    let mut new = 0;
    for _ in 0..len {
        let back = (-4_000.0 * (1.0 - dice.share()).ln()) as usize;
        let again = trace.len().checked_sub(back + 1).filter(|_| dice.share() >= 0.3).map(|at| trace[at]);
        trace.push(again.unwrap_or_else(|| { new += 1; new }));
    }
    trace
}

pub fn hit_ratios() {
    const KEYS: u32 = 100_000;
    const LEN: usize = 1_000_000;
    const POLICIES: [&str; 6] = ["s3fifo", "lru", "sieve", "tinylfu", "lfu", "fifo"];
    println!("hits in a hundred reads; what is missed is put; a cache of 1 % and of 10 % of {KEYS} keys");
    println!("  {:<16}{}{:>14}{:>14}", "trace", POLICIES.map(|name| format!("{name:>14}")).concat(), "quick_cache", "moka");
    for (name, trace) in [
        ("zipf 0.7", zipf(KEYS, 0.7, LEN)),
        ("zipf 0.9", zipf(KEYS, 0.9, LEN)),
        ("zipf 1.1", zipf(KEYS, 1.1, LEN)),
        ("scans", scans(KEYS, LEN)),
        ("loops", loops(KEYS, LEN)),
        ("round and round", round_and_round(KEYS, LEN)),
        ("shifts", shifts(KEYS, LEN)),
        ("recency", recency(LEN)),
    ] {
        let caches = |entries: u32| {
            let ours = |policy| -> Box<dyn Contender> {
                Box::new(Ours::with(entries, &[("cache_mode", "local"), ("cache_policy", policy)]))
            };
            let others: [Box<dyn Contender>; 2] = [Box::new(Quick::new(entries)), Box::new(Moka::new(entries))];
            POLICIES.map(ours).into_iter().chain(others)
        };
        let cells = caches(KEYS / 100).zip(caches(KEYS / 10)).map(|(small, large)| {
            format!("{:>8.1}{:>6.1}", hits(&*small, &trace), hits(&*large, &trace))
        });
        println!("  {name:<16}{}", cells.collect::<String>());
    }
}

fn hits(cache: &dyn Contender, trace: &[u32]) -> f64 {
    let mut hits = 0_u32;
    for key in trace {
        if cache.get(*key) {
            hits += 1;
        } else {
            cache.put(*key);
        }
    }
    f64::from(hits) * 100.0 / trace.len() as f64
}

//! Runs simulated clusters: `cargo xtask sim --seeds N`, or `--seed S` for one with its options and report.
//!
//! The pinned seeds are bugs of the past; each must hold for ever. A failure prints its seed and how to replay it.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a program whose output is its report, with the time it took"
)]

use std::process::ExitCode;
use std::time::{Duration, Instant};

use mccache::sim::{Options, run};

/// Seeds that once failed, and why.
const PINNED: &[(u64, &str)] = &[(
    31_305_156_330,
    "a sync ended while a member that had come back, and held the node for one all the time, lacked what was written meanwhile",
)];
/// How many seeds run when nothing is asked for.
const SEEDS_DEFAULT: u64 = 5;
/// How many of the seeds that took longest are named.
const SLOWEST_NAMED: usize = 8;

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let (mut seeds, mut first, mut one) = (SEEDS_DEFAULT, 1, None);
    while let Some(arg) = args.next() {
        let number = |args: &mut dyn Iterator<Item = String>| args.next().and_then(|text| text.parse().ok());
        match arg.as_str() {
            "--seeds" => seeds = number(&mut args).unwrap_or(SEEDS_DEFAULT),
            "--first" => first = number(&mut args).unwrap_or(1),
            "--seed" => one = number(&mut args),
            // What the test runner passes to every test program.
            _ => {}
        }
    }
    let pinned = PINNED.iter().map(|&(seed, _)| seed);
    let list: Vec<u64> = match one {
        Some(seed) => vec![seed],
        None => pinned.chain((0..seeds).map(|n| first.wrapping_add(n))).collect(),
    };
    let (mut failed, mut converged) = (0u64, Vec::new());
    let started = Instant::now();
    for seed in list {
        let options = Options::of_seed(seed);
        match run(&options) {
            Ok(report) => {
                converged.push((report.converged_after, seed));
                if one.is_some() {
                    println!("{options:?}\n{report:?}");
                }
            }
            Err(failure) => {
                failed += 1;
                println!("SEED={seed} failed: {failure}\nreplay: cargo xtask sim --seed {seed}");
            }
        }
    }
    let passed = converged.len();
    print_convergence(converged);
    println!("{:.1} s in all", started.elapsed().as_secs_f64());
    println!("test result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    ExitCode::from(u8::from(failed > 0))
}

/// How long replicas took to be equal after the faults, and which seeds took longest.
fn print_convergence(mut converged: Vec<(Duration, u64)>) {
    converged.sort_unstable();
    let Some(last) = converged.len().checked_sub(1) else { return };
    let at = |percent: usize| converged[last * percent / 100].0;
    println!("convergence: median {:?}, 90 % {:?}, 99 % {:?}", at(50), at(90), at(99));
    let slowest: Vec<String> =
        converged.iter().rev().take(SLOWEST_NAMED).map(|(after, seed)| format!("{after:?} (seed {seed})")).collect();
    println!("slowest convergence {}", slowest.join(", "));
}

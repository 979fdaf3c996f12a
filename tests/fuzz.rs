//! The fuzz targets without a fuzzer: every seed of `fuzz/corpus/`, then changed and joined ones by a fixed random
//! sequence. What it finds it finds again, on any machine; `cargo xtask fuzz --seconds N` has libFuzzer look further.
//!
//! `--runs N` changes how many inputs each target gets, `--input FILE` runs one, and a name runs the target alone.
#![expect(clippy::print_stdout, reason = "a program whose output is its report")]

#[path = "../fuzz/src/targets/mod.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use mccache::rng::Rng;
use targets::{TARGETS, Target};

/// Inputs of each target where nothing is asked for: some seconds without optimisation.
const RUNS_DEFAULT: u64 = 200;
/// Longest input that is made up.
const LEN_MAX: usize = 4_096;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut runs, mut input, mut only) = (RUNS_DEFAULT, None, None);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--runs" => runs = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(RUNS_DEFAULT),
            "--input" => input = arguments.next(),
            // A test runner passes options of its own to every test program.
            name => only = targets::called(name).or(only),
        }
    }
    let chosen: Vec<Target> = only.map_or_else(|| TARGETS.to_vec(), |target| vec![target]);
    let mut failed = 0;
    for target in &chosen {
        let inputs = match &input {
            Some(path) => vec![std::fs::read(path).expect("the file of --input")],
            None => inputs(target, runs),
        };
        let count = inputs.len();
        let bad = inputs.into_iter().find(|input| catch_unwind(AssertUnwindSafe(|| (target.run)(input))).is_err());
        match bad {
            None => println!("{}: {count} inputs", target.name),
            Some(bad) => {
                failed += 1;
                println!("{} failed; the input:\n{}", target.name, hex(&bad));
            }
        }
    }
    let passed = chosen.len() - failed;
    println!("test result: {}. {passed} passed; {failed} failed", if failed == 0 { "ok" } else { "FAILED" });
    ExitCode::from(u8::from(failed > 0))
}

/// The seeds of a target, and as many others made of them.
fn inputs(target: &Target, runs: u64) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target.name);
    let listed = std::fs::read_dir(&folder).expect("each target has a folder of seeds");
    let mut paths: Vec<PathBuf> = listed.map(|entry| entry.expect("a seed").path()).collect();
    paths.sort();
    let seeds: Vec<Vec<u8>> = paths.iter().map(|path| std::fs::read(path).expect("a seed")).collect();
    assert!(!seeds.is_empty(), "{}: no seed", target.name);
    let mut rng = Rng::new(runs ^ 0x6675_7a7a);
    let made: Vec<Vec<u8>> = (0..runs).map(|_| changed(&seeds, &mut rng)).collect();
    seeds.into_iter().chain(made).collect()
}

/// One seed, cut, joined with another and overwritten here and there.
fn changed(seeds: &[Vec<u8>], rng: &mut Rng) -> Vec<u8> {
    let mut below = |bound: usize| usize::try_from(rng.below(bound.max(1) as u64)).unwrap_or(0);
    let mut input = seeds[below(seeds.len())].clone();
    for _ in 0..below(8) {
        let (at, byte) = (below(input.len()), below(256).to_le_bytes()[0]);
        match below(5) {
            0 => input.truncate(at),
            1 => input.insert(at, byte),
            2 => {
                let other = &seeds[below(seeds.len())];
                input.extend_from_slice(&other[below(other.len())..]);
            }
            3 => {
                let made: Vec<u8> = (0..below(64)).map(|_| below(256).to_le_bytes()[0]).collect();
                input.splice(at..at, made);
            }
            _ => {
                if let Some(here) = input.get_mut(at) {
                    *here = byte;
                }
            }
        }
    }
    input.truncate(LEN_MAX);
    input
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

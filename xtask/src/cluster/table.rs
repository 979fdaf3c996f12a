//! The stress table of McCache for Python, with real loss: 3, 5, 7 and 9 nodes, 100 keys, waits of up to 100 to 0.1 ms
//! between calls, 55 % look-ups, 20 % inserts, 20 % updates, 5 % deletes, 4 % of what arrives dropped.

use std::time::Duration;

use super::cast::{Cast, Lab};
use super::network::{SECOND, lose_everywhere};
use crate::journal::Tally;

const NODES: [usize; 4] = [3, 5, 7, 9];
/// The longest wait between two calls, in microseconds.
const APERTURES: [u64; 6] = [100_000, 10_000, 5_000, 1_000, 500, 100];
/// What the original's table says was dropped, in thousandths.
const DROPPED: u32 = 40;
/// How long each row writes.
pub(crate) const SECONDS: u64 = 20;

/// Every row; a row that does not agree within a second, or not at all, has failed.
pub(crate) fn run(lab: &mut Lab<'_>, seconds: u64) -> Tally {
    let mut tally = Tally::default();
    lab.say("| nodes | wait up to | calls | writes | packets lost | last write to byte-equal | |");
    lab.say("|---|---|---|---|---|---|---|");
    for nodes in NODES {
        for aperture in APERTURES {
            let result = row(lab, nodes, aperture, seconds);
            tally += if result.is_ok() { Tally::PASSED } else { Tally::FAILED };
            let wait = Duration::from_micros(aperture);
            match result {
                Ok(line) => lab.say(format!("| {nodes} | {wait:?} | {line} | ok |")),
                Err(problem) => lab.say(format!("| {nodes} | {wait:?} | FAILED {problem} |")),
            }
        }
    }
    tally
}

/// One row: what it came to.
pub(crate) fn row(lab: &Lab<'_>, nodes: usize, aperture: u64, seconds: u64) -> Result<String, String> {
    let mut cast = Cast::start(lab, nodes, &[])?;
    lose_everywhere(&cast, nodes, DROPPED)?;
    let worked = cast.work(&format!("seconds={seconds} keys=100 aperture={aperture}"))?;
    let took = cast.agree(worked.last_write)?;
    let lost = cast.lost(nodes)?;
    cast.check_equal()?;
    let held = cast.held()?;
    cast.truth()?.check(&held, None)?;
    let line = format!("{} | {} | {lost} | {:.1} ms", worked.calls, worked.writes, took.as_secs_f64() * 1e3);
    if took > SECOND { Err(line) } else { Ok(line) }
}

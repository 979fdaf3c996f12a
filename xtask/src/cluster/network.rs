//! What a network does: loses, parts, goes away and comes back.
#![expect(clippy::disallowed_methods, reason = "partitions last for a time, and what follows is measured")]

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::cast::{Cast, Lab, Worked};

/// From the last write to byte-equal.
pub(crate) const SECOND: Duration = Duration::from_secs(1);
/// How long a partition lasts: twice what it takes to be declared down.
const PARTITION: Duration = Duration::from_secs(10);
/// From the end of a partition to byte-equal. A heartbeat is heard within half a second, the probe and the comparison of
/// states follow at once.
const HEALED_MAX: Duration = Duration::from_secs(2);

/// Members write for `seconds` while `permille` of what reaches each is lost.
pub(crate) fn lossy(lab: &mut Lab<'_>, hosts: usize, permille: u32, seconds: u64) -> Result<(), String> {
    let mut cast = Cast::start(lab, hosts, &[])?;
    lose_everywhere(&cast, hosts, permille)?;
    let worked = cast.work(&format!("seconds={seconds} keys=100 aperture=2000"))?;
    conclude(lab, &mut cast, &worked, hosts)
}

/// The same where each datagram is lost by itself: the kernel cuts trains before the wire.
pub(crate) fn lossy_without_trains(lab: &mut Lab<'_>, hosts: usize, permille: u32) -> Result<(), String> {
    let mut cast = Cast::start(lab, hosts, &[])?;
    for host in 0..hosts {
        cast.net.cut_trains(host)?;
    }
    lose_everywhere(&cast, hosts, permille)?;
    let worked = cast.work("seconds=4 keys=1000 aperture=0 longest=1000")?;
    conclude(lab, &mut cast, &worked, hosts)
}

/// All write as fast as they can.
pub(crate) fn flat_out(lab: &mut Lab<'_>, hosts: usize, permille: u32) -> Result<(), String> {
    let mut cast = Cast::start(lab, hosts, &[])?;
    lose_everywhere(&cast, hosts, permille)?;
    let worked = cast.work("seconds=4 keys=1000 aperture=0 longest=1000")?;
    conclude(lab, &mut cast, &worked, hosts)
}

pub(crate) fn lose_everywhere(cast: &Cast, hosts: usize, permille: u32) -> Result<(), String> {
    if permille > 0 {
        for host in 0..hosts {
            cast.net.lose(host, permille)?;
        }
    }
    Ok(())
}

/// What was done, how soon all were equal, and whether all is right.
pub(crate) fn conclude(lab: &mut Lab<'_>, cast: &mut Cast, worked: &Worked, hosts: usize) -> Result<(), String> {
    let Worked { calls, writes, slowest, .. } = worked;
    let lost = cast.lost(hosts)?;
    lab.say(format!("  {calls} calls, {writes} of them writes, the slowest {slowest:.1?}; {lost} packets lost"));
    cast.agree_within(lab, worked.last_write, "the last write", SECOND)?;
    cast.check(lab)
}

/// Two halves that do not hear each other; both write and delete.
pub(crate) fn halves(lab: &mut Lab<'_>) -> Result<(), String> {
    let (left, right): (Vec<usize>, Vec<usize>) = (vec![0, 1, 2], vec![3, 4]);
    let cuts = left.iter().map(|host| (*host, right.clone())).chain(right.iter().map(|host| (*host, left.clone())));
    parted(lab, 5, cuts.collect())
}

/// One that nobody hears and that hears nobody.
pub(crate) fn one_node(lab: &mut Lab<'_>) -> Result<(), String> {
    parted(lab, 3, vec![(0, vec![1, 2]), (1, vec![0]), (2, vec![0])])
}

/// One that hears nobody, but is heard.
pub(crate) fn deaf(lab: &mut Lab<'_>) -> Result<(), String> {
    parted(lab, 3, vec![(0, vec![1, 2])])
}

/// One that nobody hears, but that hears.
pub(crate) fn mute(lab: &mut Lab<'_>) -> Result<(), String> {
    parted(lab, 3, vec![(1, vec![0]), (2, vec![0])])
}

/// All write before, during and after a partition: each its own keys and some that all write, with deletes.
fn parted(lab: &mut Lab<'_>, hosts: usize, cuts: Vec<(usize, Vec<usize>)>) -> Result<(), String> {
    let mut cast = Cast::start(lab, hosts, &[])?;
    let before = cast.work("seconds=1 keys=200 aperture=2000 gets=20 deletes=20")?;
    cast.agree_within(lab, before.last_write, "the last write before the partition", SECOND)?;
    for (host, from) in &cuts {
        cast.net.cut(*host, from)?;
    }
    let begun = Instant::now();
    // Over before the partition is: what is written in it can come across only by the healing.
    let during = cast.work("seconds=8 keys=200 aperture=4000 gets=20 deletes=30")?;
    sleep(PARTITION.saturating_sub(begun.elapsed()));
    let digests = cast.ask_all("checksum")?;
    if digests.iter().all(|digest| digest.line == digests[0].line) {
        return Err("the partition parted nothing".to_owned());
    }
    for (host, _) in &cuts {
        cast.net.heal(*host)?;
    }
    let healed = Instant::now();
    lab.say(format!("  {} writes, {} of them in the partition", before.writes + during.writes, during.writes));
    cast.agree_within(lab, healed, "the healing", HEALED_MAX)?;
    cast.await_all()?;
    lab.say(format!("  all know all {:.1?} after the healing", healed.elapsed()));
    cast.check(lab)?;
    let after = cast.work("seconds=1 keys=200 aperture=2000 gets=20 deletes=20")?;
    cast.agree_within(lab, after.last_write, "the last write long after", SECOND)?;
    cast.check(lab)
}

/// A host's interface goes, with its address, and comes back 3 s later as another interface of the same name.
pub(crate) fn interface_remade(lab: &mut Lab<'_>, settings: &[&str]) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, settings)?;
    cast.work("seconds=1 keys=200 aperture=2000 gets=20 deletes=20")?;
    cast.net.disconnect(0)?;
    let during = cast.work("seconds=3 keys=200 aperture=2000 gets=20 deletes=20")?;
    lab.say(format!("  {} writes without the interface", during.writes));
    cast.net.connect(0)?;
    let back = Instant::now();
    // The node looks for its interface once a second.
    cast.agree_within(lab, back, "the interface was back", Duration::from_secs(4))?;
    cast.await_all()?;
    let after = cast.work("seconds=1 keys=200 aperture=2000 gets=20 deletes=20")?;
    cast.agree_within(lab, after.last_write, "the last write", SECOND)?;
    cast.check(lab)
}

/// Puts members on IPv6.
pub(crate) const IPV6: &str = "multicast_ip=ff15::8077:77";

/// A bridge that looks into IGMP and has no querier. Memberships told at the start only must not be what it depends on.
pub(crate) fn no_querier(lab: &mut Lab<'_>) -> Result<(), String> {
    // Memberships die after 2 s on this bridge; real ones take minutes.
    let bridge = ["mcast_snooping", "1", "mcast_querier", "0", "mcast_membership_interval", "200"];
    let mut cast = Cast::on_bridge(lab, 3, &[], &bridge)?;
    sleep(Duration::from_secs(4));
    let worked = cast.work("seconds=4 keys=100 aperture=2000")?;
    conclude(lab, &mut cast, &worked, 3)
}

/// The stock receive buffer of Linux, 212,992 bytes as the kernel counts: it holds 92 datagrams of full length.
pub(crate) fn stock_buffers(lab: &mut Lab<'_>) -> Result<(), String> {
    let mut cast = Cast::start(lab, 3, &[STOCK_BUFFER])?;
    let worked = cast.work("seconds=4 keys=2000 aperture=0 longest=1000 gets=20")?;
    conclude(lab, &mut cast, &worked, 3)
}

/// Half of 212,992: the kernel doubles what it is asked for.
pub(crate) const STOCK_BUFFER: &str = "receive_buffer=106496";

//! Stories of flow control: receivers that die, pause, hang behind and come back.

use std::cell::RefCell;
use std::rc::Rc;

use super::tests::Net;
use super::*;

/// How often a receiver lagged, and how often one was set aside.
fn marks(net: &Net) -> (u64, u64) {
    let metrics = &net.peers[0].metrics;
    (metrics.receivers_lagging.get(), metrics.receivers_set_aside.get())
}

/// Cuts the last peer off.
fn cut_off(net: &mut Net) {
    let last = net.peers.len() - 1;
    net.filter = Box::new(move |from, to, _| from != last && to != last);
}

fn reconnect(net: &mut Net) {
    net.filter = Box::new(|_, _, _| true);
}

/// The first peer writes as fast as it may for so long; how many puts that were, and the longest it had to wait.
fn flood(net: &mut Net, span: Duration) -> (u32, Duration) {
    flood_beside(net, span, |_| ())
}

/// The same, and each step does something else, too.
fn flood_beside(net: &mut Net, span: Duration, mut each_step: impl FnMut(&mut Net)) -> (u32, Duration) {
    let (mut puts, mut longest) = (0u32, Duration::ZERO);
    let (mut last, end) = (net.now.mono, net.now.mono + span);
    while net.now.mono < end {
        let now = net.now;
        for _ in 0..4 {
            if !net.peers[0].protocol.can_send() {
                break;
            }
            longest = longest.max(now.mono.saturating_since(last));
            last = now.mono;
            net.peers[0].put(&(puts % 1_000).to_be_bytes(), &[1; 1_000], now);
            puts += 1;
        }
        each_step(net);
        net.step();
    }
    (puts, longest)
}

fn acked(net: &Net, name: &str) -> u64 {
    net.peers[0].protocol.members.values().find(|m| m.hello.name == name).expect("still a member").acked
}

#[test]
fn a_frozen_receiver_does_not_stop_the_others() {
    let mut net = Net::settled(3);
    cut_off(&mut net);
    let (puts, _) = flood(&mut net, Duration::from_millis(1_500));
    assert_eq!(marks(&net), (1, 1));
    assert!(puts > 50_000, "{puts} puts");
    assert!(acked(&net, "peer-2") > 25_000, "the other receiver went on: {}", acked(&net, "peer-2"));
}

#[test]
fn a_receiver_that_dies_with_data_under_way_holds_the_others_up_for_a_tenth_of_a_second() {
    let mut net = Net::settled(3);
    flood(&mut net, Duration::from_secs(1));
    cut_off(&mut net);
    let (_, longest) = flood(&mut net, Duration::from_millis(1_500));
    assert!(longest > Duration::from_millis(50), "it may only be held up: {longest:?}");
    assert!(longest < Duration::from_millis(150), "{longest:?}");
}

#[test]
fn a_receiver_that_pauses_is_repaired_and_waited_for_again() {
    let mut net = Net::settled(3);
    flood(&mut net, Duration::from_millis(500));
    cut_off(&mut net);
    flood(&mut net, Duration::from_millis(180));
    assert_eq!(marks(&net), (0, 1));
    reconnect(&mut net);
    flood(&mut net, Duration::from_millis(200));
    let window = net.peers[0].protocol.window(net.now.mono);
    let behind = net.peers[0].protocol.stream.next() - acked(&net, "peer-3");
    assert!(behind <= window + 1, "{behind} are under way to it, and the window is {window}");
    assert_eq!(marks(&net), (0, 1), "it went on in time");
}

#[test]
fn one_that_hangs_behind_while_others_do_not_lags_and_comes_back() {
    let mut net = Net::settled(4);
    // What the first sends to the last waits in a queue, of which the last reads a datagram in a fifth of a millisecond.
    let queue = Rc::new(RefCell::new(VecDeque::new()));
    let arriving = Rc::clone(&queue);
    net.filter = Box::new(move |from, to, datagram| {
        let waits = from == 0 && to == 3;
        arriving.borrow_mut().extend(waits.then(|| datagram.to_vec()));
        !waits
    });
    let mut steps = 0;
    let mut read_slowly = |net: &mut Net| {
        steps += 1;
        let read = if steps % 2 == 0 { queue.borrow_mut().pop_front() } else { None };
        if let Some(mut datagram) = read {
            let (from, now) = (net.peers[0].address, net.now);
            net.peers[3].protocol.handle_datagram(from, Via::Group, &mut datagram, now);
        }
    };
    let (slow, _) = flood_beside(&mut net, Duration::from_millis(400), &mut read_slowly);
    assert_eq!(marks(&net), (0, 0), "nobody is given up so soon");
    flood_beside(&mut net, Duration::from_millis(200), &mut read_slowly);
    assert_eq!(marks(&net), (1, 0), "within half a second");
    let (fast, _) = flood_beside(&mut net, Duration::from_millis(400), &mut read_slowly);
    assert!(fast > 2 * slow, "{slow} puts in 400 ms while it was waited for, {fast} afterwards");
    queue.borrow_mut().clear();
    reconnect(&mut net);
    net.run_until(|net| net.peers[0].protocol.members.values().all(|member| !member.lagging));
}

#[test]
fn one_whose_buffer_is_smaller_than_the_others_is_waited_for() {
    let mut net = Net::settled(4);
    let small = net.peers[0].protocol.members.values_mut().find(|member| member.hello.name == "peer-4");
    small.expect("a member").hello.receive_buffer = 200_000;
    flood(&mut net, Duration::from_millis(1_500));
    assert_eq!(marks(&net), (0, 0), "all are as far behind as its window lets them be");
}

#[test]
fn a_sender_does_not_outrun_its_only_receiver() {
    let mut net = Net::settled(2);
    flood(&mut net, Duration::from_millis(500));
    cut_off(&mut net);
    flood(&mut net, Duration::from_secs(1));
    assert_eq!(marks(&net), (1, 1));
    reconnect(&mut net);
    let stood_at = acked(&net, "peer-2");
    net.run_until(|net| acked(net, "peer-2") > stood_at);
    let (under_way, window) =
        (net.peers[0].protocol.under_way(net.now.mono), net.peers[0].protocol.window(net.now.mono));
    assert!(under_way > window, "it lags, goes on, and is waited for: {under_way} of {window}");
    flood(&mut net, Duration::from_millis(300));
    assert!(net.peers[0].protocol.members.values().all(|member| !member.lagging), "it has caught up");
}

#[test]
fn an_acknowledgement_of_what_was_never_sent_is_none() {
    let mut net = Net::settled(2);
    flood(&mut net, Duration::from_millis(10));
    let (session, now) = (net.peers[1].protocol.setup.session, net.now.mono);
    let (before, next) = (acked(&net, "peer-2"), net.peers[0].protocol.stream.next());
    net.peers[0].protocol.acknowledge(session, next, now);
    assert_eq!((acked(&net, "peer-2"), net.peers[0].metrics.rejected_frame.get()), (before, 1));
    net.peers[0].protocol.acknowledge(session, next - 1, now);
    assert_eq!((acked(&net, "peer-2"), net.peers[0].metrics.rejected_frame.get()), (next - 1, 1));
}

/// With a window that is large, many more datagrams can be lost in a row than one request is answered with.
#[test]
fn a_gap_of_thousands_is_repaired_within_a_tenth_of_a_second() {
    let mut net = Net::settled(3);
    flood(&mut net, Duration::from_millis(200));
    cut_off(&mut net);
    flood(&mut net, Duration::from_millis(220));
    let behind = net.peers[0].protocol.stream.next() - acked(&net, "peer-3");
    assert!(behind > 5_000, "{behind}");
    reconnect(&mut net);
    net.run(Duration::from_millis(100));
    let lost = net.peers[2].metrics.lost.get();
    assert_eq!((acked(&net, "peer-3") + 1, lost), (net.peers[0].protocol.stream.next(), 0));
}

//! Questions to every member: its counters, its checksum of a cache. This node's own answer comes first.
//!
//! Nobody is waited for longer than the caller said. Answers are read as CBOR of exactly the expected shape; anything else
//! counts as no answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::Node;
use super::cache::Cache;
use super::clock::Until;
use super::core::{Asking, Command, News, NodeCore};
use crate::error::Result;
use crate::ids::{CacheId, SessionId};
use crate::protocol::{MemberInfo, MemberState, Query};

/// News that wait for the asker: two a member of the largest cluster anybody runs. The driver drops what does not fit.
const NEWS_MAX: usize = 8_192;

/// Counters of one member by name; None: it did not answer in time.
pub type MemberMetrics = Option<Vec<(String, u64)>>;

/// Checksum and number of entries of one member's cache; None: it did not answer in time, or has not opened it.
pub type MemberChecksum = Option<(u64, u64)>;

/// Names of members, each with the body of its answer if there is one.
type Answers = Vec<(String, Option<Vec<u8>>)>;

impl Node {
    /// Every live member's counters, this node's own first, by the members' names.
    ///
    /// Waits at most `timeout` for the answers; who has not answered by then is named with None.
    ///
    /// # Errors
    /// As [`Node::members`].
    pub fn cluster_metrics(&self, timeout: Duration) -> Result<Vec<(String, MemberMetrics)>> {
        let core = self.live()?;
        let own = self.metrics().into_iter().map(|(name, _, value)| (name.to_owned(), value)).collect();
        let mut answers = vec![(core.name.to_string(), Some(own))];
        for (name, body) in ask(core, Query::Metrics, CacheId(0), timeout)? {
            let counters = body.and_then(|body| decode::<BTreeMap<String, u64>>(&body));
            answers.push((name, counters.map(|counters| counters.into_iter().collect())));
        }
        Ok(answers)
    }
}

impl Cache {
    /// (checksum, entries) of the cache on every live member, this one first, by the members' names.
    ///
    /// Waits at most `timeout` for the answers; None for who has not answered by then or has not opened the cache. A
    /// local cache has this process's alone.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub fn cluster_checksum(&self, timeout: Duration) -> Result<Vec<(String, MemberChecksum)>> {
        let core = self.live()?;
        let mut answers = vec![(core.node.name.to_string(), Some(self.checksum()?))];
        if core.is_replicated() {
            for (name, body) in ask(&core.node, Query::Checksum, core.id, timeout)? {
                answers.push((name, body.and_then(|body| decode(&body))));
            }
        }
        Ok(answers)
    }
}

/// Asks every live member and gathers the answers.
fn ask(core: &NodeCore, what: Query, cache: CacheId, timeout: Duration) -> Result<Answers> {
    let until = Until::after(timeout);
    let waiting = Arc::new(());
    let (news, told) = crossbeam_channel::bounded(NEWS_MAX);
    core.question(Command::Ask(Asking { what, cache, news, waiting: Arc::downgrade(&waiting) }))?;
    let mut asked = Asked::default();
    while !asked.is_complete() {
        match told.recv_timeout(until.remaining()) {
            Ok(news) => asked.hear(news),
            Err(crossbeam_channel::RecvTimeoutError::Timeout) => break,
            Err(crossbeam_channel::RecvTimeoutError::Disconnected) => return Err(core.gone()),
        }
    }
    Ok(asked.members.into_iter().map(|(member, answer)| (member.name, answer.body)).collect())
}

/// Whom a question went to, and what they said.
#[derive(Debug, Default)]
struct Asked {
    began: bool,
    members: Vec<(MemberInfo, Answer)>,
}

#[derive(Debug, Default)]
struct Answer {
    settled: bool,
    body: Option<Vec<u8>>,
}

impl Asked {
    fn is_complete(&self) -> bool {
        self.began && self.members.iter().all(|(_, answer)| answer.settled)
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Asked(members) => {
                self.began = true;
                let live = members.into_iter().filter(|member| is_live(member.state));
                self.members = live.map(|member| (member, Answer::default())).collect();
            }
            News::Answer(session, body) => self.settle(session, Some(body)),
            News::Gone(session) => self.settle(session, None),
        }
    }

    fn settle(&mut self, session: SessionId, body: Option<Vec<u8>>) {
        for (_, answer) in self.members.iter_mut().filter(|(member, _)| member.session == session) {
            *answer = Answer { settled: true, body: body.clone() };
        }
    }
}

/// Whether a member in this state is expected to answer.
fn is_live(state: MemberState) -> bool {
    match state {
        // One that is being filled, at its start or since it opened another cache, answers as well.
        MemberState::Joining | MemberState::Alive | MemberState::Suspect | MemberState::Lagging => true,
        MemberState::Down | MemberState::Left => false,
    }
}

/// Reads one CBOR data item; None if it is not of this shape.
fn decode<T: serde::de::DeserializeOwned>(body: &[u8]) -> Option<T> {
    ciborium::de::from_reader(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Origin;

    fn member(number: u8, state: MemberState) -> MemberInfo {
        MemberInfo {
            session: SessionId([number; 12]),
            origin: Origin(u64::from(number)),
            name: format!("n{number}"),
            address: std::net::SocketAddr::from(([127, 0, 0, 1], 1)),
            state,
            version: String::new(),
            heard_ago: Duration::ZERO,
            round_trip: Duration::ZERO,
            multicast_heard: None,
            hears_multicast: None,
            copied: false,
            clock_offset_ms: None,
        }
    }

    #[test]
    fn a_question_is_settled_when_each_live_member_answered_or_went() {
        let mut asked = Asked::default();
        assert!(!asked.is_complete());
        asked.hear(News::Asked(vec![
            member(1, MemberState::Alive),
            member(2, MemberState::Suspect),
            member(3, MemberState::Down),
        ]));
        asked.hear(News::Answer(SessionId([1; 12]), vec![7]));
        assert!(!asked.is_complete());
        asked.hear(News::Gone(SessionId([2; 12])));
        assert!(asked.is_complete());
        let bodies: Vec<_> = asked.members.iter().map(|(_, answer)| answer.body.clone()).collect();
        assert_eq!(bodies, [Some(vec![7]), None]);
    }

    #[test]
    fn without_members_there_is_nothing_to_wait_for() {
        let mut asked = Asked::default();
        asked.hear(News::Asked(Vec::new()));
        assert!(asked.is_complete());
    }

    #[test]
    fn an_answer_of_another_shape_is_none() {
        let mut body = Vec::new();
        ciborium::ser::into_writer(&(7_u64, 9_u64), &mut body).expect("into memory");
        assert_eq!(decode::<(u64, u64)>(&body), Some((7, 9)));
        assert_eq!(decode::<BTreeMap<String, u64>>(&body), None);
        assert_eq!(decode::<(u64, u64)>(b"\xff"), None);
    }
}

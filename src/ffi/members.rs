//! The members a node knows, as a list that does not change any more.

use std::ffi::{CString, c_char};
use std::ptr;

use super::duration::{count, ms};
use super::guard::{guard, guard_or};
use super::node::mcc_node_t;
use super::pointer::{c_text, free, give, handle, handle_or_null, out_pointer};
use super::status::mcc_status_t::{self, MCC_OK};
use crate::node::{MemberInfo, MemberState};

/// What a node thinks of another member. Later versions may add some.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mcc_member_state_t {
    /// It says hello; its contents are not compared yet.
    MCC_MEMBER_JOINING = 0,
    /// It is heard, and keeps up.
    MCC_MEMBER_ALIVE = 1,
    /// It was not heard for a while.
    MCC_MEMBER_SUSPECT = 2,
    /// It is heard, and does not keep up; nobody waits for it.
    MCC_MEMBER_LAGGING = 3,
    /// It was not heard for so long that it counts as gone.
    MCC_MEMBER_DOWN = 4,
    /// It said goodbye.
    MCC_MEMBER_LEFT = 5,
}

impl From<MemberState> for mcc_member_state_t {
    fn from(state: MemberState) -> mcc_member_state_t {
        match state {
            MemberState::Joining => mcc_member_state_t::MCC_MEMBER_JOINING,
            MemberState::Alive => mcc_member_state_t::MCC_MEMBER_ALIVE,
            MemberState::Suspect => mcc_member_state_t::MCC_MEMBER_SUSPECT,
            MemberState::Lagging => mcc_member_state_t::MCC_MEMBER_LAGGING,
            MemberState::Down => mcc_member_state_t::MCC_MEMBER_DOWN,
            MemberState::Left => mcc_member_state_t::MCC_MEMBER_LEFT,
        }
    }
}

/// Another member. The library makes these; later versions may append fields.
#[repr(C)]
#[derive(Debug)]
pub struct mcc_member_t {
    /// Its name, as its settings have it.
    pub name: *const c_char,
    /// Its run: 24 hexadecimal digits, different after each start.
    pub session: *const c_char,
    /// Where it sends from, such as "192.0.2.7:4000".
    pub address: *const c_char,
    /// The version of the library it runs.
    pub version: *const c_char,
    /// Time since it was last heard, ms.
    pub heard_ago_ms: i64,
    /// Round trip to it, microseconds, smoothed; 0 until measured.
    pub round_trip_us: i64,
    /// What this node thinks of it.
    pub state: mcc_member_state_t,
}

/// A list of members at one moment. Opaque; mcc_members_free() frees it.
#[derive(Debug)]
pub struct mcc_members_t {
    members: Vec<Member>,
}

/// A member with the texts its face points into.
#[derive(Debug)]
struct Member {
    face: mcc_member_t,
    _texts: [CString; 4],
}

// SAFETY: the pointers in `face` lead into `_texts`, which are never changed and live as long as it.
unsafe impl Send for Member {}
// SAFETY: as for Send; nothing is changed after `new`.
unsafe impl Sync for Member {}

impl Member {
    fn new(member: &MemberInfo) -> Member {
        let texts = [
            c_text(&member.name),
            c_text(&member.session.to_string()),
            c_text(&member.address.to_string()),
            c_text(&member.version),
        ];
        let [name, session, address, version] = [0, 1, 2, 3].map(|index: usize| texts[index].as_ptr());
        let face = mcc_member_t {
            name,
            session,
            address,
            version,
            heard_ago_ms: ms(member.heard_ago),
            round_trip_us: count(member.round_trip.as_micros()),
            state: member.state.into(),
        };
        Member { face, _texts: texts }
    }
}

/// Lists the other members the node knows now. The node itself is not among them: mcc_node_name() tells its name.
///
/// node: the node.
/// members: where the list is written.
/// Returns: MCC_OK; MCC_CLOSED; MCC_TIMEOUT if the node's thread does not get to run for ten seconds;
/// MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Owns: the caller owns *members; mcc_members_free() frees it.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_members(node: *mut mcc_node_t, members: *mut *mut mcc_members_t) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out = unsafe { out_pointer(members, "members") }?;
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        give(out, mcc_members_t { members: node.node.members()?.iter().map(Member::new).collect() });
        Ok(MCC_OK)
    })
}

/// Counts the members in a list.
///
/// members: the list.
/// Returns: how many; 0 if members is NULL.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_members_count(members: *const mcc_members_t) -> usize {
    // SAFETY: NULL or a live handle.
    guard_or(0, || unsafe { handle_or_null(members) }.map_or(0, |list| list.members.len()))
}

/// Shows one member of a list.
///
/// members: the list.
/// index: from 0 to mcc_members_count(members) - 1.
/// Returns: the member, valid until mcc_members_free(members); NULL if members is NULL or index is out of range.
/// Threads: any. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_members_item(members: *const mcc_members_t, index: usize) -> *const mcc_member_t {
    guard_or(ptr::null(), || {
        // SAFETY: NULL or a live handle.
        let list = unsafe { handle_or_null(members) };
        list.and_then(|list| list.members.get(index)).map_or(ptr::null(), |member| &raw const member.face)
    })
}

/// Frees a list of members, and the members in it.
///
/// members: the list; NULL is nothing to do.
/// Threads: any, with no other call on members going on or to come. Since: 0.1
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_members_free(members: *mut mcc_members_t) {
    // SAFETY: NULL or a handle of `give` that is not used any more.
    guard_or((), || unsafe { free(members) });
}

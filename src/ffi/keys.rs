//! The cluster's keys while a node runs, so that they can be changed without stopping the cluster.

use std::ffi::c_char;

use super::guard::guard;
use super::node::mcc_node_t;
use super::pointer::{self, handle, out, text};
use super::status::mcc_status_t::{self, MCC_BUFFER_TOO_SMALL, MCC_OK};
use crate::error::{Error, Result};
use crate::node::{KeyInfo, KeyRole};

/// The most keys a node holds.
pub const MCC_KEYS_MAX: usize = 8;

/// What a node does with one of the cluster's keys. Later versions may add some.
#[repr(i32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum mcc_key_role_t {
    /// It opens what others sealed with it; this node has not sealed with it yet.
    MCC_KEY_DECRYPT_ONLY = 0,
    /// It seals what this node sends, and opens.
    MCC_KEY_PRIMARY = 1,
    /// This node has sealed with it; now it opens, until it is removed.
    MCC_KEY_RETIRED = 2,
}

/// One of the cluster's keys. The key itself is never told.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct mcc_key_t {
    /// Its id, 1 to 255; 0 is the public key of a node without a crypto_key.
    pub id: i32,
    /// What this node does with it.
    pub role: mcc_key_role_t,
    /// How many other members seal with it now, as far as this node has heard them.
    pub members: i64,
}

impl From<&KeyInfo> for mcc_key_t {
    fn from(key: &KeyInfo) -> mcc_key_t {
        let role = match key.role {
            KeyRole::DecryptOnly => mcc_key_role_t::MCC_KEY_DECRYPT_ONLY,
            KeyRole::Primary => mcc_key_role_t::MCC_KEY_PRIMARY,
            KeyRole::Retired => mcc_key_role_t::MCC_KEY_RETIRED,
        };
        mcc_key_t { id: key.id.into(), role, members: i64::try_from(key.members).unwrap_or(i64::MAX) }
    }
}

fn id_of(id: i32) -> Result<u8> {
    u8::try_from(id).map_err(|_| Error::InvalidArgument { name: "id", reason: format!("{id} is not from 1 to 255") })
}

/// Has a node open what is sealed with another key, too. It goes on sealing with its primary key. A key that it holds
/// already changes nothing.
///
/// To change the key of a cluster that runs: add the new one to every node; when all have it, make it primary on every
/// node; when mcc_node_keys_list() tells of no member that uses the old one, on any node, remove that from every node.
/// Put the new key into the settings as well, or a restarted process will not have it.
///
/// node: the node; it was opened with a crypto_key.
/// key: the key as in the setting crypto_key, "ID:KEY": an id of 1 to 255, and 32 bytes in base64 or in 64 hexadecimal
/// digits; the key alone has the id 1. Text; copied, and never shown or logged.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT if it is no key, another key has its id, the node holds MCC_KEYS_MAX keys, or it
/// was opened without one; MCC_CLOSED; MCC_TIMEOUT if the node's thread does not get to run for ten seconds, and then
/// it may add the key yet; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_keys_add(node: *mut mcc_node_t, key: *const c_char) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        // SAFETY: NULL or the caller's text.
        let key = unsafe { text(key, "key") }?;
        node.node.add_key(key)?;
        Ok(MCC_OK)
    })
}

/// Has a node seal with another of its keys from now on. The one before goes on opening, until it is removed. Every other
/// member must hold the key already: one that does not hears nothing of this node.
///
/// node: the node.
/// id: the key's id, 1 to 255.
/// Returns: MCC_OK, also if it is the primary already; MCC_INVALID_ARGUMENT if the node has no such key; MCC_CLOSED;
/// MCC_TIMEOUT as mcc_node_keys_add(); MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_keys_set_primary(node: *mut mcc_node_t, id: i32) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        node.node.set_primary_key(id_of(id)?)?;
        Ok(MCC_OK)
    })
}

/// Has a node forget a key: it hears nothing any more of members that seal with it.
///
/// node: the node.
/// id: the key's id, 1 to 255.
/// Returns: MCC_OK; MCC_INVALID_ARGUMENT if the node has no such key, or if it is the primary; MCC_CLOSED; MCC_TIMEOUT as
/// mcc_node_keys_add(); MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_keys_remove(node: *mut mcc_node_t, id: i32) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        node.node.remove_key(id_of(id)?)?;
        Ok(MCC_OK)
    })
}

/// Lists the keys of a node by their ids, in the order they came to it.
///
/// node: the node.
/// keys, capacity: where they are written, and how many fit; MCC_KEYS_MAX are enough. keys may be NULL if capacity is 0.
/// count: where it is written how many there are, on MCC_OK and on MCC_BUFFER_TOO_SMALL.
/// Returns: MCC_OK; MCC_BUFFER_TOO_SMALL; MCC_CLOSED; MCC_TIMEOUT if the node's thread does not get to run for ten
/// seconds; MCC_INVALID_ARGUMENT; MCC_INTERNAL.
/// Threads: any. Since: 0.1
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mcc_node_keys_list(
    node: *mut mcc_node_t,
    keys: *mut mcc_key_t,
    capacity: usize,
    count: *mut usize,
) -> mcc_status_t {
    guard(|| {
        // SAFETY: NULL or the caller's variable.
        let out_count = unsafe { out(count, "count") }?;
        // SAFETY: NULL or a live handle.
        let node = unsafe { handle(node, "node") }?;
        // SAFETY: the caller's array and its length.
        let room = unsafe { pointer::array(keys, capacity, "keys") }?;
        let held: Vec<mcc_key_t> = node.node.keys()?.iter().map(mcc_key_t::from).collect();
        let fits = room.fill(&held);
        out_count.set(held.len());
        Ok(if fits { MCC_OK } else { MCC_BUFFER_TOO_SMALL })
    })
}

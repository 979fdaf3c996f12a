//! The caches that are compared, behind one face.

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use mccache::ffi::{
    mcc_cache_t, mcc_config_free, mcc_config_new_empty, mcc_config_set, mcc_config_t, mcc_free, mcc_get_into, mcc_node_close,
    mcc_node_free, mcc_node_open, mcc_node_t, mcc_open, mcc_put, mcc_status_t,
};

use crate::VALUE;

/// A cache of keys by number.
pub trait Contender: Sync {
    /// Whether there is a value, which is read.
    fn get(&self, key: u32) -> bool;
    fn put(&self, key: u32);
}

/// 16 bytes.
fn key(number: u32) -> [u8; 16] {
    let mut key = *b"key-........0000";
    key[4..8].copy_from_slice(&number.to_be_bytes());
    key
}

fn value() -> Arc<[u8]> {
    Arc::from(VALUE.as_slice())
}

/// Ours, by its C functions.
pub struct Ours {
    node: *mut mcc_node_t,
    cache: *mut mcc_cache_t,
}

// SAFETY: the C functions that are called here may be called by any threads at once.
unsafe impl Sync for Ours {}

impl Ours {
    pub fn open(entries: u32, mode: &str) -> Ours {
        Ours::with(entries, &[("cache_mode", mode)])
    }

    /// With these settings as well.
    pub fn with(entries: u32, own: &[(&str, &str)]) -> Ours {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let cluster = format!("peers-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let (mut config, mut node, mut cache) = (ptr::null_mut::<mcc_config_t>(), ptr::null_mut(), ptr::null_mut());
        let entries = entries.to_string();
        let settings = [("cluster", &*cluster), ("interface", "host"), ("cache_max", &*entries),
            ("cache_size", "4 GiB")];
        // SAFETY: every pointer is of a variable or a text that lives on, and texts end in NUL.
        unsafe {
            must(mcc_config_new_empty(&mut config));
            for (name, value) in settings.into_iter().chain(own.iter().copied()) {
                let [name, value] = [name, value].map(|text| std::ffi::CString::new(text).expect("no NUL"));
                must(mcc_config_set(config, name.as_ptr(), value.as_ptr()));
            }
            must(mcc_node_open(config, &mut node));
            must(mcc_open(node, c"peers".as_ptr(), ptr::null(), &mut cache));
            mcc_config_free(config);
        }
        Ours { node, cache }
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        // SAFETY: both are live handles, and nobody else has them.
        unsafe {
            mcc_node_close(self.node);
            mcc_free(self.cache);
            mcc_node_free(self.node);
        }
    }
}

fn must(status: mcc_status_t) {
    assert_eq!(status, mcc_status_t::MCC_OK);
}

impl Contender for Ours {
    fn get(&self, number: u32) -> bool {
        let (key, mut buffer, mut len) = (key(number), [0_u8; 128], 0);
        // SAFETY: the key, the buffer and the length are this frame's.
        let status = unsafe {
            mcc_get_into(self.cache, key.as_ptr().cast(), key.len(), buffer.as_mut_ptr().cast::<c_void>(), buffer.len(), &mut len,
                ptr::null_mut())
        };
        std::hint::black_box(&buffer);
        status == mcc_status_t::MCC_OK
    }

    fn put(&self, number: u32) {
        let key = key(number);
        // SAFETY: the key and the value are borrowed for the call.
        must(unsafe {
            mcc_put(self.cache, key.as_ptr().cast(), key.len(), VALUE.as_ptr().cast(), VALUE.len(), 0)
        });
    }
}

pub struct Quick(quick_cache::sync::Cache<[u8; 16], Arc<[u8]>>);

impl Quick {
    pub fn new(entries: u32) -> Quick {
        Quick(quick_cache::sync::Cache::new(entries as usize))
    }
}

impl Contender for Quick {
    fn get(&self, number: u32) -> bool {
        self.0.get(&key(number)).is_some_and(|value| std::hint::black_box(value[99]) == b'v')
    }
    fn put(&self, number: u32) {
        self.0.insert(key(number), value());
    }
}

pub struct Moka(moka::sync::Cache<[u8; 16], Arc<[u8]>>);

impl Moka {
    pub fn new(entries: u32) -> Moka {
        Moka(moka::sync::Cache::new(u64::from(entries)))
    }
}

impl Contender for Moka {
    fn get(&self, number: u32) -> bool {
        self.0.get(&key(number)).is_some_and(|value| std::hint::black_box(value[99]) == b'v')
    }
    fn put(&self, number: u32) {
        self.0.insert(key(number), value());
    }
}

/// The standard library's map behind its mutex: no limit, no time.
#[derive(Default)]
pub struct Locked(Mutex<HashMap<[u8; 16], Arc<[u8]>>>);

impl Contender for Locked {
    fn get(&self, number: u32) -> bool {
        let found = self.0.lock().expect("nobody panics").get(&key(number)).cloned();
        found.is_some_and(|value| std::hint::black_box(value[99]) == b'v')
    }
    fn put(&self, number: u32) {
        self.0.lock().expect("nobody panics").insert(key(number), value());
    }
}
